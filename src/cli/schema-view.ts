// A JSON Schema as the command line reads it: which kinds of value a place takes, which fields an object has. It helps to type
// what was written and to say what is expected; whether a payload is right is the server's word alone.

import { isRecord } from "../record.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;
export type Kind = "string" | "integer" | "number" | "boolean" | "null" | "array" | "object";

export interface Field {
  readonly name: string;
  readonly view: SchemaView;
  readonly required: boolean;
}

const kinds: readonly Kind[] = ["string", "integer", "number", "boolean", "null", "array", "object"];

export class SchemaView {
  readonly #root: JsonSchema;
  readonly #node: JsonSchema;
  #alternatives: readonly JsonSchema[] | undefined;

  private constructor(root: JsonSchema, node: JsonSchema) {
    this.#root = root;
    this.#node = node;
  }

  static of(schema: JsonSchema): SchemaView {
    return new SchemaView(schema, schema);
  }

  /** What kinds of value are taken here; all of them where the schema does not say. */
  get kinds(): readonly Kind[] {
    const taken = new Set(this.#parts().flatMap(kindsOf));
    return kinds.filter((kind) => taken.has(kind));
  }

  /** The only values taken here; undefined when there are others. */
  get choices(): readonly unknown[] | undefined {
    const lists = this.#parts().map(({ enum: list, ...rest }) =>
      "const" in rest ? [rest["const"]] : Array.isArray(list) ? (list as unknown[]) : undefined,
    );
    return lists.length > 0 && lists.every((list) => list !== undefined) ? [...new Set(lists.flat())] : undefined;
  }

