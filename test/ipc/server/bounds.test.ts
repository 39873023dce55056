// Bounds that no client can hit to the byte: of one connection's outgoing bytes, and of what a listener may take of the process.

import { expect, test } from "bun:test";
import { ManualClock } from "../../../src/clock.ts";
import { resolveIpcConfig } from "../../../src/config.ts";
import { checkOpenFiles, memoryBound, refusedMax } from "../../../src/ipc/server/listener-bounds.ts";
import { WriteQueue } from "../../../src/ipc/server/write-queue.ts";
import type { Socket } from "../../../src/ipc/transport.ts";
import { BufferPool } from "../../../src/ipc/wire/buffer-pool.ts";
import { TurnScheduler } from "../../../src/scheduler.ts";

const MiB = 2 ** 20;

/** A queue in front of a socket that takes nothing, and what its owner is told. */
function blocked(): { readonly queue: WriteQueue; readonly clock: ManualClock; readonly stalls: string[]; readonly give: (bytes: number) => void } {
  const clock = new ManualClock();
  const stalls: string[] = [];
  const socket: Socket = { credentials: undefined, peerIsGone: false, write: () => 0, pause() {}, resume() {}, shutdown() {}, terminate() {} };
  const services = { clock, scheduler: new TurnScheduler(clock), buffers: new BufferPool() };
  const limits = { maxMessageSize: 100, outgoingSoftBytes: 100, outgoingHardBytes: 1000, writeTimeoutMs: 30_000 };
  const queue = new WriteQueue(socket, services, limits, { emptied() {}, wrote() {}, stalled: (why) => void stalls.push(why) });
  const give = (bytes: number): void => {
    queue.out.raw(new Uint8Array(bytes));
    queue.touched();
  };
  return { queue, clock, stalls, give };
}

test("outgoingSoftBytes: so many bytes may wait, one more is above the mark", () => {
  const { queue, give } = blocked();
  give(100);
  expect(queue.aboveSoftMark).toBe(false);
  give(1);
  expect(queue.aboveSoftMark).toBe(true);
});

test("outgoingHardBytes: so many bytes may wait, with one more the client is given up", () => {
  const { stalls, give } = blocked();
  give(1000);
  expect(stalls).toEqual([]);
  give(1);
  expect(stalls).toEqual(["1001 bytes wait for a peer that does not read them"]);
});

test("writeTimeoutMs: bytes may wait for so long, not longer", () => {
  const { queue, clock, stalls, give } = blocked();
  give(1);
  queue.run();
  clock.advance(29_999);
  expect(stalls).toEqual([]);
  clock.advance(1);
  expect(stalls).toEqual(["the peer read nothing for 30000 ms"]);
});

test("maxConnections: three quarters of the open-file limit are taken, one more is refused with the number to set", () => {
  const check = (maxConnections: number, openFiles: number): void => checkOpenFiles(resolveIpcConfig({ maxConnections }), openFiles);
  check(48, 64);
  expect(() => check(49, 64)).toThrow(/\b49\b.*\b64\b.*\b48\b/);
  check(1_000_000, Infinity);
});

test("whoever is refused is left descriptors to be told with, and they leave the rest some", () => {
  expect([4, 64, 1024, 20_000, Infinity].map((openFiles) => refusedMax(openFiles))).toEqual([1, 4, 64, 64, 64]);
});

test("the memory bound grows with what each connection may hold, and has what all share once", () => {
  const bound = (config = {}): number => memoryBound(resolveIpcConfig(config)) / MiB;
  expect(bound()).toBe(100 * (3 * 8 + 1 + 2 * 1 + 0.25) + 64 + 64);
  expect(bound({ maxConnections: 101 }) - bound()).toBe(27.25);
  expect(bound({ inFlightBytesMax: 65 * MiB }) - bound()).toBe(1);
  expect(bound({ unfinishedBytesMax: 65 * MiB }) - bound()).toBe(1);
  expect(bound({ outgoingHardBytes: 9 * MiB }) - bound()).toBe(300);
});
