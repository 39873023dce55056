// A module that is itself the program: `bun module.ts` serves what it exports, and really ends.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
