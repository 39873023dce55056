// A payload as it is written on a command line: key=value pairs, one JSON text, a file, or standard input. What the pairs
// mean, typed-payload.ts finds out from the schema.

import { ActonError, quoted } from "../errors.ts";
import { systemFiles } from "../files.ts";
import { decodeJson } from "../ipc/wire/json.ts";
import { usageError } from "./exit-codes.ts";

/** One `key=value`. The key is a field's name, or a path of them with dots. */
export interface Pair {
  readonly key: string;
  readonly text: string;
}

/** `whole` is JSON, and goes out as it is; pairs are typed first. No words at all are no pairs. */
export type WrittenPayload = { readonly whole: unknown } | { readonly pairs: readonly Pair[] };

const pair = /^([^\s={["@-][^=]*)=(.*)$/s;

export async function readPayload(words: readonly string[]): Promise<WrittenPayload> {
  const [first] = words;
  if (words.length === 1 && first !== undefined && !pair.test(first)) return { whole: await single(first) };
  const pairs = words.map((word) => {
    const [, key, text] = pair.exec(word) ?? [];
    if (key === undefined || text === undefined) throw usageError(`${JSON.stringify(word)} is not key=value; quote a whole JSON payload as one word`);
    return { key, text };
  });
  return { pairs };
}

async function single(word: string): Promise<unknown> {
  if (word === "-") return parse(await Bun.stdin.text(), "standard input is not JSON");
  if (word.startsWith("@")) return parse(readFile(word.slice(1)), `${word.slice(1)} is not JSON`);
  return parse(word, `the payload ${quoted(word)} is neither key=value nor JSON`);
}

/** What a frame can hold at most. */
const fileBytesMax = 2 ** 24 - 1;

function readFile(path: string): string {
  let text: string | undefined;
  try {
    text = systemFiles.readText(path, fileBytesMax);
  } catch (thrown) {
    throw usageError(`cannot read ${path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  if (text === undefined) throw usageError(`cannot read ${path}: there is no such file`);
  return text;
}

function parse(text: string, problem: string): unknown {
  try {
    return decode(text);
  } catch (thrown) {
    if (!(thrown instanceof ActonError)) throw thrown;
    throw usageError(`${problem}: ${thrown.message.replace(/^the body is not JSON: /, "")}`);
  }
}

/** What the text says in JSON; undefined when it is none. */
export function jsonValue(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: decode(text) };
  } catch {
    return undefined;
  }
}

const limits = { depth: 127, tokens: 2 ** 24 };

// The wire's own decoder: a number too large for a double stays exact.
function decode(text: string): unknown {
  const bytes = Buffer.from(text);
  return decodeJson(bytes, 0, bytes.length, limits);
}
