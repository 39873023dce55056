// key=value pairs become a payload: each text is what the schema says that it is. What cannot be right is said here, before
// anything is sent, with the nearest name.

import type { DiscoveredType } from "../ipc/client/discovery.ts";
import { nearestName } from "../nearest-name.ts";
import { isRecord } from "../record.ts";
import { CommandError, usageError } from "./exit-codes.ts";
import { jsonValue, type Pair } from "./payload.ts";
import { kindOf, SchemaView } from "./schema-view.ts";

type Draft = Record<string, unknown>;

/** `type` is what discovery says of the message type `name`; without it each text is what it says in JSON, or else a text. */
export function typedPayload(pairs: readonly Pair[], name: string, type: DiscoveredType | undefined): unknown {
  return new PayloadBuilder(name, SchemaView.of(type?.schema ?? {}), type?.example).build(pairs);
}

class PayloadBuilder {
  readonly #name: string;
  readonly #root: SchemaView;
  readonly #example: unknown;
  /** Objects made here, by dotted keys; only of these it is known which fields they lack. */
  readonly #drafts = new Map<Draft, SchemaView>();
  /** Lists begun by `key=value`, to which the same key adds. */
  readonly #lists = new Set<unknown>();

  constructor(name: string, root: SchemaView, example: unknown) {
    this.#name = name;
    this.#root = root;
    this.#example = example;
  }

  build(pairs: readonly Pair[]): unknown {
    if (pairs.length === 0 && !this.#root.kinds.includes("object") && this.#root.kinds.includes("null")) return null;
    if (!this.#root.kinds.includes("object")) throw usageError(`${this.#name} takes ${this.#root.words}, not key=value: write it as JSON`);
    const payload = this.#draft(this.#root);
    for (const { key, text } of pairs) this.#put(payload, this.#root, { path: key, key, text });
    const missing = [...this.#drafts].flatMap(([draft, view]) => view.fields.filter(({ name, required }) => required && !Object.hasOwn(draft, name)));
    if (missing.length > 0) throw this.#lacks(missing.map(({ name, view }) => `${name} (${view.words})`));
    return payload;
  }

  #put(draft: Draft, view: SchemaView, { path, key, text }: { readonly path: string; readonly key: string; readonly text: string }): void {
    const dot = view.field(key) === undefined ? key.indexOf(".") : -1;
    const name = dot < 0 ? key : key.slice(0, dot);
    const inside = view.field(name)?.view ?? view.others;
    if (inside === undefined) throw this.#unknown(path, name, view);
    const held = Object.hasOwn(draft, name) ? draft[name] : undefined;
    if (dot < 0) {
      if (Object.hasOwn(draft, name)) this.#add(held, inside, path, text);
      else set(draft, name, this.#value(inside, path, text));
      return;
    }
    if (!inside.kinds.includes("object")) throw usageError(`${path}: ${name} takes ${inside.words}, and has no fields`);
    if (held !== undefined && !(isRecord(held) && this.#drafts.has(held))) throw usageError(`the key "${name}" is given twice`);
    const next = held === undefined ? this.#draft(inside) : (held as Draft);
    set(draft, name, next);
    this.#put(next, inside, { path, key: key.slice(dot + 1), text });
  }

  #value(view: SchemaView, path: string, text: string): unknown {
    const { kinds, choices } = view;
    const value = textAs(view, text);
    if (value === undefined && kinds.includes("array") && !kinds.includes("object")) {
      const list = [this.#value(view.items, path, text)];
      this.#lists.add(list);
      return list;
    }
    if (value !== undefined && choices?.includes(value.value) !== false) return value.value;
    const near = choices === undefined ? undefined : nearestName(text, choices.map(String));
    const meant = near === undefined ? "" : `, did you mean ${near}?`;
    const nested = kinds.includes("object") && kinds.length === 1 ? `; write ${path}.field=value, or JSON` : "";
    throw usageError(`${path} must be ${view.words}, not ${JSON.stringify(text)}${meant}${nested}`);
  }

  #add(held: unknown, view: SchemaView, path: string, text: string): void {
    if (!Array.isArray(held) || !this.#lists.has(held)) throw usageError(`the key ${JSON.stringify(path)} is given twice`);
    held.push(this.#value(view.items, path, text));
  }

  #draft(view: SchemaView): Draft {
    const draft: Draft = {};
    this.#drafts.set(draft, view);
    return draft;
  }

  #unknown(path: string, name: string, view: SchemaView): CommandError {
    const known = view.fields.map((field) => field.name);
    const near = nearestName(name, known);
    const whose = path === name ? this.#name : path.slice(0, path.length - name.length - 1) || this.#name;
    const meant = near === undefined ? "" : `, did you mean '${near}'?`;
    return usageError(
      `${whose} has no field '${name}'${meant}${near === undefined ? "; " : " "}${known.length === 0 ? "it takes none" : `It takes ${known.join(", ")}`}`,
    );
  }

  #lacks(missing: readonly string[]): CommandError {
    const example = isRecord(this.#example) ? pairsOf(this.#example) : undefined;
    return usageError(`${this.#name} needs ${missing.join(" and ")}${example === undefined ? "" : `; for example: ${example}`}`);
  }
}

/** What the text means where the schema is `view`: a text where only a text is taken, else what it says in JSON, if that is taken. */
function textAs(view: SchemaView, text: string): { readonly value: unknown } | undefined {
  const { kinds } = view;
  const onlyText = kinds.length === 1 && kinds[0] === "string";
  const json = onlyText ? undefined : jsonValue(text);
  if (json !== undefined && kinds.includes(kindOf(json.value))) return json;
  return kinds.includes("string") ? { value: text } : undefined;
}

/** A record as key=value words for a shell; undefined when it holds more than plain values. */
export function pairsOf(record: Readonly<Record<string, unknown>>): string | undefined {
  const entries = Object.entries(record);
  const plain = entries.every(([key, value]) => /^[\w.-]+$/.test(key) && !key.startsWith("-") && (value === null || typeof value !== "object"));
  return plain ? entries.map(([key, value]) => `${key}=${shellWord(String(value))}`).join(" ") : undefined;
}

/** The text as one word of a shell. */
export function shellWord(text: string): string {
  return /^[\w.:/@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

// `__proto__` is a key like any other.
function set(draft: Draft, name: string, value: unknown): void {
  Object.defineProperty(draft, name, { value, writable: true, enumerable: true, configurable: true });
}
