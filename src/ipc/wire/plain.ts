// What may leave the process as a payload: JSON's values, 64-bit integers and, in MessagePack, bytes.
// Both encoders pass every value through here, so that neither library ever meets one that it would write wrongly or silently.

import { detailOf, isA, quoted } from "../../errors.ts";
import { depthMax, fits64Bits, malformed, setOwn } from "./codec.ts";

/** What an encoder accepts, and how it wants the numbers that its library would write wrongly. */
export interface Spelling {
  /** How error texts call the value; empty when its keys speak for themselves, as an envelope's do. */
  readonly root: string;
  readonly depth: number;
  /** Bytes pass. */
  readonly binary: boolean;
  /** Strings must be well formed: MessagePack has no escape for a lone surrogate, and many readers of JSON take none. */
  readonly wellFormed: boolean;
  /** Called for finite numbers that are not 32-bit integers. */
  readonly number: (value: number) => unknown;
  readonly bigint: (value: bigint) => unknown;
}

const same = <Value>(value: Value): Value => value;
const textPayload: Spelling = { root: "payload", depth: depthMax - 1, binary: false, wellFormed: false, number: same, bigint: same };
const binaryPayload: Spelling = { ...textPayload, binary: true, wellFormed: true };

/**
 * The payload as plain data: the same reference when it is that already, else a converted copy. Class instances become
 * records of their own fields, `toJSON` is honoured, `undefined` is left out of objects and null elsewhere.
 * What has no representation (NaN, functions, maps, cycles, a getter that throws) is a SERIALIZATION_ERROR with its path.
 */
export function plain(payload: unknown, binary: boolean): unknown {
  return spelled(payload, binary ? binaryPayload : textPayload);
}

/** `plain` for an encoder. */
export function spelled(value: unknown, spelling: Spelling): unknown {
  try {
    if (isSpelled(value, spelling, spelling.depth)) return value;
  } catch {
    // A getter threw: the conversion meets it again, and knows the path.
  }
  return new Conversion(spelling).run(value);
}

/** True when the value can leave as it is. The common case, so it keeps no path; a rare value that could stay may be false. */
function isSpelled(value: unknown, spelling: Spelling, room: number): boolean {
  switch (typeof value) {
    case "string":
      return !spelling.wellFormed || value.isWellFormed();
    case "boolean":
      return true;
    case "number":
      return (value | 0) === value || (Number.isFinite(value) && spelling.number(value) === value);
    case "object":
      if (value === null) return true;
      if (room === 0 || !hasPlainPrototype(value) || "toJSON" in value) return false;
      return Array.isArray(value) ? isSpelledArray(value, spelling, room - 1) : isSpelledRecord(value, spelling, room - 1);
    default:
      return false;
  }
}

function isSpelledArray(items: readonly unknown[], spelling: Spelling, room: number): boolean {
  for (let index = 0; index < items.length; index++) {
    if (!isSpelled(items[index], spelling, room)) return false;
  }
  return true;
}

function isSpelledRecord(record: object, spelling: Spelling, room: number): boolean {
  const fields = record as Readonly<Record<string, unknown>>;
  const keys = Object.keys(fields);
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string;
    if (spelling.wellFormed && !key.isWellFormed()) return false;
    if (!isSpelled(fields[key], spelling, room)) return false;
  }
  return true;
}

function hasPlainPrototype(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) ? prototype === Array.prototype : prototype === Object.prototype || prototype === null;
}

/** Why a value cannot leave; `Conversion.run` adds the path. */
class Refusal extends Error {}

/** One walk that converts, and copies the containers in which something changed. */
class Conversion {
  readonly #spelling: Spelling;
  /** The way to what is being read and converted; it stays as it is when that is refused, for the error's text. */
  readonly #path: (string | number)[] = [];

  constructor(spelling: Spelling) {
    this.#spelling = spelling;
  }

  run(value: unknown): unknown {
    try {
      return this.#convert(value) ?? null;
    } catch (error) {
      throw malformed(`${pathText(this.#spelling.root, this.#path)}: ${detailOf(error)}`, isA(Refusal, error) ? undefined : error);
    }
  }

