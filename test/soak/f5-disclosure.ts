// F5: nothing of the process's memory leaves with a frame. Every buffer that could be taken up again is filled with a byte
// that no value here holds; then values of every type are encoded, and the frames are searched for it.

import { ActonError } from "../../src/errors.ts";
import { acton } from "../../src/ipc/wire/acton.ts";
import { bare } from "../../src/ipc/wire/bare.ts";
import { BufferPool } from "../../src/ipc/wire/buffer-pool.ts";
import type { Dialect } from "../../src/ipc/wire/dialect.ts";
import { lengthFieldBytes } from "../../src/ipc/wire/frame-decoder.ts";
import { FrameWriter } from "../../src/ipc/wire/frame-writer.ts";
import { encodeMessagePack } from "../../src/ipc/wire/msgpack.ts";
import type { Address } from "../../src/ipc/wire/packet.ts";
import { Chance } from "./parts/chance.ts";
import type { SoakCheck } from "./check.ts";

/** No byte of UTF-8, and no tag of MessagePack. */
export const poison = 0xc1;
const frameBytesMax = 1024 * 1024;

export interface DisclosureTally {
  encodes: number;
  /** Frames that left: the other values were refused. */
  frames: number;
  bytes: number;
  poisonBytes: number;
  readonly faults: string[];
}

const f5: SoakCheck = {
  id: "F5",
  title: "Memory that leaks out of the encoders",
  pass: "10,000 encodes of every type of value beside poisoned buffers: 0 poison bytes",
  async run({ rounds: cases = 10_000, seed = 1 }) {
    const { encodes, frames, bytes, poisonBytes, faults } = searchForPoison(cases, seed);
    return {
      figure:
        `${encodes.toLocaleString("en")} encodes, seed ${seed}: ${poisonBytes} poison bytes in ${bytes.toLocaleString("en")} bytes of ${frames} frames, ` +
        `${encodes - frames} refused ${faults.join("; ")}`.trimEnd(),
      passed: poisonBytes === 0 && faults.length === 0,
    };
  },
};

export function searchForPoison(cases: number, seed: number): DisclosureTally {
  const tally: DisclosureTally = { encodes: 0, frames: 0, bytes: 0, poisonBytes: 0, faults: [] };
  const chance = new Chance(seed);
  const pool = new BufferPool();
  for (let number = 0; number < cases; number++) {
    if (number % 200 === 0) poisonMemory(pool, encodeMessagePack);
    const value = nested(chance.one(valuesOfEveryType)(chance), chance);
    const out = new FrameWriter(frameBytesMax, pool);
    tally.encodes += 1;
    try {
      if (!encodes(value, out, chance)) continue;
    } catch (error) {
      if (tally.faults.length < 10) tally.faults.push(`seed ${seed} case ${number}: ${String(error)}`);
      continue;
    }
    const frame = Buffer.from(out.view());
    tally.frames += 1;
    tally.bytes += frame.length;
    // The frame's length may well spell it.
    tally.poisonBytes += poisonIn(frame.subarray(lengthFieldBytes));
    out.consume(out.pending);
  }
  return tally;
}

/** Fills what `Buffer.allocUnsafe` cuts its pieces from, what frames and `pack` are written into, and freed memory of many sizes. */
export function poisonMemory(pool: BufferPool, pack: (value: unknown) => Uint8Array): void {
  for (let times = 0; times < 4; times++) pack(Buffer.alloc(3000, poison));
  for (let times = 0; times < 8; times++) Buffer.allocUnsafe(4095).fill(poison);
  for (let size = 64; size <= 64 * 1024; size *= 2) for (let times = 0; times < 8; times++) Buffer.allocUnsafeSlow(size).fill(poison);
  Bun.gc(true);
  const taken = Array.from({ length: 8 }, () => pool.take());
  for (const buffer of taken) {
    buffer.fill(poison);
    pool.give(buffer);
  }
}

