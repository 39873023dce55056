// F1: mutated frames through everything that stands between a socket and an operation, and back: the decoder, the choice of a
// dialect, its reading of the body, the answer. Whatever comes, it is a frame, a refusal or not yet whole; and what is
// taken for a value can be written again, and reads as an equal one.

import { ActonError } from "../../src/errors.ts";
import { BufferPool } from "../../src/ipc/wire/buffer-pool.ts";
import { type CodecLimits, depthMax } from "../../src/ipc/wire/codec.ts";
import { decodeBody } from "../../src/ipc/wire/decode-body.ts";
import { detect } from "../../src/ipc/wire/detect.ts";
import type { Dialect } from "../../src/ipc/wire/dialect.ts";
import { type Frame, FrameDecoder } from "../../src/ipc/wire/frame-decoder.ts";
import { FrameWriter } from "../../src/ipc/wire/frame-writer.ts";
import { decodeJson, encodeJson } from "../../src/ipc/wire/json.ts";
import { decodeMessagePack, encodeMessagePack } from "../../src/ipc/wire/msgpack.ts";
import type { Packet } from "../../src/ipc/wire/packet.ts";
import { Chance } from "./parts/chance.ts";
import { growthOf } from "./parts/growth.ts";
import { mutated } from "./parts/mutation.ts";
import { holdsUnwritableNumber, sameValue } from "./parts/same-value.ts";
import { frameBytesMax, freshFrame, seedFrames, smallBytes, withLength } from "./parts/seed-frames.ts";
import type { SoakCheck } from "./check.ts";

const limits: CodecLimits = { depth: depthMax, tokens: 10_000 };
/** A case that takes longer is looked at again: on a busy machine only the least of several times is its own. */
const slowMs = 20;

export interface FrameTally {
  cases: number;
  /** Packets that a dialect made of a frame, malformed ones not counted. */
  accepted: number;
  /** Bodies that were read, and compared with what they are after being written. */
  rewritten: number;
  malformed: number;
  refused: number;
  unfinished: number;
  slow: number;
  /** What went wrong, each with the seed of its case. Cut at the first few. */
  readonly faults: string[];
}

const f1: SoakCheck = {
  id: "F1",
  title: "Mutated frames, in process",
  pass: "2,000,000 cases: 0 uncaught, 0 over 20 ms up to 4 KiB, every accept re-encodes to an equal value, memory grows by less than 5 MB",
  async run({ rounds: cases = 2_000_000, seed = 1 }) {
    const heap: number[] = [];
    const tally = fuzzFrames(cases, seed, () => {
      Bun.gc(true);
      heap.push(process.memoryUsage.rss());
    });
    const grown = growthOf(heap) / 2 ** 20;
    const { accepted, rewritten, malformed, refused, unfinished, slow, faults } = tally;
    return {
      figure:
        `${cases.toLocaleString("en")} cases, seed ${seed}: ${faults.length} faults, ${slow} over ${slowMs} ms, memory ${grown.toFixed(1)} MB; ` +
        `${accepted} packets, ${malformed} malformed, ${refused} refused, ${unfinished} unfinished, ${rewritten} bodies re-encoded ${faults.join("; ")}`.trimEnd(),
      passed: faults.length === 0 && slow === 0 && grown < 5,
    };
  },
};

/** `sampled` is called twenty times on the way. */
export function fuzzFrames(cases: number, seed: number, sampled: () => void = () => {}): FrameTally {
  const tally: FrameTally = { cases: 0, accepted: 0, rewritten: 0, malformed: 0, refused: 0, unfinished: 0, slow: 0, faults: [] };
  const frames = seedFrames();
  const out = new FrameWriter(frameBytesMax, new BufferPool());
  const every = Math.ceil(cases / 20);
  for (let number = 0; number < cases; number++) {
    if (number % every === 0) sampled();
    const chance = new Chance(seed * 1_000_003 + number);
    const base = chance.oncein(8) ? freshFrame(chance, chance.oncein(2) ? "bare" : "acton") : chance.one(frames);
    const bytes = withLength(chance.oncein(50) ? base : mutated(base, frames, chance), chance);
    const cut = chance.below(bytes.length + 1);
    tally.cases += 1;
    runCase(bytes, cut, out, tally, seed, number);
  }
  sampled();
  return tally;
}

function runCase(bytes: Buffer, cut: number, out: FrameWriter, tally: FrameTally, seed: number, number: number): void {
  try {
    const begun = performance.now();
    feed(bytes, cut, out, tally);
    if (bytes.length <= smallBytes && performance.now() - begun > slowMs && isSlow(bytes, cut, out)) tally.slow += 1;
  } catch (error) {
    if (tally.faults.length < 10) tally.faults.push(`seed ${seed} case ${number}: ${String(error)} for ${bytes.toString("hex").slice(0, 400)}`);
  }
}

