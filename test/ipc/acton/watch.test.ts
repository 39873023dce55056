// Death watch over the wire, in acton and in bare: the same expectations.

import { expect, test } from "bun:test";
import { agent, type AgentHandle, type MessageType } from "acton";
import { quiet } from "../../support/conditions.ts";
import type { Fields } from "../../support/raw-client.ts";
import { type ServeOptions, TestServer } from "../../support/test-server.ts";
import { type Caller, callers } from "./callers.ts";

const mortal = agent("mortal", () => ({}));

interface Scene {
  readonly server: TestServer;
  readonly caller: Caller;
  readonly handle: AgentHandle<MessageType>;
}

/** A server with an agent to watch, and a connection to it. */
async function serve(connect: (server: TestServer) => Promise<Caller>, options?: ServeOptions): Promise<Scene> {
  const server = await TestServer.start(options);
  const handle: AgentHandle<MessageType> = await server.runtime.start(mortal as never);
  server.runtime.ipcExpose("mortal", handle);
  return { server, caller: await connect(server), handle };
}

test.each(callers)("%s: a watch is answered once, when the agent has stopped, and not before", async (_dialect, connect) => {
  const { server, caller, handle } = await serve(connect);
  await using _server = server;
  caller.watch("w", "mortal");
  await caller.nothingElse();
  await handle.stop();
  expect(await caller.next()).toMatchObject({ [caller.idField]: "w", success: true, payload: { agent: "mortal", reason: "stopped" } });
  await caller.nothingElse();
});

test.each(callers)("%s: a watch of an agent that has stopped already is answered at once", async (_dialect, connect) => {
  const { server, caller, handle } = await serve(connect);
  await using _server = server;
  await handle.stop();
  caller.watch("w", "mortal");
  expect(await caller.next()).toMatchObject({ [caller.idField]: "w", success: true, payload: { agent: "mortal", reason: "stopped" } });
  expect(server.listener.stats().streamsOpen).toBe(0);
});

test.each(callers)("%s: a name that nobody has is ACTOR_NOT_FOUND at once", async (_dialect, connect) => {
  const { server, caller } = await serve(connect);
  await using _server = server;
  caller.watch("w", "nobody");
  expectRefusal(await caller.next(), caller, "ACTOR_NOT_FOUND");
});

test.each(callers)("%s: a name that is hidden later is not the agent's end", async (_dialect, connect) => {
  const { server, caller, handle } = await serve(connect);
  await using _server = server;
  caller.watch("w", "mortal");
  await server.until(() => server.listener.stats().streamsOpen === 1);
  server.runtime.ipcHide("mortal");
  await caller.nothingElse();
  await handle.stop();
  expect(await caller.next()).toMatchObject({ success: true, payload: { agent: "mortal" } });
});

test.each(callers)("%s: a cancelled watch ends with CANCELLED, and its id is free again", async (_dialect, connect) => {
  const { server, caller, handle } = await serve(connect);
  await using _server = server;
  caller.watch("w", "mortal");
  caller.watch("w", "mortal");
  expectRefusal(await caller.next(), caller, "PROTOCOL_ERROR");
  caller.cancel("w");
  expectRefusal(await caller.next(), caller, "CANCELLED");
  caller.watch("w", "mortal");
  await caller.nothingElse();
  await handle.stop();
  expect(await caller.next()).toMatchObject({ [caller.idField]: "w", success: true });
  await caller.nothingElse();
});

test.each(callers)("%s: watches count among the streams of the connection", async (_dialect, connect) => {
  const { server, caller, handle } = await serve(connect, { config: { streamsMax: 1 } });
  await using _server = server;
  caller.watch("first", "mortal");
  caller.watch("w", "mortal");
  expectRefusal(await caller.next(), caller, "TARGET_BUSY");
  await handle.stop();
  expect(await caller.next()).toMatchObject({ [caller.idField]: "first", success: true });
  caller.watch("w", "mortal");
  expect(await caller.next()).toMatchObject({ [caller.idField]: "w", success: true });
});

test.each(callers)("%s: the policy is asked, before any name is looked up", async (_dialect, connect) => {
  const asked: unknown[] = [];
  const { server, caller } = await serve(connect, {
    policy: {
      authorize(_identity, operation) {
        asked.push(operation);
        return "not yours";
      },
    },
  });
  await using _server = server;
  for (const name of ["mortal", "nobody"]) {
    caller.watch("w", name);
    expectRefusal(await caller.next(), caller, "ACCESS_DENIED");
  }
  expect(asked).toEqual([
    { kind: "watch", agent: "mortal" },
    { kind: "watch", agent: "nobody" },
  ]);
});

test.each(callers)("%s: a shutdown ends watches with SHUTTING_DOWN, and is not held up by them", async (_dialect, connect) => {
  const { server, caller } = await serve(connect);
  await using _server = server;
  caller.watch("w", "mortal");
  await server.until(() => server.listener.stats().streamsOpen === 1);
  expect(await server.listener.drain()).toEqual({ lost: 0 });
  expectRefusal(await caller.next(), caller, "SHUTTING_DOWN");
  caller.watch("w", "mortal");
  expectRefusal(await caller.next(), caller, "SHUTTING_DOWN");
});

test.each(callers)("%s: a watch of what is no name is SERIALIZATION_ERROR", async (_dialect, connect) => {
  const { server, caller } = await serve(connect);
  await using _server = server;
  for (const name of [1, null, ["mortal"]]) {
    caller.watch("w", name);
    expectRefusal(await caller.next(), caller, "SERIALIZATION_ERROR");
  }
});

test("a watch without an id could neither be told from others nor be cancelled: it is refused", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask({ watch: "echo" })).toMatchObject({
    success: false,
    error_code: "SERIALIZATION_ERROR",
    error: "SerializationError: request_id is missing",
  });
  expect(await client.ask({ ping: true, request_id: "alive" })).toMatchObject({ request_id: "alive", success: true });
});

test("an agent that outlives its watchers remembers none of them", async () => {
  await using server = await TestServer.start();
  let watchers = 0;
  const handle = await server.runtime.start(mortal);
  const { recipient } = handle;
  const watch = recipient.watch.bind(recipient);
  recipient.watch = (stopped) => {
    watchers += 1;
    const end = watch(stopped);
    return () => {
      watchers -= 1;
      end();
    };
  };
  server.runtime.ipcExpose("mortal", handle);
  const client = await server.connect();
  client.send({ watch: "mortal", request_id: "vanishes" });
  client.send({ watch: "mortal", request_id: "cancelled" });
  expect(await client.ask({ cancel: "cancelled" })).toMatchObject({ error_code: "CANCELLED" });
  expect(watchers).toBe(1);
  client.destroy();
  await server.until(() => watchers === 0, "the end of the watch");
  await quiet();
  expect(server.listener.stats().streamsOpen).toBe(0);
});

// A success that was refused has the shape of a response in both dialects.
function expectRefusal(answer: Fields, caller: Caller, code: string): void {
  expect(answer).toMatchObject({ [caller.idField]: "w", success: false, error_code: code });
}
