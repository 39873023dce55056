// No error of user code ever ends the process. Each program here does its worst in a process of its own, then says that it lives.

import { expect, test } from "bun:test";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");

const crimes = {
  "a handler": "await handle.ask(Ask, {}).catch((error) => console.log(error.code))",
  "a floating promise in a handler": "await handle.send(Float, {})",
  "a timer in a handler": "await handle.send(Timer, {})",
  "a timer on the agent's clock": "await handle.send(ClockTimer, {})",
  "a microtask in a handler": "await handle.send(Microtask, {})",
  "a hook": "await handle.stop()",
  "a subscriber": "runtime.broker().broadcast(Ask, {})",
  "a watcher": "handle.watch(() => { throw new Error('watcher') }); await handle.stop()",
  "a getter of what was thrown": "await handle.send(Hostile, {})",
};

test.each(Object.entries(crimes))("an error in %s", (_, crime) => {
  const program = `
    import { z } from "zod";
    import { ActonApp, agent, message } from "./src/index.ts";
    const Ask = message("Ask", {}).replies(message("Answer", z.int()));
    const [Float, Timer, ClockTimer, Microtask, Hostile] = ["Float", "Timer", "ClockTimer", "Microtask", "Hostile"].map((name) => message(name, {}));
    const fail = () => { throw new Error("user code"); };
    const blueprint = agent("criminal", () => ({}))
      .mutateOn(Ask, fail)
      .mutateOn(Float, () => void Promise.reject(new Error("floating")))
      .mutateOn(Timer, () => void setTimeout(fail, 1))
      .mutateOn(ClockTimer, ({ clock }) => clock.arm({ due: 0, order: 0, place: -1, expire: fail }, 1))
      .mutateOn(Microtask, () => queueMicrotask(fail))
      .mutateOn(Hostile, () => { throw { get message() { throw 1; }, get stack() { throw 2; }, toString() { throw 3; } }; })
      .beforeStop(fail).afterStop(fail);
    const runtime = ActonApp.launch();
    const handle = await runtime.start(blueprint);
    runtime.broker().subscribe(Ask, fail);
    ${crime};
    const alive = await runtime.start(agent("alive", () => ({})).actOn(Ask, () => 42));
    await new Promise((resolve) => setTimeout(resolve, 5));
    console.log("alive", await alive.ask(Ask, {}));
    await runtime.shutdownAll();`;
  const { stdout, exitCode } = Bun.spawnSync([process.execPath, "-e", program], { cwd: root, timeout: 10_000, stderr: "ignore" });
  expect(stdout.toString()).toContain("alive 42");
  expect(exitCode).toBe(0);
});