export function poisonIn(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === poison) count += 1;
  return count;
}

const addresses: readonly { readonly dialect: Dialect; readonly to: Address }[] = [
  { dialect: bare, to: address("json", 0) },
  { dialect: bare, to: address("msgpack", 0) },
  { dialect: acton, to: address("json", 1) },
  { dialect: acton, to: address("json", 2) },
  { dialect: acton, to: address("msgpack", 2) },
];

function address(format: Address["format"], version: number): Address {
  return { correlation: "r", format, version, shape: "response", streamId: "r" };
}

/** False when the value was refused, of which nothing may be left either. */
function encodes(value: unknown, out: FrameWriter, chance: Chance): boolean {
  const { dialect, to } = chance.one(addresses);
  try {
    if (chance.oncein(2)) dialect.reply(out, to, value);
    else dialect.item(out, to, 1, value);
    return true;
  } catch (error) {
    if (!(error instanceof ActonError)) throw error;
    if (out.pending > 0) throw new Error("a refused value left bytes behind", { cause: error });
    return false;
  }
}

function nested(value: unknown, chance: Chance): unknown {
  return chance.one([() => value, () => [value], () => ({ field: value }), () => [1, { a: [value, "text"] }], () => ({ a: value, b: value })])();
}

class Point {
  x = 1;
  y = 2;
}

/** None of them holds the poison: small numbers, letters, and lengths that do not spell it. */
export const valuesOfEveryType: readonly ((chance: Chance) => unknown)[] = [
  () => undefined,
  () => null,
  () => true,
  (chance) => chance.below(100),
  (chance) => -chance.below(30),
  () => 1.5,
  () => 2 ** 40,
  () => 2 ** 60,
  () => Number.NaN,
  () => Infinity,
  () => 5n,
  () => 2n ** 63n,
  () => 2n ** 70n,
  (chance) => "letters".repeat(chance.below(20)),
  (chance) => "é".repeat(chance.below(90)),
  (chance) => "x".repeat(256 * (1 + chance.below(64))),
  () => "\ud800",
  () => Symbol("symbol"),
  () => () => 1,
  () => Point,
  () => new Date(0),
  () => new Date(Number.NaN),
  () => /pattern/g,
  () => new Error("text"),
  () => new Map([["a", 1]]),
  () => new Set([1, 2]),
  () => new WeakMap(),
  () => Promise.resolve(1),
  () => new Point(),
  () => Object.create(null) as unknown,
  () => Object.assign(Object.create(null) as object, { a: 1 }),
  () => new Proxy({ a: 1 }, {}),
  () => new Array(5),
  (chance) => Array.from({ length: chance.below(100) }, () => 7),
  (chance) => Buffer.alloc(chance.below(100), 0x41),
  (chance) => new Uint8Array(chance.below(100)),
  (chance) => new Uint8Array(new ArrayBuffer(200), 50, chance.below(100)),
  ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array].map(
    (ArrayOf) => (chance: Chance) => new ArrayOf(chance.below(100)),
  ),
  () => new DataView(new ArrayBuffer(64)),
  () => new ArrayBuffer(64),
  () => new SharedArrayBuffer(64),
  () => new Blob(["text"]),
  () => new URL("unix:/tmp/s"),
  () => new Number(1),
  () => new String("text"),
  () => Object(1n) as unknown,
  () => ({ toJSON: () => ({ a: 1 }) }),
  () => ({ toJSON: () => new Float64Array(8) }),
  () => ({ length: 40, byteLength: 40, buffer: new ArrayBuffer(40), byteOffset: 0 }),
  () => ({
    get field() {
      throw new Error("a getter failed");
    },
  }),
  () => {
    const cycle: Record<string, unknown> = {};
    cycle["cycle"] = cycle;
    return cycle;
  },
  () => globalThis.process.memoryUsage,
  () => (function* () {})(),
];

export const checks = [f5];
