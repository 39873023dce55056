// `ask_chain` on the wire, in acton and in bare: the same expectations. What becomes of whole cycles is in ../client/ask-chain.test.ts.

import { afterEach, expect, test } from "bun:test";
import { ActonApp, agent, message, type Socket, type Transport } from "acton";
import { join } from "node:path";
import { z } from "zod";
import { bunTransport } from "../../../src/ipc/bun-transport.ts";
import { silentLog } from "../../../src/log.ts";
import { eventually, quiet } from "../../support/conditions.ts";
import { RawClient } from "../../support/raw-client.ts";
import { TemporaryDirectory, TestServer } from "../../support/test-server.ts";
import { type Caller, callers } from "./callers.ts";

const Work = message("Work", z.any()).replies(message("Worked", z.any()));
const reply = { expects_reply: true };

/** An agent that is busy with its first message until it is told otherwise, and shows the chain of what it would ask. */
class Busy {
  /** Of each handler that has begun. */
  readonly chains: (readonly string[])[] = [];
  readonly done = Promise.withResolvers<string>();
  readonly blueprint = agent("busy", () => ({})).mutateOn(Work, ({ askChain }) => {
    this.chains.push(askChain);
    return this.chains.length > 1 ? "second" : this.done.promise;
  });

  get begun(): number {
    return this.chains.length;
  }

  get chain(): readonly string[] {
    return this.chains[0] ?? [];
  }
}

const busy: Busy[] = [];
afterEach(() => busy.splice(0).forEach(({ done }) => done.resolve("first")));

/** The agent has begun to work for the caller. */
async function begin(server: TestServer, caller: Caller): Promise<Busy> {
  const agentAtWork = new Busy();
  busy.push(agentAtWork);
  server.runtime.ipcExpose("busy", await server.runtime.start(agentAtWork.blueprint));
  caller.request("first", "busy", "Work", 1, reply);
  await eventually(() => agentAtWork.begun === 1, "the handler's beginning");
  return agentAtWork;
}

test.each(callers)("%s: a request by a handler that keeps its agent to itself, to that agent, is ASK_CYCLE at once", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  const { chain } = await begin(server, caller);
  expect(chain).toHaveLength(1);
  for (const more of [reply, { expects_stream: true }]) {
    caller.request("c", "busy", "Work", 2, { ...more, ask_chain: [...chain, "of another process"] });
    expect(await caller.next()).toMatchObject({
      [caller.idField]: "c",
      error_code: "ASK_CYCLE",
      error: "AskCycle: this ask would wait for itself: busy → busy, by way of another process",
    });
  }
  await caller.nothingElse();
});

test.each(callers)("%s: what waits for nobody's reply is no cycle, and neither are ids that nobody here has", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  const { chain, chains, done } = await begin(server, caller);
  caller.request("delivered", "busy", "Work", 2, { ask_chain: [...chain, "elsewhere"] });
  expect(await caller.next()).toMatchObject({ [caller.idField]: "delivered", success: true });
  caller.request("forwarded", "busy", "Work", 2, { ...reply, reply_to: "notes", ask_chain: [...chain, "elsewhere"] });
  expect(await caller.next()).toMatchObject({ [caller.idField]: "forwarded", success: true });
  for (const ask_chain of [[], ["nobody"], Array.from({ length: 16 }, (_, n) => `nobody ${n}`)]) {
    caller.request("c", "echo", "Echo", 2, { ...reply, ask_chain });
    expect(await caller.next()).toMatchObject({ [caller.idField]: "c", success: true });
  }
  done.resolve("first");
  expect(await caller.next()).toMatchObject({ [caller.idField]: "first", success: true });
  await eventually(() => chains.length === 3, "the end of what waited");
  expect(chains.map((each) => each.length)).toEqual([1, 1, 1]);
  caller.request("waited for", "busy", "Work", 2, { ...reply, ask_chain: ["elsewhere"] });
  expect(await caller.next()).toMatchObject({ success: true });
  expect(chains.at(-1)).toEqual(["elsewhere", expect.any(String) as unknown as string]);
});

test.each(callers)("%s: a chain that is none, or longer than 16 ids, is SERIALIZATION_ERROR", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  for (const [ask_chain, field] of [
    ["a", "ask_chain"],
    [{ 0: "a" }, "ask_chain"],
    [null, "ask_chain"],
    [[1], "ask_chain\\[0\\]"],
    [["a", ""], "ask_chain\\[1\\]"],
    [["x".repeat(129)], "ask_chain\\[0\\]"],
    [Array.from({ length: 17 }, (_, n) => `${n}`), "ask_chain"],
  ] as const) {
    caller.request("c", "echo", "Echo", 2, { ...reply, ask_chain });
    expect(await caller.next()).toMatchObject({
      error_code: "SERIALIZATION_ERROR",
      error: expect.stringMatching(new RegExp(`: ${field} `)) as unknown,
    });
  }
  expect(server.seen.echoes).toEqual([]);
});

test("the chain of somebody else's process is not listened to: the request waits its turn", async () => {
  using directory = new TemporaryDirectory();
  await using runtime = ActonApp.launch({ log: silentLog, transport: asIfFrom(54321) });
  const agentAtWork = new Busy();
  runtime.ipcExpose("busy", await runtime.start(agentAtWork.blueprint));
  const path = join(directory.path, "s.sock");
  const listener = await runtime.startIpcListener({ socketPath: path });
  await using client = await RawClient.connect(path);
  client.send({ target: "busy", message_type: "Work", payload: 1, ...reply, request_id: "first" });
  await eventually(() => agentAtWork.begun === 1);
  client.send({ target: "busy", message_type: "Work", payload: 2, ...reply, request_id: "second", ask_chain: agentAtWork.chain });
  await eventually(() => listener.stats().requestsInFlight === 2);
  await quiet();
  expect(client.frames).toEqual([]);
  agentAtWork.done.resolve("first");
  expect((await client.take(2)).map(({ payload }) => payload)).toEqual(["first", "second"]);
});

/** Bun's transport, whose peers all seem to be the user `uid`. */
function asIfFrom(uid: number): Transport {
  const disguised = (socket: Socket): Socket => ({
    credentials: socket.credentials && { ...socket.credentials, uid },
    get peerIsGone() {
      return socket.peerIsGone;
    },
    write: (bytes) => socket.write(bytes),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    shutdown: () => socket.shutdown(),
    terminate: () => socket.terminate(),
  });
  return { ...bunTransport, listen: (path, accept) => bunTransport.listen(path, (socket) => accept(disguised(socket))) };
}