function isSlow(bytes: Buffer, cut: number, out: FrameWriter): boolean {
  const tally: FrameTally = { cases: 0, accepted: 0, rewritten: 0, malformed: 0, refused: 0, unfinished: 0, slow: 0, faults: [] };
  return [1, 2, 3].every(() => {
    const begun = performance.now();
    feed(bytes, cut, out, tally);
    return performance.now() - begun > slowMs;
  });
}

/** Takes the bytes as a connection does. Throws whatever a connection could not be expecting. */
function feed(bytes: Buffer, cut: number, out: FrameWriter, tally: FrameTally): void {
  const decoder = new FrameDecoder(frameBytesMax);
  let dialect: Dialect | undefined;
  for (const chunk of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
    decoder.push(chunk);
    try {
      decoder.refuseOversize();
      const byte = decoder.peekAfterLength();
      if (byte === undefined) continue;
      dialect ??= detect(byte).dialect;
      if (dialect === undefined) {
        tally.refused += 1;
        return;
      }
      for (let frame = decoder.next(dialect.headerLength); frame !== undefined; frame = decoder.next(dialect.headerLength)) {
        if (take(frame, dialect, out, tally)) return;
      }
    } catch (error) {
      if (!(error instanceof ActonError) || (error.code !== "PROTOCOL_ERROR" && error.code !== "UNSUPPORTED_PROTOCOL_VERSION")) throw error;
      tally.refused += 1;
      return;
    }
  }
  if (decoder.held > 0) tally.unfinished += 1;
}

/** True when the connection ends with it. */
function take(frame: Frame, dialect: Dialect, out: FrameWriter, tally: FrameTally): boolean {
  const packet = dialect.decode(frame, limits);
  if (packet.kind === "malformed") tally.malformed += 1;
  else tally.accepted += 1;
  rewrite(frame, packet, tally);
  answer(packet, dialect, out);
  return packet.kind === "malformed" && packet.closes;
}

function rewrite(frame: Frame, packet: Packet, tally: FrameTally): void {
  if (!("format" in packet) || packet.kind === "heartbeat") return;
  const body = decodeBody(frame, packet.format, limits);
  if (body instanceof ActonError) {
    if (body.code !== "SERIALIZATION_ERROR") throw new Error(`refused with ${body.code}`);
    return;
  }
  tally.rewritten += 1;
  let again: unknown;
  try {
    again = packet.format === "json" ? throughJson(body) : throughMessagePack(body);
  } catch (error) {
    if (error instanceof ActonError && error.code === "SERIALIZATION_ERROR" && holdsUnwritableNumber(body)) return;
    throw error;
  }
  if (!sameValue(again, body)) throw new Error("what was accepted is another value once it has been written");
}

/** Member by member: the encoder's payload has a level less than the body that it lies in. */
function throughJson(body: Readonly<Record<string, unknown>>): unknown {
  const text = `{${Object.entries(body)
    .map(([key, value]) => `${JSON.stringify(key)}:${encodeJson(value)}`)
    .join(",")}}`;
  const bytes = Buffer.from(text);
  return decodeJson(bytes, 0, bytes.length, limits);
}

function throughMessagePack(body: unknown): unknown {
  const bytes = encodeMessagePack(body);
  return decodeMessagePack(bytes, 0, bytes.length, limits);
}

/** What the server would say: its reply with the payload as it came, or the refusal. Either is one whole frame, or none. */
function answer(packet: Packet, dialect: Dialect, out: FrameWriter): void {
  if (packet.kind === "silent" || packet.kind === "cancel" || packet.kind === "credit") return;
  try {
    if (packet.kind === "malformed") dialect.failure(out, packet, packet.failure, 0);
    else if (packet.kind === "request") dialect.reply(out, packet, packet.payload);
    else if (packet.kind === "heartbeat") dialect.heartbeat(out, packet, packet.body);
    else dialect.failure(out, packet, { code: "SHUTTING_DOWN", message: "no" }, 0);
  } catch (error) {
    // As the server does: the payload was the client's, and need not be writable.
    if (!(error instanceof ActonError) || packet.kind === "malformed") throw error;
    dialect.failure(out, packet, error, 0);
  }
  const whole = new FrameDecoder(2 * frameBytesMax);
  whole.push(Buffer.from(out.view()));
  if (whole.next(dialect.headerLength) === undefined || whole.held > 0) throw new Error("an answer is not one whole frame");
  out.consume(out.pending);
}

export const checks = [f1];