  /** The fields of the objects taken here; those of all alternatives together, required when each of them requires it. */
  get fields(): readonly Field[] {
    const objects = this.#parts().filter(isObjectSchema);
    const fields = new Map<string, Field>();
    for (const node of objects) {
      for (const [name, schema] of Object.entries(recordOr(node["properties"]))) {
        const required = objects.every((each) => listOr(each["required"]).includes(name));
        if (!fields.has(name)) fields.set(name, { name, view: this.#at(schema), required });
      }
    }
    return [...fields.values()];
  }

  field(name: string): Field | undefined {
    return this.fields.find((field) => field.name === name);
  }

  /** What further keys take; undefined when there are to be none. */
  get others(): SchemaView | undefined {
    const objects = this.#parts().filter(isObjectSchema);
    const further = objects
      .map((node) => node["additionalProperties"] ?? (node["properties"] === undefined ? {} : false))
      .find((schema) => schema !== false);
    return further === undefined ? undefined : this.#at(further);
  }

  /** What the items of a list take. */
  get items(): SchemaView {
    return this.#at(this.#parts().find((node) => node["items"] !== undefined)?.["items"] ?? {});
  }

  /** In words: `a whole number`, `"on" or "off"`. */
  get words(): string {
    const { choices } = this;
    if (choices !== undefined && choices.length <= 12) return inWords(choices.map((choice) => JSON.stringify(choice)));
    const taken = this.kinds;
    if (taken.length >= kinds.length - 1) return "anything";
    return inWords(taken.filter((kind) => !(kind === "integer" && taken.includes("number"))).map((kind) => kindWords[kind]));
  }

  /** In short, for a table: `integer`, `"on" | "off"`, `string[]`, `object`. */
  get label(): string {
    const { choices } = this;
    if (choices !== undefined && choices.length <= 6) return choices.map((choice) => JSON.stringify(choice)).join(" | ");
    const taken = this.kinds;
    if (taken.length >= kinds.length - 1) return "any";
    const named = taken.filter((kind) => !(kind === "integer" && taken.includes("number")));
    return named.map((kind) => (kind === "array" && taken.length === 1 ? `${this.items.label}[]` : kind)).join(" | ");
  }

  /** Bounds and format, as far as there is one alternative to speak of: `1 …`, `at most 64 characters`. */
  get limits(): string {
    const [node, ...more] = this.#parts().filter((part) => part["type"] !== "null");
    return node === undefined || more.length > 0 ? "" : limitsOf(node).join(", ");
  }

  get description(): string {
    const text = this.#node["description"] ?? this.#parts()[0]?.["description"];
    return typeof text === "string" ? text : "";
  }

  /** A value of the right kind, for an example; undefined when the schema names none. */
  get default(): unknown {
    return this.#node["default"];
  }

  #at(schema: unknown): SchemaView {
    return new SchemaView(this.#root, recordOr(schema));
  }

  // References, unions and intersections resolved: each part is one alternative.
  #parts(): readonly JsonSchema[] {
    return (this.#alternatives ??= this.#flatten(this.#node, new Set()));
  }

  // Each reference is followed once: it adds nothing the second time, and a schema may come back to itself.
  #flatten(node: JsonSchema, followed: Set<string>): readonly JsonSchema[] {
    const { $ref: ref } = node;
    if (typeof ref === "string") {
      if (followed.has(ref)) return [];
      followed.add(ref);
      return this.#flatten(recordOr(this.#resolve(ref)), followed);
    }
    const union = node["anyOf"] ?? node["oneOf"];
    if (Array.isArray(union)) return union.flatMap((part) => this.#flatten(recordOr(part), followed));
    const all = node["allOf"];
    if (!Array.isArray(all)) return [node];
    const parts = all.flatMap((part) => this.#flatten(recordOr(part), followed));
    const properties = Object.assign({}, ...parts.map((part) => recordOr(part["properties"])));
    return [Object.assign({}, ...parts, { properties, required: parts.flatMap((part) => listOr(part["required"])) })];
  }

  #resolve(ref: string): unknown {
    let node: unknown = this.#root;
    for (const part of ref.replace(/^#\/?/, "").split("/").filter(Boolean)) {
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      node = isRecord(node) && Object.hasOwn(node, key) ? node[key] : undefined;
    }
    return node;
  }
}

const kindWords: Readonly<Record<Kind, string>> = {
  string: "a text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  null: "null",
  array: "a list",
  object: "an object",
};

/** The kind of a value, the narrowest: 5 is an integer. */
export function kindOf(value: unknown): Kind {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "bigint" || Number.isInteger(value)) return "integer";
  return typeof value === "number" ? "number" : typeof value === "boolean" ? "boolean" : typeof value === "string" ? "string" : "object";
}

function kindsOf(node: JsonSchema): readonly Kind[] {
  const { type } = node;
  const named = (Array.isArray(type) ? type : [type]).filter((name): name is Kind => kinds.includes(name as Kind));
  if (named.length > 0) return named.includes("number") ? [...named, "integer"] : named;
  if ("const" in node) return [kindOf(node["const"])];
  if (Array.isArray(node["enum"])) return node["enum"].map(kindOf);
  return isRecord(node["properties"]) ? ["object"] : kinds;
}

function isObjectSchema(node: JsonSchema): boolean {
  return kindsOf(node).includes("object");
}

const numberLimit = 2 ** 53 - 1;

function limitsOf(node: JsonSchema): readonly string[] {
  const number = (key: string): number | undefined => (typeof node[key] === "number" && Math.abs(node[key]) < numberLimit ? node[key] : undefined);
  const low = number("minimum") ?? number("minLength") ?? number("minItems");
  const high = number("maximum") ?? number("maxLength") ?? number("maxItems");
  const above = number("exclusiveMinimum");
  const below = number("exclusiveMaximum");
  const unit = node["type"] === "string" ? " characters" : node["type"] === "array" ? " items" : "";
  return [
    ...(low !== undefined && high !== undefined ? [`${low} … ${high}${unit}`] : []),
    ...(low !== undefined && high === undefined ? [`at least ${low}${unit}`] : []),
    ...(low === undefined && high !== undefined ? [`at most ${high}${unit}`] : []),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
    ...(typeof node["format"] === "string" ? [node["format"]] : typeof node["pattern"] === "string" ? [`matches ${node["pattern"]}`] : []),
  ];
}

function inWords(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "nothing") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function recordOr(value: unknown): JsonSchema {
  return isRecord(value) ? value : {};
}

function listOr(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
