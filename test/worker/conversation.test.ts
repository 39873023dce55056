// Agents on threads that talk back: to whoever sent, in circles, and by broadcasts.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { agent, type AgentHandle, type AgentRef, DeadLetter } from "acton";
import { actor, Any, Beside, Do, Family, Flow, household, listener, Order, other, Told } from "./scene.ts";
import { heard, outcomeOf, passing, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

type Talker = AgentHandle<typeof Do | typeof Beside | typeof Order>;

/** Passes what it is told to do on to the other one, as an exclusive or a concurrent handler. */
function passer(to: () => AgentRef<typeof Do | typeof Beside | typeof Order>, name = "passer") {
  return agent(name, () => ({ notes: [] as unknown[] }))
    .mutateOn(Do, ({ message }) => to().ask(Do, message.with as { deed: string }))
    .actOn(Beside, ({ message }) => to().ask(Beside, message.with as { deed: string }))
    .mutateOn(Order, ({ model, message }) => void model.notes.push(message.with))
    .actOn(Flow, async function* () {
      yield* [1, 2, 3];
    })
    .actOn(Any, ({ model }) => model.notes as never);
}

describe("the sender, as an agent on a thread sees it", () => {
  test("can be sent to, asked for a stream, and watched", async () => {
    const told: unknown[] = [];
    for (const placed of [false, true]) {
      await using scene = stage("scene.ts");
      const handle: Talker = await scene.runtime.start(placed ? actor.runOn("worker") : actor);
      const notes: unknown[] = [];
      const main = await scene.runtime.start(
        passer(() => handle).beforeStart(({ model }) => {
          model.notes = notes;
        }),
      );
      const sent = await main
        .ask(Do, { deed: "", with: { deed: "sendSender", with: { deed: "", with: "hello" } } })
        .catch((error: Error) => error.message);
      await until(() => notes.length === 1);
      const streamed = await main.ask(Beside, { deed: "", with: { deed: "streamSender", with: { deed: "" } } });
      const who = await main.ask(Beside, { deed: "", with: { deed: "who" } });
      const watching = await main.ask(Beside, { deed: "", with: { deed: "watchSender" } });
      await main.stop();
      await until(async () => ((await handle.ask(Beside, { deed: "notes" })) as unknown[]).includes("sender gone"));
      told.push([sent, notes, streamed, who, watching]);
    }
    expect(told[1]).toEqual(told[0]);
  });

  test("is a handle that the sender's thread knows: who is asked by it finds it as its own sender", async () => {
    await using scene = stage("scene.ts");
    const handle: Talker = await scene.runtime.start(actor.runOn("worker"));
    const senders: unknown[] = [];
    const main = await scene.runtime.start(
      agent("main", () => ({}))
        .actOn(Beside, () => handle.ask(Beside, { deed: "askSender", with: { deed: "x" } }))
        .actOn(Do, ({ sender }) => {
          senders.push(sender?.name);
          return "answer";
        }),
    );
    expect(await main.ask(Beside, { deed: "" })).toBe("answer");
    expect(senders).toEqual([handle.name]);
  });

  test("that has stopped takes nothing more", async () => {
    const told: unknown[] = [];
    for (const placed of [false, true]) {
      await using scene = stage("scene.ts");
      const handle: Talker = await scene.runtime.start(placed ? actor.runOn("worker") : actor);
      const main = await scene.runtime.start(
        agent("main", () => ({})).mutateOn(Order, () => handle.send(Order, { deed: "noteWhetherSenderAnswers" })),
      );
      await main.send(Order, { deed: "" });
      await main.stop();
      told.push(await handle.ask(Beside, { deed: "notes" }));
    }
    expect(told).toEqual([["AGENT_STOPPED no"], ["AGENT_STOPPED no"]]);
  });
});

describe("an ask that would wait for itself through threads", () => {
  const cycles = { code: "HANDLER_FAILED", message: expect.stringContaining("wait for itself") };

  test("is found: an exclusive handler here, one there, and back here", async () => {
    await using scene = stage("scene.ts");
    const handle: Talker = await scene.runtime.start(actor.runOn("worker"));
    const main = await scene.runtime.start(passer(() => handle));
    const asked = main.ask(Do, { deed: "", with: { deed: "askSender", with: { deed: "echo", with: 1 } } }, { timeoutMs: 10_000 });
    expect(await outcomeOf(asked)).toMatchObject(cycles);
    expect(await outcomeOf(main.ask(Do, { deed: "", with: { deed: "echo", with: 1 } }))).toEqual({ value: 1 });
  });

  test("is found: from there by way of here, and back there", async () => {
    await using scene = stage("scene.ts");
    const handle: Talker = await scene.runtime.start(actor.runOn("worker"));
    const main = await scene.runtime.start(passer(() => handle));
    const first = main.ask(Beside, { deed: "", with: { deed: "echo", with: 1 } });
    expect(await first).toBe(1);
    // The concurrent handler here asks the exclusive one there, which asks here, where the exclusive one there is asked again.
    const starter = await scene.runtime.start(
      agent("starter", () => ({}))
        .actOn(Beside, () => handle.ask(Do, { deed: "askSender", with: { deed: "again" } }))
        .actOn(Do, () => handle.ask(Do, { deed: "echo", with: 1 })),
    );
    expect(await outcomeOf(starter.ask(Beside, { deed: "" }, { timeoutMs: 10_000 }))).toMatchObject(cycles);
  });

  test("is found through two threads", async () => {
    await using scene = stage("scene.ts");
    const handle: Talker = await scene.runtime.start(actor.runOn("worker"));
    const further: Talker = await scene.runtime.start(other.runOn("worker"));
    const starter = await scene.runtime.start(
      agent("starter", () => ({}))
        .actOn(Beside, () => handle.ask(Do, { deed: "askSender", with: { deed: "one" } }))
        .actOn(Do, ({ message: { deed } }) =>
          deed === "one" ? further.ask(Do, { deed: "askSender", with: { deed: "two" } }) : handle.ask(Do, { deed: "echo", with: 1 }),
        ),
    );
    expect(await outcomeOf(starter.ask(Beside, { deed: "" }, { timeoutMs: 10_000 }))).toMatchObject(cycles);
  });

  test("and one that does not is none", async () => {
    await using scene = stage("scene.ts");
    const handle: Talker = await scene.runtime.start(actor.runOn("worker"));
    const starter = await scene.runtime.start(
      agent("starter", () => ({}))
        .actOn(Beside, () => handle.ask(Beside, { deed: "askSender", with: { deed: "again" } }))
        .actOn(Do, () => handle.ask(Beside, { deed: "echo", with: "through" })),
    );
    expect(await starter.ask(Beside, { deed: "" })).toBe("through");
  });

  test("keeps nobody from stopping", async () => {
    await using scene = stage("scene.ts");
    const handle: Talker = await scene.runtime.start(actor.runOn("worker"));
    const starter = await scene.runtime.start(
      agent("starter", () => ({}))
        .actOn(Beside, () => handle.ask(Do, { deed: "askSender", with: { deed: "again" } }))
        .actOn(Do, () => handle.ask(Do, { deed: "echo", with: 1 })),
    );
    await outcomeOf(starter.ask(Beside, { deed: "" }));
    await handle.stop();
    expect(scene.lines.filter(({ message }) => message === "agent stopped by force")).toEqual([]);
  });
});

describe("a broadcast", () => {
  test("from a thread reaches functions and agents everywhere, once and in order, with its source", async () => {
    await using scene = stage("scene.ts");
    const told = heard(scene, Told);
    const handle: Talker = await scene.runtime.start(actor.runOn("worker"));
    const listeners: AgentHandle<typeof Do>[] = [
      await scene.runtime.start(listener, { name: "here" }),
      await scene.runtime.start(listener.runOn("worker")),
    ];
    const house = await scene.runtime.start(household.runOn("worker"));
    const texts = Array.from({ length: 50 }, (_, i) => `${i}`);
    await handle.ask(Do, { deed: "broadcast", with: texts });
    await until(() => told.length >= 50);
    expect(told.map(({ payload, source }) => [payload, source])).toEqual(texts.map((text) => [text, "actor"]));
    const all = [...listeners.map((each) => () => each.ask(Do, { deed: "notes" })), () => house.ask(Family, { what: "" })];
    for (const notes of all) {
      await until(async () => ((await notes()) as unknown[]).length >= 50);
      await passing(20);
      expect(await notes()).toEqual(texts);
    }
  });

  test("from here reaches agents on threads, once", async () => {
    await using scene = stage("scene.ts");
    const handle: AgentHandle<typeof Do> = await scene.runtime.start(listener.runOn("worker"));
    for (const text of ["a", "b", "c"]) scene.runtime.broker().broadcast(Told, text);
    await scene.runtime.broker().flush();
    await passing(20);
    expect(await handle.ask(Do, { deed: "notes" })).toEqual(["a", "b", "c"]);
    await handle.stop();
    scene.runtime.broker().broadcast(Told, "d");
  });

  test("reaches an agent that has restarted", async () => {
    await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
    const keeper = await scene.runtime.start(agent("keeper", () => ({})));
    const house = await keeper.supervise(household.runOn("worker"));
    await house.send(Order, { deed: "throw", with: "error" });
    await until(() => house.generation === 2 && house.status === "running");
    await house.ask(Family, { what: "" });
    scene.runtime.broker().broadcast(Told, "after");
    await until(async () => ((await house.ask(Family, { what: "" })) as unknown[]).length > 0);
    expect(await house.ask(Family, { what: "" })).toEqual(["after"]);
  });

  test("flood from a thread is bounded, and told of in the log", async () => {
    await using scene = stage("scene.ts");
    const told = heard(scene, Told);
    const handle: Talker = await scene.runtime.start(actor.runOn("worker"));
    await handle.ask(Do, { deed: "flood", with: 20_000 });
    const lost = () => scene.lines.filter(({ message }) => message.includes("lost")).reduce((sum, { fields }) => sum + Number(fields["lost"]), 0);
    await until(() => lost() > 0 && told.length + lost() >= 20_000, "all are accounted for");
    expect(told.length + lost()).toBe(20_000);
    await handle.ask(Do, { deed: "broadcast", with: ["after it"] });
    await until(() => told.at(-1)?.payload === "after it");
  });

  test("flood to a thread that is busy is bounded, and told of in the log", async () => {
    await using scene = stage("scene.ts", { limits: { subscriberQueueSize: 16, mailboxSize: 16 } });
    const house: AgentHandle<typeof Family | typeof Do> = await scene.runtime.start(household.runOn("worker"));
    const spun = house.ask(Do, { deed: "spin", with: 100 });
    await passing(20);
    for (let i = 0; i < 1000; i++) scene.runtime.broker().broadcast(Told, `${i}`);
    await spun;
    const notes = (await house.ask(Family, { what: "" })) as unknown[];
    expect(notes.length).toBeLessThanOrEqual(32);
    expect(scene.lines.filter(({ message }) => message.includes("lost")).length).toBeGreaterThan(0);
  });

  test("tells of dead letters of a thread too", async () => {
    await using scene = stage("scene.ts");
    const letters = heard(scene, DeadLetter);
    const handle: Talker = await scene.runtime.start(actor.runOn("worker"));
    const stopped = outcomeOf(handle.ask(Do, { deed: "spin", with: 50 }));
    await handle.stop();
    await stopped;
    await outcomeOf(handle.send(Order, { deed: "note" }));
    await until(() => letters.length === 1);
    expect(letters[0]?.payload).toMatchObject({ agent: "actor", type: "Order" });
  });
});

describe("the log of an agent on a thread", () => {
  test("has the lines that it would have in place", async () => {
    const told: unknown[] = [];
    for (const placed of [false, true]) {
      await using scene = stage("scene.ts");
      const handle: Talker = await scene.runtime.start(placed ? actor.runOn("worker") : actor);
      await handle.ask(Do, { deed: "log" });
      await until(() => scene.lines.length === 2);
      told.push(scene.lines.map(({ level, message, fields }) => [level, message, fields["agent"], fields["some"], fields["more"]]));
    }
    expect(told[1]).toEqual(told[0]);
  });
});

test("with validateLocal, what a thread asks is validated there, and what it is asked here", async () => {
  const told: unknown[] = [];
  for (const placed of [false, true]) {
    await using scene = stage("scene.ts", { validateLocal: true });
    const handle: Talker = await scene.runtime.start(placed ? actor.runOn("worker") : actor);
    const main = await scene.runtime.start(passer(() => handle));
    const through = (given: unknown): Promise<unknown> =>
      outcomeOf(main.ask(Beside, { deed: "", with: { deed: "askSender", with: given } }, { timeoutMs: 10_000 }));
    told.push([await outcomeOf(handle.ask(Do, { deed: 5 } as never)), await through({ deed: 5 })]);
  }
  expect(told[1]).toEqual(told[0]);
});
