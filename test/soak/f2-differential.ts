// F2: the same bytes to our decoders and to Python's json and msgpack. They agree on what is a body and on its value, but
// for the differences that are listed here; and Python reads what our encoders write as the value that went in.

import { ActonError } from "../../src/errors.ts";
import type { CodecLimits } from "../../src/ipc/wire/codec.ts";
import { depthMax } from "../../src/ipc/wire/codec.ts";
import { decodeJson, encodeJson } from "../../src/ipc/wire/json.ts";
import { decodeMessagePack, encodeMessagePack } from "../../src/ipc/wire/msgpack.ts";
import type { Format } from "../../src/ipc/wire/packet.ts";
import { Chance, someValue } from "./parts/chance.ts";
import { mutated } from "./parts/mutation.ts";
import type { SoakCheck } from "./check.ts";

/** What Python takes and we refuse, by the mark that the peer sets, with the words of our refusal and the reason. */
export const allowedDifferences: Readonly<Record<string, { readonly refusal: RegExp; readonly why: string }>> = {
  big: { refusal: /number that is out of range/, why: "an integer beyond 64 bits has no place in most languages, nor in MessagePack" },
  overflow: { refusal: /number that is out of range/, why: "a JSON number beyond a double is Infinity to Python, which JSON cannot write" },
  deep: { refusal: /nests deeper than 127 levels/, why: "nesting is bounded, so that no reader runs out of stack" },
  extension: { refusal: /extension type/, why: "extension types mean something else to every reader" },
  otherKey: { refusal: /map key that is not a string/, why: "a key is text, in JSON as in most languages; to Python anything may be one" },
};

const limits: CodecLimits = { depth: depthMax, tokens: 1_000_000 };
const peerPath = new URL("parts/differential-peer.py", import.meta.url).pathname;
const batchMax = 5_000;

export interface DifferentialTally {
  cases: number;
  agreedValues: number;
  agreedRefusals: number;
  readonly allowed: Record<string, number>;
  /** Disagreements without an excuse. Cut at the first few. */
  readonly unexplained: string[];
}

const f2: SoakCheck = {
  id: "F2",
  title: "The same bytes to our decoders and to Python's json and msgpack",
  pass: "100,000 cases, 0 unexplained disagreements",
  async run({ rounds: cases = 100_000, seed = 1 }) {
    const peer = peerVersion();
    if (peer === undefined) return { figure: "not run: there is no python3 with msgpack", passed: false };
    const { agreedValues, agreedRefusals, allowed, unexplained } = compareWithPython(cases, seed);
    const excused = Object.entries(allowed).map(([mark, count]) => `${count} ${mark}`);
    return {
      figure:
        `${cases.toLocaleString("en")} cases, seed ${seed}, ${peer}: ${unexplained.length} unexplained; ${agreedValues} equal values, ` +
        `${agreedRefusals} refused by both, allowed differences: ${excused.join(", ") || "none"} ${unexplained.join("; ")}`.trimEnd(),
      passed: unexplained.length === 0,
    };
  },
};

/** Undefined when Python 3 or its msgpack is missing. */
export function peerVersion(): string | undefined {
  try {
    const { success, stdout } = Bun.spawnSync(["python3", peerPath, "--version"], { stderr: "ignore" });
    return success ? stdout.toString().trim() : undefined;
  } catch {
    return undefined;
  }
}

interface Case {
  readonly format: Format;
  readonly body: Buffer;
  /** What was written, when nothing was damaged afterwards. */
  readonly written: string | undefined;
}

export function compareWithPython(cases: number, seed: number): DifferentialTally {
  const tally: DifferentialTally = { cases: 0, agreedValues: 0, agreedRefusals: 0, allowed: {}, unexplained: [] };
  const chance = new Chance(seed);
  for (let done = 0; done < cases; done += batchMax) {
    const batch = makeCases(Math.min(batchMax, cases - done), chance);
    const answers = answersOf(batch);
    batch.forEach((each, place) => compare(each, answers[place] ?? "no answer", tally));
  }
  return tally;
}

