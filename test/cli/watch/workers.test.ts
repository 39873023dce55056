// Agents on threads under `acton serve --watch`: each new life imports the bundle that is served by then.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { message } from "acton";
import { type Client, connect } from "acton/client";
import { z } from "zod";
import { eventuallyAsync } from "../../support/conditions.ts";
import { type Server, serve, temporaryDirectory } from "../executable.ts";

const directory = temporaryDirectory();
const module = join(directory.path, "app.ts");
const Text = message("Text", { text: z.string() });
const Work = message("Work", { ms: z.int() }).replies(Text);

function save(text: string, { place = '"worker"', hook = "" } = {}): void {
  writeFileSync(
    `${module}.new`,
    `import { agent, app, message, pool } from "acton";
import { z } from "zod";
const Work = message("Work", { ms: z.int() }).replies(message("Text", { text: z.string() }));
const working = (name: string) =>
  agent(name, () => ({})).mutateOn(Work, async ({ message: { ms } }) => {
    await Bun.sleep(ms);
    return { text: ${JSON.stringify(text)} };
  })${hook};
const one = ${place === "" ? 'working("one")' : `working("one").runOn(${place})`};
export default app({ name: "threads", agents: [one, working("pool").runOn(pool({ size: 2 }))] });
`,
  );
  renameSync(`${module}.new`, module);
}

let server: Server;
let client: Client;
beforeAll(async () => {
  save("old");
  server = await serve(join(directory.path, "s.sock"), [module, "--watch"], { env: { TMPDIR: directory.path } });
  client = await connect(server.socket);
});
afterAll(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const work = async (agent: string, ms = 0) => (await client.ask(agent, Work, { ms })).text;
const reloaded = (times: number) => eventuallyAsync(() => server.logged("reloaded").length >= times);

test("what a thread works on ends with the old code; what is asked behind it has the new one", async () => {
  const running = [work("one", 300), work("pool", 300), work("pool", 300)];
  await client.ping();
  save("new");
  await eventuallyAsync(async () => (await work("one")) === "new" && (await work("pool")) === "new");
  expect(await Promise.all(running)).toEqual(["old", "old", "old"]);
  await reloaded(1);
});

test("code that does not start on its thread leaves the old code there", async () => {
  save("broken", { hook: '.beforeStart(() => { throw new TypeError("no data"); })' });
  await eventuallyAsync(() => server.logged("not reloaded, the old code goes on").length === 1);
  expect(String(server.logged("not reloaded, the old code goes on")[0]?.["error"])).toContain("no data");
  expect([await work("one"), await work("pool"), await work("pool")]).toEqual(["new", "new", "new"]);
});

test("an agent that moves to the runtime's own thread, and back, is another one under its name", async () => {
  save("here", { place: "" });
  await eventuallyAsync(async () => (await work("one").catch(() => "")) === "here");
  save("there", { place: "pool({ size: 1 })" });
  await eventuallyAsync(async () => (await work("one").catch(() => "")) === "there");
  expect(await work("pool")).toBe("there");
});
