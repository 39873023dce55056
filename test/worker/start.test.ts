// Starting agents on threads, and saying why when that cannot be.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { agent, type AgentHandle, SupervisionEscalated } from "acton";
import { TemporaryDirectory } from "../support/test-server.ts";
import { Ask, badAfter, badChild, badHook, badModel, Crash, nester, neverUp, once } from "./modules/failing.ts";
import { actor, Do, other } from "./scene.ts";
import { heard, outcomeOf, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

const started = (module: string, blueprint = actor.runOn("worker"), limits = {}): Promise<unknown> => {
  const scene = stage(module, { limits });
  return outcomeOf(scene.runtime.start(blueprint)).finally(() => scene[Symbol.asyncDispose]());
};

async function printed(program: string, ...more: string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "modules", program), ...more], { stdout: "pipe", stderr: "inherit" });
  return new Response(child.stdout).text();
}

describe("an agent does not start, and says why", () => {
  test.each([
    ["modules/throws.ts", "this module cannot be imported"],
    ["modules/exports-nothing.ts", "no default export"],
    ["modules/there-is-none.ts", "there-is-none"],
    ["modules/other-version.ts", "was changed since the start"],
    ["modules/failing.ts", "no agent actor"],
  ])("for want of its blueprint in %s", async (module, why) => {
    expect(await started(module)).toMatchObject({ code: "START_FAILED", message: expect.stringContaining(why), ran: "no" });
  });

  test("for a blueprint that does not run on a worker in its module", async () => {
    expect(await started("modules/other-version.ts", other.runOn("worker"))).toMatchObject({
      code: "START_FAILED",
      message: expect.stringContaining("other"),
    });
  });

  test("for an agent that no module can have", async () => {
    expect(await started("scene.ts", agent("unheard-of", () => ({})).runOn("worker") as never)).toMatchObject({
      code: "START_FAILED",
      message: expect.stringContaining("unheard-of"),
    });
  });

  test("for a module whose import never ends, in the time for a start", async () => {
    expect(await started("modules/stuck.ts", actor.runOn("worker"), { startTimeoutMs: 300 })).toMatchObject({
      code: "START_FAILED",
      message: expect.stringContaining("300 ms"),
    });
  });

  test("for a main module that exports no application", async () => {
    expect(JSON.parse(await printed("no-application.ts"))).toMatchObject({
      code: "START_FAILED",
      message: expect.stringContaining("export default app("),
    });
  });

  test.each<[string, typeof badModel, string]>([
    ["its model fails", badModel, "no model"],
    ["beforeStart fails", badHook, "no start"],
    ["a child does not start", badChild, "no child"],
  ])("because %s", async (_why, blueprint, text) => {
    await using scene = stage("modules/failing.ts");
    expect(await outcomeOf(scene.runtime.start(blueprint))).toMatchObject({ code: "START_FAILED", message: expect.stringContaining(text) });
  });

  test("because beforeStart does not end", async () => {
    await using scene = stage("modules/failing.ts", { limits: { startTimeoutMs: 300 } });
    expect(await outcomeOf(scene.runtime.start(neverUp))).toMatchObject({ code: "START_FAILED" });
  });

  test("because its thread would have to start a thread", async () => {
    await using scene = stage("modules/failing.ts");
    const handle = await scene.runtime.start(nester);
    expect(await outcomeOf(handle.ask(Ask, {}))).toMatchObject({ code: "HANDLER_FAILED", message: expect.stringContaining("runtime's own thread") });
  });
});

describe("an agent starts", () => {
  test("from the module that is the program, whose setup runs in no thread", async () => {
    expect(await printed("program.ts", "direct")).toBe(`{"main":false}\n`);
  });

  test("though its afterStart fails, which is logged", async () => {
    await using scene = stage("modules/failing.ts");
    const handle = await scene.runtime.start(badAfter);
    expect(await handle.ask(Ask, {})).toBe("up");
    await until(() => scene.lines.length === 1);
    expect(scene.lines[0]).toMatchObject({
      level: "error",
      message: "hook failed",
      fields: { agent: "bad-after", hook: "afterStart", error: "after start" },
    });
  });

  test("under another name, any number of times, each with a model of its own", async () => {
    await using scene = stage("scene.ts");
    const handles = await Promise.all(["a", "b"].map((name) => scene.runtime.start(actor.runOn("worker"), { name })));
    const [a, b] = handles as [AgentHandle<typeof Do>, AgentHandle<typeof Do>];
    await a.ask(Do, { deed: "note", with: 1 });
    expect([await a.ask(Do, { deed: "notes" }), await b.ask(Do, { deed: "notes" })]).toEqual([[1], []]);
    expect(((await b.ask(Do, { deed: "who" })) as { self: unknown }).self).toEqual(["b", b.id]);
  });

  test("not while the runtime shuts down", async () => {
    const { runtime } = stage("scene.ts");
    const starting = outcomeOf(runtime.start(actor.runOn("worker")));
    await runtime.shutdownAll();
    expect(await starting).toMatchObject({ code: "SHUTTING_DOWN" });
  });
});

describe("an agent that does not come up again", () => {
  test("is tried again by its supervisor, and given up in the end", async () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "once");
    process.env["ACTON_TEST_ONCE"] = path;
    await using scene = stage("modules/failing.ts", { limits: { backoffMs: 1, restartsMax: 2 } });
    const escalated = heard(scene, SupervisionEscalated);
    const keeper = await scene.runtime.start(agent("keeper", () => ({})));
    const handle = await keeper.supervise(once);
    rmSync(path);
    await handle.send(Crash, {});
    await until(() => handle.generation === 2 && handle.status === "running");
    expect(existsSync(path)).toBe(true);
    const asked = handle.send(Crash, {}).then(() => outcomeOf(handle.ask(Ask, {})));
    await until(() => escalated.length === 1);
    expect(escalated[0]?.payload).toMatchObject({ agent: handle.id, error: expect.stringContaining("only once") });
    expect(await asked).toMatchObject({ code: "AGENT_STOPPED", ran: "no" });
  });
});