  /** `undefined` stays so: an object leaves it out, all others write null. */
  #convert(value: unknown): unknown {
    const spelling = this.#spelling;
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        if (!Number.isFinite(value)) throw new Refusal(`${value} has no representation`);
        return (value | 0) === value ? value : spelling.number(value);
      case "bigint":
        if (!fits64Bits(value)) throw new Refusal("the integer exceeds 64 bits");
        return spelling.bigint(value);
      case "boolean":
      case "undefined":
        return value;
      case "object":
        return value === null ? null : this.#object(value);
      default:
        throw new Refusal(`a ${typeof value} has no representation`);
    }
  }

  #text(text: string): string {
    if (this.#spelling.wellFormed && !text.isWellFormed()) throw new Refusal("a lone surrogate has no representation");
    return text;
  }

  #object(value: object): unknown {
    if (this.#spelling.binary && value instanceof Uint8Array) return value;
    if (ArrayBuffer.isView(value)) throw unrepresentable(value);
    if (value instanceof Date && Number.isNaN(value.getTime())) throw new Refusal("an invalid Date has no representation");
    if (!("toJSON" in value) || typeof value.toJSON !== "function") return this.#container(value);
    const json: unknown = value.toJSON(String(this.#path.at(-1) ?? ""));
    // Once only, as in JSON.stringify: a toJSON may return its own object.
    return typeof json === "object" && json !== null && !ArrayBuffer.isView(json) ? this.#container(json) : this.#convert(json);
  }

  #container(value: object): object {
    if (this.#path.length >= this.#spelling.depth) throw new Refusal(`nested deeper than ${this.#spelling.depth} levels, or a cycle`);
    if (Array.isArray(value)) return this.#array(value);
    if (unrepresentableClasses.some((unrepresentableClass) => value instanceof unrepresentableClass)) throw unrepresentable(value);
    return this.#record(value);
  }

  #array(items: readonly unknown[]): readonly unknown[] {
    const copy: unknown[] = [];
    let changed = !hasPlainPrototype(items);
    for (let index = 0; index < items.length; index++) {
      this.#path.push(index);
      const before = items[index];
      const after = this.#convert(before) ?? null;
      this.#path.pop();
      changed ||= after !== before;
      copy.push(after);
    }
    return changed ? copy : items;
  }

  #record(record: object): object {
    const fields = record as Readonly<Record<string, unknown>>;
    const copy: Record<string, unknown> = {};
    let changed = !hasPlainPrototype(record);
    for (const key of Object.keys(fields)) {
      this.#text(key);
      this.#path.push(key);
      const before = fields[key];
      const after = this.#convert(before);
      this.#path.pop();
      changed ||= after !== before || after === undefined;
      if (after !== undefined) setOwn(copy, key, after);
    }
    return changed ? copy : record;
  }
}

/** Objects whose content is not in their own fields: as records they would silently become `{}`. */
const unrepresentableClasses: readonly (abstract new (...args: never[]) => object)[] = [
  Map,
  Set,
  WeakMap,
  WeakSet,
  WeakRef,
  RegExp,
  Promise,
  Error,
  ArrayBuffer,
  SharedArrayBuffer,
  Number,
  String,
  Boolean,
];

function unrepresentable(value: object): Refusal {
  return new Refusal(`${quoted(Object.prototype.toString.call(value).slice(8, -1))} has no representation`);
}

/** Of a longer path the beginning, so that what is wrong with its end finds room in an error text. */
const stepsMax = 8;
const bareKey = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u;

function pathText(root: string, path: readonly (string | number)[]): string {
  const steps = path
    .slice(0, stepsMax)
    .map((step) => (typeof step === "number" ? `[${step}]` : bareKey.test(step) ? `.${step}` : `[${quoted(step)}]`));
  const text = `${root}${steps.join("")}${path.length > stepsMax ? "…" : ""}`;
  return detailOf(root === "" ? text.replace(/^\./, "") || "value" : text);
}
