import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { ActonApp, agent, ManualClock, message } from "../../src/index.ts";
import { silentLog } from "../../src/log.ts";

const Sum = message("Sum", { sum: z.int() });
const Add = message("Add", { a: z.int() }).replies(Sum);
const Other = message("Other", {});

const apps: ActonApp[] = [];
function launch(): ActonApp {
  const app = ActonApp.launch({ clock: new ManualClock(), log: silentLog });
  apps.push(app);
  return app;
}
afterAll(() => Promise.all(apps.map((app) => app.shutdownAll())));

const adder = agent("adder", () => ({})).actOn(Add, ({ message }) => ({ sum: message.a }));

describe("ipcExpose", () => {
  test("registers what the agent handles and answers with; starting and broadcasting alone register nothing", async () => {
    const app = launch();
    const handle = await app.start(adder);
    app.broker().broadcast(Other, {});
    expect(app.ipcRegistry().registeredTypes()).toEqual([]);
    app.ipcExpose("calculator", handle);
    expect(app.ipcRegistry().registeredTypes()).toEqual(["Add", "Sum"]);
    expect(app.ipcRegistry().isRegistered("Other")).toBe(false);
  });

  test("of a taken name names its holder and registers nothing", async () => {
    const app = launch();
    const one = await app.start(adder);
    const two = await app.start(agent("two", () => ({})).mutateOn(Other, () => {}));
    app.ipcExpose("calculator", one);
    expect(() => app.ipcExpose("calculator", two)).toThrow(expect.objectContaining({ code: "NAME_TAKEN", message: expect.stringContaining(one.id) }));
    expect(app.ipcRegistry().registeredTypes()).toEqual(["Add", "Sum"]);
  });

  test("of a type whose name another agent's type has is refused, and exposes nothing", async () => {
    const app = launch();
    app.ipcExpose("calculator", await app.start(adder));
    const clashing = message("Sum", { sum: z.string() });
    const handle = await app.start(
      agent("two", () => ({}))
        .mutateOn(Other, () => {})
        .mutateOn(clashing, () => {}),
    );
    expect(() => app.ipcExpose("two", handle)).toThrow(expect.objectContaining({ code: "NAME_TAKEN" }));
    expect(app.ipcRegistry().registeredTypes()).toEqual(["Add", "Sum"]);
    expect(app.ipcHide("two")).toBe(false);
  });

  test("is undone by ipcHide: the agent runs on and the name is free", async () => {
    const app = launch();
    const handle = await app.start(adder);
    app.ipcExpose("calculator", handle);
    expect(app.ipcHide("calculator")).toBe(true);
    expect(app.ipcHide("calculator")).toBe(false);
    expect(await handle.ask(Add, { a: 1 })).toEqual({ sum: 1 });
    app.ipcExpose("calculator", await app.start(adder, { name: "another" }));
  });
});

describe("shutdownAll", () => {
  test("stops the agents, the last started first, and is the same when called again", async () => {
    const app = launch();
    const order: string[] = [];
    for (const name of ["one", "two"])
      await app.start(
        adder.afterStop(() => void order.push(name)),
        { name },
      );
    const [first, second] = await Promise.all([app.shutdownAll(), app.shutdownAll()]);
    expect(order).toEqual(["two", "one"]);
    expect(first).toEqual({ complete: true, lost: 0 });
    expect(second).toBe(first);
    expect(app.start(adder)).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });

  test("happens at the end of an `await using` block", async () => {
    let stopped = false;
    {
      await using app = launch();
      await app.start(adder.afterStop(() => void (stopped = true)));
    }
    expect(stopped).toBe(true);
  });
});
