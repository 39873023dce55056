// The soak's rows, a small part of each: counts and bounds. `bun test/soak/run.ts` runs them whole, times and memory included.

import { expect, setDefaultTimeout, test } from "bun:test";
import { BufferPool } from "../../src/ipc/wire/buffer-pool.ts";
import { FrameWriter } from "../../src/ipc/wire/frame-writer.ts";
import { encodeMessagePack } from "../../src/ipc/wire/msgpack.ts";
import { fuzzFrames } from "./f1-frames.ts";
import { compareWithPython, peerVersion, said } from "./f2-differential.ts";
import { fuzzSockets } from "./f3-live-socket.ts";
import { poisonIn, poisonMemory, searchForPoison } from "./f5-disclosure.ts";
import { growthOf } from "./parts/growth.ts";
import { holdsUnwritableNumber, sameValue } from "./parts/same-value.ts";

// For a busy machine: nothing here waits for time to pass.
setDefaultTimeout(60_000);

test("F1: damaged frames are packets, refusals or not yet whole, and what is accepted re-encodes to an equal value", () => {
  const { cases, accepted, rewritten, malformed, refused, faults } = fuzzFrames(8_000, 1);
  expect(faults).toEqual([]);
  expect(cases).toBe(8_000);
  for (const count of [accepted, rewritten, malformed, refused]) expect(count).toBeGreaterThan(500);
});

test.skipIf(peerVersion() === undefined)("F2: Python's json and msgpack read the same bytes as the same values, but for what is listed", () => {
  const { cases, agreedValues, agreedRefusals, allowed, unexplained } = compareWithPython(4_000, 1);
  expect(unexplained).toEqual([]);
  expect(cases).toBe(4_000);
  expect(agreedValues + agreedRefusals + Object.values(allowed).reduce((sum, count) => sum + count, 0)).toBe(4_000);
  expect(Math.min(agreedValues, agreedRefusals)).toBeGreaterThan(1_000);
});

test("F3: a server under damaged frames, half-closes and resets serves its witness and leaves nothing open", async () => {
  const { frames, framesReceived, witnessed, fdsBefore, fdsAfter, faults } = await fuzzSockets(4_000, 1);
  expect(faults).toEqual([]);
  expect(frames).toBeGreaterThanOrEqual(4_000);
  expect(framesReceived).toBeGreaterThan(1_000);
  expect(witnessed).toBeGreaterThan(0);
  expect(fdsAfter).toBe(fdsBefore);
});

test("F5: values of every type, encoded beside poisoned buffers, carry none of the poison", () => {
  const { encodes, frames, poisonBytes, faults } = searchForPoison(4_000, 1);
  expect(faults).toEqual([]);
  expect(encodes).toBe(4_000);
  expect(frames).toBeGreaterThan(1_000);
  expect(poisonBytes).toBe(0);
});

test("the search for poison finds each byte of a frame that was not written", () => {
  const pool = new BufferPool();
  poisonMemory(pool, encodeMessagePack);
  const out = new FrameWriter(1_000, pool);
  out.begin();
  out.text("text");
  out.finish();
  const frame = out.view();
  expect(poisonIn(frame)).toBe(0);
  expect(poisonIn(new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength + 9))).toBe(9);
});

test("what the rows compare by tells values apart", () => {
  const values: readonly unknown[] = [
    null,
    0,
    1,
    1n,
    "",
    "1",
    false,
    [],
    [1],
    [1, 2],
    {},
    { a: 1 },
    { a: 2 },
    { b: 1 },
    new Uint8Array(1),
    Number.NaN,
  ];
  for (const [place, value] of values.entries()) {
    expect(values.map((other) => sameValue(value, other))).toEqual(values.map((_, other) => other === place));
  }
  expect(new Set([...values, 1.5, new Uint8Array(2)].map((value) => said(value))).size).toBe(values.length + 1);
  expect(holdsUnwritableNumber({ a: [1, { b: -Infinity }] })).toBe(true);
  expect(holdsUnwritableNumber({ a: [1, { b: "NaN" }] })).toBe(false);
  expect(growthOf([90, 0, 10, 20, 30, 40])).toBeCloseTo(30, 5);
});
