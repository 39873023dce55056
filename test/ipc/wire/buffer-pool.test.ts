import { expect, test } from "bun:test";
import { BufferPool } from "../../../src/ipc/wire/buffer-pool.ts";
import { FrameWriter } from "../../../src/ipc/wire/frame-writer.ts";

const usual = 16 * 1024;

test("a buffer that was given back is the next one taken", () => {
  const pool = new BufferPool();
  const buffer = pool.take();
  pool.give(buffer);
  expect(pool.take()).toBe(buffer);
  expect(pool.take()).not.toBe(buffer);
});

test("one that has grown, and an empty one, are not kept", () => {
  const pool = new BufferPool();
  for (const length of [0, usual - 1, usual + 1]) pool.give(Buffer.alloc(length));
  expect(pool.take()).toHaveLength(usual);
});

test("64 are kept, and no more", () => {
  const pool = new BufferPool();
  const given: Buffer[] = Array.from({ length: 65 }, () => Buffer.alloc(usual));
  for (const buffer of given) pool.give(buffer);
  const taken = given.map(() => pool.take());
  expect(taken.filter((buffer) => given.includes(buffer))).toHaveLength(64);
});

test("a writer whose bytes have all left holds no buffer: the next writer gets it", () => {
  const pool = new BufferPool();
  const spare = pool.take();
  pool.give(spare);
  for (const out of [new FrameWriter(1000, pool), new FrameWriter(1000, pool)]) {
    out.begin(1);
    out.finish();
    expect(out.view().buffer).toBe(spare.buffer);
    out.consume(out.pending);
  }
  expect(pool.take()).toBe(spare);
});
