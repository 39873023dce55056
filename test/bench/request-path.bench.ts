// What one request costs from bytes to bytes, without the kernel: `bun test/bench/request-path.bench.ts`.
// A socket that takes everything at once stands in front of the real listener, registry, agents and dialects.

import { ActonApp, agent, type FileSystem, message, silentLog, type Socket, type SocketHandler, type Transport } from "acton";
import { z } from "zod";
import { measure } from "./measure.ts";

const inFlight = 16;
const rounds = 20_000;

const Sum = message("AddResult", { sum: z.int() });
const Add = message("AddRequest", { a: z.int(), b: z.int() }).replies(Sum);
const calculator = agent("calculator", () => ({})).mutateOn(Add, ({ message: { a, b } }) => ({ sum: a + b }));

let accept: ((socket: Socket) => SocketHandler) | undefined;
const transport: Transport = {
  listen(_path, accepted) {
    accept = accepted;
    return { stop() {} };
  },
  connect: () => Promise.reject(new TypeError("This transport only listens")),
};
const files: FileSystem = {
  lstat: (path) => ({ kind: path === "/bench" ? "directory" : "socket", dev: 1n, ino: 1n, uid: 0, gid: 0, mode: 0o700 }),
  realpath: (path) => path,
  rename() {},
  unlink() {},
  chmod() {},
  chgrp() {},
  mkdir() {},
  readText: () => undefined,
  watch: () => () => {},
  lock: () => ({ kind: "locked", release() {} }),
  withUmask: (_mask, make) => make(),
};

await using runtime = ActonApp.launch({ log: silentLog, transport, files });
runtime.ipcExpose("calculator", await runtime.start(calculator));
await runtime.startIpcListener({ socketPath: "/bench/acton.sock", connectionTimeoutMs: 0 });

const request = { target: "calculator", message_type: "AddRequest", payload: { a: 5, b: 3 }, expects_reply: true };
await measure("bare JSON", rounds * inFlight, pour(frames((id) => [[], { ...request, request_id: id }])));
await measure("acton/2 JSON", rounds * inFlight, pour(frames((id) => [[2, 1, 1], { ...request, correlation_id: id }])));

function frames(make: (id: string) => readonly [readonly number[], object]): Uint8Array {
  const parts = Array.from({ length: inFlight }, (_, n) => {
    const [header, body] = make(`r${String(n).padStart(8, "0")}`);
    const bytes = Buffer.from(JSON.stringify(body));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, Buffer.from(header), bytes]);
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** Feeds the chunk to a connection of its own, round after round, waiting each time for all replies. */
function pour(chunk: Uint8Array): () => Promise<void> {
  const waiting: Array<() => void> = [];
  const socket: Socket = {
    credentials: undefined,
    peerIsGone: false,
    write(bytes) {
      waiting.shift()?.();
      return bytes.byteLength;
    },
    pause() {},
    resume() {},
    shutdown() {},
    terminate() {
      handler?.close();
    },
  };
  const handler = accept?.(socket);
  return async () => {
    for (let round = 0; round < rounds; round++) {
      const answered = new Promise<void>((resolve) => waiting.push(resolve));
      handler?.data(chunk);
      await answered;
    }
  };
}
