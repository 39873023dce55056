// A payload from the command line: key=value pairs, one JSON text, a file, or standard input.

import { ActonError, quoted } from "../errors.ts";
import { systemFiles } from "../files.ts";
import { decodeJson } from "../ipc/wire/json.ts";
import { usageError } from "./exit-codes.ts";

const pair = /^([^\s={["@-][^=]*)=(.*)$/s;

/** `a=5 name=bob` → {a: 5, name: "bob"}: a value is what it says in JSON, else a text. Nothing at all is {}. */
export async function payloadFrom(words: readonly string[]): Promise<unknown> {
  const [first] = words;
  if (first === undefined) return {};
  if (words.length === 1 && !pair.test(first)) return single(first);
  const record: Record<string, unknown> = {};
  for (const word of words) {
    const [, key, text] = pair.exec(word) ?? [];
    if (key === undefined || text === undefined) throw usageError(`${JSON.stringify(word)} is not key=value; quote a whole JSON payload as one word`);
    if (Object.hasOwn(record, key)) throw usageError(`the key ${JSON.stringify(key)} is given twice`);
    Object.defineProperty(record, key, { value: jsonOrText(text), writable: true, enumerable: true, configurable: true });
  }
  return record;
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

function jsonOrText(text: string): unknown {
  try {
    return decode(text);
  } catch {
    return text;
  }
}

const limits = { depth: 127, tokens: 2 ** 24 };

// The wire's own decoder: a number too large for a double stays exact.
function decode(text: string): unknown {
  const bytes = Buffer.from(text);
  return decodeJson(bytes, 0, bytes.length, limits);
}
