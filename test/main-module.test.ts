// A module that is itself the program: `bun module.ts` serves what it exports, and really ends.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { message } from "acton";
import { connect } from "acton/client";
import { serve } from "./cli/executable.ts";

const directory = mkdtempSync(join(tmpdir(), "acton-main-"));
afterAll(() => rmSync(directory, { recursive: true }));

function start(name: string, definition: string) {
  const path = join(directory, `${name}.ts`);
  const socket = join(directory, `${name}.sock`);
  const text = `import { app, agent, message } from ${JSON.stringify(join(import.meta.dir, "../src/index.ts"))};\n`;
  writeFileSync(path, `${text}export default app({ config: { socketPath: ${JSON.stringify(socket)}, drainTimeoutMs: 200 }, ${definition} });\n`);
  return Bun.spawn([process.execPath, path], { stdout: "ignore", stderr: "pipe", env: { PATH: process.env["PATH"] } });
}

/** The log up to this message. */
async function readUntil(child: { readonly stderr: ReadableStream<Uint8Array> }, said: string): Promise<string> {
  let text = "";
  for await (const part of child.stderr) {
    text += Buffer.from(part).toString();
    if (text.includes(said)) return text;
  }
  throw new Error(`it ended without saying ${said}: ${text}`);
}

test("it ends with 0 after a signal, though a timer of its own still runs", async () => {
  const child = start("timer", "agents: [agent('a', () => ({}))], setup() { setInterval(() => {}, 1000); }");
  await readUntil(child, "listening");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

test("it ends with 9 when an agent had to be stopped by force", async () => {
  const hangs = "agent('a', () => ({})).afterStart(({ self }) => void self.send(Hang, {})).mutateOn(Hang, () => new Promise(() => {}))";
  const child = start("hang", `agents: (() => { const Hang = message('Hang', {}); return [${hangs}]; })()`);
  await readUntil(child, "listening");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(9);
}, 15_000);

test("what keeps it from starting is one line and status 8", async () => {
  const child = start("broken", "agents: [], setup() { setInterval(() => {}, 1000); throw new Error('no database'); }");
  const [stderr, status] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  expect(status).toBe(8);
  expect(stderr.trimEnd().split("\n")).toEqual([`${join(directory, "broken.ts")}: no database`]);
});

// What a module does that is run both ways: `acton serve` describes it, `bun run` runs it.
const launching = (socket: string, ending: string) => `
  const Code = message("Code", {});
  const a = agent("a", () => ({})).actOn(message("Ask", {}).replies(Code), () => ({}));
  const socketPath = ${JSON.stringify(socket)};
  if (import.meta.main) {
    ${ending.includes("await") ? "await using" : "const"} runtime = ActonApp.launch();
    runtime.ipcExpose("a", await runtime.start(a));
    await runtime.startIpcListener({ socketPath });
    ${ending}
  }
  export default app({ name: "twice", agents: [a], config: { socketPath } });`;

test.each([
  ["awaits its signal", "await runtime.untilSignal();"],
  ["is evaluated before its signal", "void runtime.untilSignal().then(() => runtime.shutdownAll());"],
])("a module that launches a runtime itself and %s is not served once more, and the executable serves the same", async (_, ending) => {
  const socket = join(directory, "own.sock");
  const path = join(directory, `own-${ending.length}.ts`);
  const text = launching(socket, ending);
  writeFileSync(path, `import { ActonApp, app, agent, message } from ${JSON.stringify(join(import.meta.dir, "../src/index.ts"))};\n${text}\n`);
  const child = Bun.spawn([process.execPath, path], { stdout: "ignore", stderr: "pipe", env: { PATH: process.env["PATH"] } });
  const stderr = new Response(child.stderr).text();
  await using client = await connectSoon(socket);
  const asked = message("Ask", {}).replies(message("Code", {}));
  expect(await client.ask("a", asked, {})).toEqual({});
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  expect((await stderr).match(/"listening"/g)).toHaveLength(1);

  const other = join(directory, `served-${ending.length}.ts`);
  writeFileSync(other, `import { ActonApp, app, agent, message } from "acton";\n${text}\n`);
  await using server = await serve(socket, [other]);
  await using served = await connectSoon(server.socket);
  expect(await served.ask("a", asked, {})).toEqual({});
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
});

async function connectSoon(socket: string) {
  for (;;) {
    const client = await connect(socket).catch(() => undefined);
    if (client !== undefined) return client;
    await Bun.sleep(10);
  }
}