function makeCases(count: number, chance: Chance): readonly Case[] {
  const written = Array.from({ length: Math.ceil(count / 4) }, (): Case => {
    const format = chance.oncein(2) ? "json" : "msgpack";
    const value = someValue(chance, { binary: format === "msgpack", bigints: true });
    const body = format === "json" ? Buffer.from(encodeJson(value)) : Buffer.from(encodeMessagePack(value));
    return { format, body, written: said(value) };
  });
  const bodies = { json: written.filter(({ format }) => format === "json"), msgpack: written.filter(({ format }) => format === "msgpack") };
  const damaged = Array.from({ length: count - written.length }, (): Case => {
    const { format, body } = chance.one(written);
    const lenders = bodies[format].map((each) => each.body);
    return { format, body: mutated(body, lenders, chance), written: undefined };
  });
  return [...written, ...damaged];
}

function answersOf(batch: readonly Case[]): readonly string[] {
  const sent = batch.flatMap(({ format, body }) => {
    const head = Buffer.alloc(5, format === "json" ? "J" : "M");
    head.writeUInt32BE(body.length, 1);
    return [head, body];
  });
  return Bun.spawnSync(["python3", peerPath], { stdin: Buffer.concat(sent), stderr: "inherit" })
    .stdout.toString()
    .split("\n");
}

function compare({ format, body, written }: Case, answer: string, tally: DifferentialTally): void {
  tally.cases += 1;
  const ours = read(format, body);
  const [marks = "", theirs] = answer.split(" ");
  const refusedByThem = answer === "refused";
  if (written !== undefined && ours !== written) return note(tally, format, body, `ours ${String(ours)}, written ${written}`);
  if (ours instanceof ActonError) {
    if (ours.code !== "SERIALIZATION_ERROR") return note(tally, format, body, `ours failed with ${ours.code}`);
    if (refusedByThem) {
      tally.agreedRefusals += 1;
      return;
    }
    const mark = marks.split(",").find((each) => allowedDifferences[each]?.refusal.test(ours.message));
    if (mark === undefined) return note(tally, format, body, `ours refuses (${ours.message}), Python: ${answer}`);
    tally.allowed[mark] = (tally.allowed[mark] ?? 0) + 1;
  } else if (ours === theirs && marks === "") tally.agreedValues += 1;
  else note(tally, format, body, `ours ${ours}, Python: ${answer}`);
}

function note(tally: DifferentialTally, format: Format, body: Buffer, what: string): void {
  if (tally.unexplained.length < 10) tally.unexplained.push(`${format} ${body.toString("hex").slice(0, 200)}: ${what.slice(0, 300)}`);
}

function read(format: Format, body: Buffer): string | ActonError {
  try {
    return said(format === "json" ? decodeJson(body, 0, body.length, limits) : decodeMessagePack(body, 0, body.length, limits));
  } catch (error) {
    if (error instanceof ActonError) return error;
    throw error;
  }
}

/** The value as the peer says it. */
export function said(value: unknown): string {
  switch (typeof value) {
    case "boolean":
      return value ? "t" : "f";
    case "bigint":
      return `i${value}`;
    case "number":
      return saidNumber(value);
    case "string":
      return `s${hexOf(value)}`;
    default:
      if (value === null) return "n";
      if (value instanceof Uint8Array) return `b${Buffer.from(value).toString("hex")}`;
      if (Array.isArray(value)) return `[${value.map((item) => said(item)).join(",")}]`;
      return saidRecord(value as Record<string, unknown>);
  }
}

function saidRecord(record: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries(record).map(([key, held]) => [hexOf(key), said(held)] as const);
  return `{${fields
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, held]) => `${key}:${held}`)
    .join(",")}}`;
}

function saidNumber(value: number): string {
  if (Number.isNaN(value)) return "N";
  if (!Number.isFinite(value)) return value > 0 ? "I" : "-I";
  if (Number.isInteger(value)) return `i${BigInt(value)}`;
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return `d${bytes.toString("hex")}`;
}

function hexOf(text: string): string {
  return Buffer.from(text, "utf16le").swap16().toString("hex");
}

export const checks = [f2];
