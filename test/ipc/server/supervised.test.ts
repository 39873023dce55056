// Agents that their supervisor restarts, as clients see them: under the same name, each request with one answer.

import { expect, test } from "bun:test";
import { agent, type AgentHandle, message } from "acton";
import { z } from "zod";
import { eventually } from "../../support/conditions.ts";
import { request, TestServer } from "../../support/test-server.ts";

const Lives = message("Lives", z.int());
const Next = message("Next", { do: z.enum(["answer", "throw", "hang"]) }).replies(Lives);

const child = agent("child", () => ({})).actOn(Next, ({ self, message: { do: deed } }) => {
  if (deed === "throw") throw new Error("worn out");
  return deed === "hang" ? new Promise<number>(() => {}) : self.generation;
});

async function serve(restartsMax: number) {
  const server = await TestServer.start();
  const middle = agent("middle", () => ({}))
    .supervise(child)
    .supervision({ restartsMax, escalation: "stopSupervisor" });
  const top = await server.runtime.start(agent("top", () => ({})).supervise(middle));
  const handle = top.child(middle)?.child(child);
  if (handle === undefined) throw new Error("the child has not started");
  server.runtime.ipcExpose("worker", handle);
  const client = await server.connect();
  const next = (deed: string, id: string): void => client.send(request("worker", "Next", { do: deed }, { request_id: id }));
  return { server, client, handle, next };
}

/** Time goes on until it runs again. */
function comeBack(server: TestServer, handle: AgentHandle): Promise<void> {
  return eventually(() => {
    server.clock.advance(10);
    return handle.status === "running";
  });
}

test("a restart ends what runs, and answers what waits", async () => {
  const { server, client, handle, next } = await serve(5);
  await using _server = server;
  next("hang", "runs");
  next("throw", "crashes");
  expect(await client.take(2)).toMatchObject([
    { request_id: "crashes", error_code: "HANDLER_FAILED" },
    { request_id: "runs", error_code: "AGENT_STOPPED" },
  ]);
  next("answer", "waits");
  await handle.reached("restarting");
  await server.until(({ listener }) => listener.stats().messagesProcessed >= 3);
  await comeBack(server, handle);
  expect(await client.next()).toMatchObject({ request_id: "waits", payload: 2 });
});

test("a child that was given up answers under its name again when its supervisor has come back", async () => {
  const { server, client, handle, next } = await serve(0);
  await using _server = server;
  next("throw", "crashes");
  expect(await client.next()).toMatchObject({ error_code: "HANDLER_FAILED" });
  await eventually(() => handle.status === "stopped");
  next("answer", "too early");
  expect(await client.next()).toMatchObject({ error_code: "AGENT_STOPPED" });
  await comeBack(server, handle);
  next("answer", "again");
  expect(await client.next()).toMatchObject({ request_id: "again", payload: 2 });
});
