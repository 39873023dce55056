import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { message } from "../../src/message/message-type.ts";
import { Names } from "../../src/runtime/names.ts";
import { failure, Latch, outcome, testSystem, turns } from "../support/system.ts";

const Answer = message("Answer", z.int());
const Ask = message("Ask", { id: z.int().positive() }).replies(Answer);
const Items = message("Items", { id: z.int().positive() }).streams(Answer);
const Note = message("Note", { id: z.int().positive() });

function echo(name = "echo") {
  return agent(name, () => ({}))
    .actOn(Ask, ({ message }) => message.id)
    .actOn(Items, function* ({ message }) {
      yield message.id;
    })
    .mutateOn(Note, () => {});
}

describe("local payloads", () => {
  test("are passed by reference and not validated", async () => {
    const { system } = testSystem();
    let seen: object | undefined;
    const handle = await system.start(agent("a", () => ({})).mutateOn(Note, ({ message }) => void (seen = message)));
    const payload = { id: -1 };
    await handle.send(Note, payload);
    await turns();
    expect(seen).toBe(payload);
  });

  test("are validated with the option validateLocal: SERIALIZATION_ERROR names type and field", async () => {
    const { system } = testSystem({}, { validateLocal: true });
    const handle = await system.start(echo());
    expect(await handle.ask(Ask, { id: 1 })).toBe(1);
    const error = await failure(handle.ask(Ask, { id: -1 }));
    expect(error.code).toBe("SERIALIZATION_ERROR");
    expect(error.message).toContain("Ask: payload.id:");
  });

  test("that are refused leave nothing armed behind, and end a send and a stream by their own way", async () => {
    const { system, clock } = testSystem({}, { validateLocal: true });
    const handle = await system.start(echo());
    await failure(handle.ask(Ask, { id: -1 }));
    expect(clock.armed).toBe(0);
    const calls = { send: () => handle.send(Note, { id: -1 }), stream: () => handle.stream(Items, { id: -1 }, { timeoutMs: 10 }).next() };
    for (const [name, call] of Object.entries(calls)) {
      let thrown: unknown;
      let returned: Promise<unknown> | undefined;
      try {
        returned = call();
      } catch (error) {
        thrown = error;
      }
      expect({ name, thrown }).toEqual({ name, thrown: undefined });
      expect((await failure(returned as Promise<unknown>)).code).toBe("SERIALIZATION_ERROR");
    }
    expect(clock.armed).toBe(0);
  });
});

describe("stopAll", () => {
  test("stops every agent, the last started first, and starts none after it", async () => {
    const { system } = testSystem();
    const order: string[] = [];
    for (const name of ["one", "two", "three"]) await system.start(echo(name).afterStop(() => void order.push(name)));
    await system.stopAll();
    expect(order).toEqual(["three", "two", "one"]);
    expect((await failure(system.start(echo()))).code).toBe("SHUTTING_DOWN");
  });

  test("is not held up by an agent that has stopped already", async () => {
    const { system } = testSystem();
    const handle = await system.start(echo());
    await handle.stop();
    expect(await outcome(system.stopAll())).toEqual({ value: true });
  });

  test("gives all agents that hang one deadline, not one each, and says that they were forced", async () => {
    const { system, clock } = testSystem({ stopTimeoutMs: 1_000 });
    for (const name of ["one", "two", "three"]) {
      const handle = await system.start(agent(name, () => ({})).mutateOn(Note, () => new Promise<void>(() => {})));
      await handle.send(Note, { id: 1 });
    }
    await turns();
    const stopped = system.stopAll();
    for (let step = 0; step < 2; step++) {
      await turns();
      clock.advance(1_000);
    }
    expect(await stopped).toBe(false);
    expect(system.counters.stoppedByForce).toBe(3);
  });

  test("does not leave an agent behind that was starting when it was called", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    let self: AgentHandle<typeof Ask> | undefined;
    const starting = Promise.allSettled([
      system.start(
        echo().beforeStart((argument) => {
          self = argument.self;
          return latch.wait();
        }),
      ),
    ]);
    await turns();
    const stopped = system.stopAll();
    latch.open();
    await Promise.all([starting, stopped]);
    await turns();
    expect(await outcome((self as AgentHandle<typeof Ask>).ask(Ask, { id: 1 }))).toBe("AGENT_STOPPED");
  });
});

describe("names", () => {
  test("have one holder: a taken name is NAME_TAKEN, which names the holder", async () => {
    const { system } = testSystem();
    const names = new Names();
    const [one, two] = [await system.start(echo("one")), await system.start(echo("two"))];
    names.expose("calculator", one);
    names.expose("calculator", one);
    expect(() => names.expose("calculator", two)).toThrow(expect.objectContaining({ code: "NAME_TAKEN", message: expect.stringContaining(one.id) }));
    expect(names.find("calculator")?.id).toBe(one.id);
    names.expose("other", one);
    expect([...names.entries()].map(([name]) => name)).toEqual(["calculator", "other"]);
  });

  test("are free again once hidden; hiding tells whether anybody had it", async () => {
    const { system } = testSystem();
    const names = new Names();
    const [one, two] = [await system.start(echo("one")), await system.start(echo("two"))];
    names.expose("calculator", one);
    expect(names.hide("calculator")).toBe(true);
    expect(names.hide("calculator")).toBe(false);
    expect(names.find("calculator")).toBeUndefined();
    names.expose("calculator", two);
    expect(names.find("calculator")?.id).toBe(two.id);
  });

  test("have 1 to 256 bytes", async () => {
    const { system } = testSystem();
    const names = new Names();
    const handle = await system.start(echo());
    names.expose("x".repeat(256), handle);
    for (const name of ["", "x".repeat(257), "€".repeat(86)]) expect(() => names.expose(name, handle)).toThrow(TypeError);
  });
});
