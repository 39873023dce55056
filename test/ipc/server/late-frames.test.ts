// A frame is late by its client's doing only: while the server does not read, the rest of it cannot come.

import { expect, test } from "bun:test";
import { ActonApp, type IpcListener, ManualClock } from "acton";
import { MemoryMachine } from "acton/testing";
import { silentLog } from "../../../src/log.ts";
import type { Socket } from "../../../src/ipc/transport.ts";
import { eventually } from "../../support/conditions.ts";
import { type Fields, fieldsOf, jsonFrame } from "../../support/raw-client.ts";
import { Seen, testAgents } from "../../support/test-services.ts";
import { request } from "../../support/test-server.ts";

const bufferBytes = 2048;
const frameTimeoutMs = 400;

/** A client that reads a buffer at a time, when it is told to. */
class SlowClient {
  readonly clock = new ManualClock();
  #app!: ActonApp;
  #listener!: IpcListener;
  #socket!: Socket;
  #bytes = Buffer.alloc(0);
  #unsent = Buffer.alloc(0);
  #readsOn = false;

  static async connect(): Promise<SlowClient> {
    const client = new SlowClient();
    const machine = new MemoryMachine({ bufferBytes });
    client.#app = ActonApp.launch({ ...machine.process().seams, clock: client.clock, log: silentLog });
    for (const blueprint of testAgents(new Seen())) client.#app.ipcExpose(blueprint.name, await client.#app.start(blueprint));
    client.#listener = await client.#app.startIpcListener({ socketPath: "/tmp/l.sock", outgoingSoftBytes: 1024, frameTimeoutMs });
    client.#socket = await machine.process().transport.connect("/tmp/l.sock", {
      data: (more) => {
        client.#bytes = Buffer.concat([client.#bytes, more]);
        if (!client.#readsOn) client.#socket.pause();
      },
      drain: () => client.write(new Uint8Array()),
      end: () => client.#socket.terminate(),
      close() {},
    });
    client.#socket.pause();
    return client;
  }

  get sent(): number {
    return this.#listener.stats().bytesSent;
  }

  get taken(): number {
    return this.#listener.stats().bytesReceived;
  }

  write(bytes: Uint8Array): void {
    this.#unsent = Buffer.concat([this.#unsent, bytes]);
    if (this.#unsent.length > 0) this.#unsent = this.#unsent.subarray(Math.max(0, this.#socket.write(this.#unsent)));
  }

  readSome(): void {
    this.#socket.resume();
  }

  readAll(): void {
    this.#readsOn = true;
    this.#socket.resume();
  }

  get answers(): Fields[] {
    const answers: Fields[] = [];
    const bytes = this.#bytes;
    for (let at = 0; at + 4 <= bytes.length && at + 4 + bytes.readUInt32BE(at) <= bytes.length; at += 4 + bytes.readUInt32BE(at))
      answers.push(fieldsOf(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at))));
    return answers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
    await eventually(() => this.#listener.stats().activeConnections === 0);
    await this.#app.shutdownAll();
  }
}

/** Half a frame is with the server, which does not read on because its first answer is too long to leave. */
async function halfwayBehind(client: SlowClient): Promise<Uint8Array> {
  client.write(jsonFrame({ ...request("echo", "Echo", "x".repeat(2 * bufferBytes)), request_id: "long" }));
  await eventually(() => client.sent === bufferBytes);
  const whole = jsonFrame({ ...request("echo", "Echo", "short"), request_id: "short" });
  const before = client.taken;
  client.write(whole.subarray(0, 20));
  await eventually(() => client.taken === before + 20);
  return whole.subarray(20);
}

test("a frame is not late while the server, short of an empty queue, has not read on", async () => {
  await using client = await SlowClient.connect();
  const rest = await halfwayBehind(client);
  client.readSome();
  await eventually(() => client.sent === 2 * bufferBytes);
  client.clock.advance(frameTimeoutMs);
  client.readAll();
  client.write(rest);
  await eventually(() => client.answers.length === 2);
  expect(client.answers.map(({ request_id: id, success }) => [id, success])).toEqual([
    ["long", true],
    ["short", true],
  ]);
});

test("a frame has its whole time from when the server reads on", async () => {
  await using client = await SlowClient.connect();
  const rest = await halfwayBehind(client);
  client.clock.advance(frameTimeoutMs - 1);
  client.readAll();
  await eventually(() => client.answers.length === 1);
  client.clock.advance(frameTimeoutMs - 1);
  client.write(rest);
  await eventually(() => client.answers.length === 2);
  expect(client.answers[1]).toMatchObject({ request_id: "short", success: true });
});

test("a frame that is not whole in time after that closes the connection", async () => {
  await using client = await SlowClient.connect();
  await halfwayBehind(client);
  client.readAll();
  await eventually(() => client.answers.length === 1);
  client.clock.advance(frameTimeoutMs);
  await eventually(() => client.answers.length === 2);
  expect(client.answers[1]).toMatchObject({ error_code: "PROTOCOL_ERROR" });
});
