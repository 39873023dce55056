// Faults for what one client sends: by its process, user or connection, in one test and without a file system.

import { expect, test } from "bun:test";
import { ActonApp, agent, message } from "acton";
import { type Client, connect } from "acton/client";
import { Faults, MemoryMachine, type MemoryProcess } from "acton/testing";
import { z } from "zod";
import { silentLog } from "../../src/log.ts";
import { failure } from "../support/system.ts";

const Sum = message("Sum", { sum: z.int() });
const Add = message("Add", { n: z.int() }).replies(Sum);

/** A server that adds up what it is sent, two clients of it, and the process that each of them is. */
async function scene() {
  const faults = new Faults();
  const machine = new MemoryMachine();
  const server = machine.process();
  const runtime = ActonApp.launch({ ...server.seams, log: silentLog, faults });
  const adder = await runtime.start(agent("adder", () => ({ sum: 0 })).mutateOn(Add, ({ model, message: { n } }) => ({ sum: (model.sum += n) })));
  runtime.ipcExpose("adder", adder);
  const { path } = await runtime.startIpcListener();
  const open = async (process: MemoryProcess): Promise<Client> => connect(path, process.seams);
  const processes = [machine.process(), machine.process()] as const;
  const clients = [await open(processes[0]), await open(processes[1])] as const;
  return {
    faults,
    adder,
    processes,
    clients,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await runtime.shutdownAll();
    },
  };
}

test("what one process sends is lost, what others send is not", async () => {
  await using at = await scene();
  const [unlucky, lucky] = at.clients;
  const fault = at.faults.drop({ peer: at.processes[0] });
  expect((await failure(unlucky.ask("adder", Add, { n: 1 }, { timeoutMs: 20 }))).code).toBe("TIMEOUT");
  expect(await lucky.ask("adder", Add, { n: 2 })).toEqual({ sum: 2 });
  expect(await at.adder.ask(Add, { n: 3 })).toEqual({ sum: 5 });
  expect(fault.hits).toBe(1);
});

test("a peer can be told by its connection, by its user, or by not being there", async () => {
  await using at = await scene();
  const [first, second] = at.clients;
  const { uid } = at.processes[0];
  const byConnection = at.faults.crash({ peer: { connection: 2 }, times: 1 });
  expect((await failure(second.ask("adder", Add, { n: 1 }))).code).toBe("HANDLER_FAILED");
  expect(await first.ask("adder", Add, { n: 1 })).toEqual({ sum: 1 });
  const byOther = at.faults.crash({ peer: { uid: uid + 1 } });
  const byUser = at.faults.crash({ peer: { uid }, times: 2 });
  for (const client of at.clients) expect((await failure(client.ask("adder", Add, { n: 1 }))).code).toBe("HANDLER_FAILED");
  const local = at.faults.crash({ peer: "local" });
  expect((await failure(at.adder.ask(Add, { n: 1 }))).code).toBe("HANDLER_FAILED");
  expect(await first.ask("adder", Add, { n: 1 })).toEqual({ sum: 2 });
  expect([byConnection, byOther, byUser, local].map(({ hits }) => hits)).toEqual([1, 0, 2, 1]);
});

test("what a client asks twice is done twice and answered once", async () => {
  await using at = await scene();
  const [client] = at.clients;
  at.faults.duplicate({ type: Add, times: 1 });
  expect(await client.ask("adder", Add, { n: 1 })).toEqual({ sum: 1 });
  expect(await client.ask("adder", Add, { n: 1 })).toEqual({ sum: 3 });
});

test("a hanging agent holds up its askers, and no other conversation of the same client", async () => {
  await using at = await scene();
  const [client, other] = at.clients;
  const hang = at.faults.stall({ agent: "adder" });
  const asked = [client.ask("adder", Add, { n: 1 }), other.ask("adder", Add, { n: 2 })];
  expect(await client.ping()).toBeGreaterThanOrEqual(0);
  const { agents } = await client.discover();
  expect(agents.map(({ name }) => name)).toEqual(["adder"]);
  hang.end();
  expect(await Promise.all(asked)).toEqual([{ sum: 1 }, { sum: 3 }]);
});
