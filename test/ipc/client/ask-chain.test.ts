// Cycles of asks that go through the socket fail at once, as those inside a process do. No test here advances the clock:
// whatever would wait for its deadline stays pending.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ActonApp, ActonError, agent, askFailure, ManualClock, message, seededRandom, type IpcListener } from "acton";
import { join } from "node:path";
import { z } from "zod";
import { type Client, connect } from "../../../src/client.ts";
import type { AgentHandle } from "../../../src/agent/handle.ts";
import { silentLog } from "../../../src/log.ts";
import { eventually, quiet } from "../../support/conditions.ts";
import { TemporaryDirectory } from "../../support/test-server.ts";
import { passing } from "../../support/ways.ts";

const Answer = message("Answer", z.string());
const Alone = message("Alone", { path: z.array(z.string()) }).replies(Answer);
const Beside = message("Beside", { path: z.array(z.string()) }).replies(Answer);
const Items = message("Items", { path: z.array(z.string()) }).streams(Answer);

/** What the test decides at a place of the path. */
class Script {
  readonly steps = new Map<string, (chain: readonly string[]) => Promise<string> | string>();
  readonly chains: (readonly string[])[] = [];
}

/** A process, as far as chains go: a runtime with its own socket, and a client of everybody's. */
class Place {
  readonly clients = new Map<string, Client>();
  readonly handles = new Map<string, AgentHandle<typeof Alone | typeof Beside | typeof Items>>();
  readonly runtime: ActonApp;
  readonly listener: IpcListener;

  private constructor(runtime: ActonApp, listener: IpcListener) {
    this.runtime = runtime;
    this.listener = listener;
  }

  static async open(socketPath: string, clock: ManualClock, seed: number): Promise<Place> {
    const runtime = ActonApp.launch({ clock, log: silentLog, random: seededRandom(seed) });
    return new Place(runtime, await runtime.startIpcListener({ socketPath }));
  }
}

describe.each(["json", "msgpack"] as const)("an ask that would wait for itself through the socket, over %s", (format) => {
  let clock: ManualClock;
  let directory: TemporaryDirectory;
  let places: Map<string, Place>;
  let script: Script;

  beforeEach(async () => {
    clock = new ManualClock();
    directory = new TemporaryDirectory();
    script = new Script();
    places = new Map([
      ["P", await Place.open(join(directory.path, "P"), clock, 1)],
      ["Q", await Place.open(join(directory.path, "Q"), clock, 2)],
    ]);
    for (const place of places.values()) {
      for (const name of places.keys()) place.clients.set(name, await connect(join(directory.path, name), { clock, format, keepAliveMs: 0 }));
    }
  });

  afterEach(async () => {
    for (const { clients, runtime } of places.values()) {
      for (const client of clients.values()) client.close();
      await passing(clock, runtime.shutdownAll());
    }
    directory[Symbol.dispose]();
  });

  /** Agents named after their place, `Pa`, which pass a question on along its path. The last of them says "end". */
  async function start(...names: string[]): Promise<void> {
    for (const name of names) {
      const place = placeOf(name);
      const exclusively = agent(name, () => ({})).mutateOn(Alone, ({ message: { path }, askChain }) => pass(place, path, askChain));
      const blueprint = exclusively
        .actOn(Beside, ({ message: { path }, askChain }) => pass(place, path, askChain))
        .actOn(Items, async function* ({ message: { path }, askChain }) {
          yield await pass(place, path, askChain);
        });
      const handle = await place.runtime.start(blueprint);
      place.handles.set(name, handle);
      place.runtime.ipcExpose(name, handle);
    }
  }

  /** `>Pa` asks Pa over its socket and `.Pa` directly, exclusively; `>Pa+` beside others; `>Pa*` as a stream. */
  async function pass(place: Place, path: readonly string[], chain: readonly string[]): Promise<string> {
    script.chains.push(chain);
    const [next, ...rest] = path;
    if (next === undefined) return "end";
    const step = script.steps.get(next);
    if (step !== undefined) return `${await step(chain)} ${await pass(place, rest, chain)}`;
    try {
      return await ask(place, next, rest);
    } catch (error) {
      return error instanceof ActonError ? `${error.code} ${error.message}` : String(error);
    }
  }

  async function ask(place: Place, next: string, path: readonly string[], options = {}): Promise<string> {
    const [, way, name = "", mode] = /^([.>])(\w+)([+*]?)$/.exec(next) ?? [];
    const type = mode === "+" ? Beside : Alone;
    const client = place.clients.get(name.slice(0, 1)) as Client;
    const handle = place.handles.get(name) as AgentHandle<typeof Alone | typeof Beside | typeof Items>;
    if (mode !== "*") return way === ">" ? client.ask(name, type, { path: [...path] }, options) : handle.ask(type, { path: [...path] });
    const stream = way === ">" ? client.stream(name, Items, { path: [...path] }, options) : handle.stream(Items, { path: [...path] });
    for await (const item of stream) return item;
    return "nothing";
  }

  async function run(path: string): Promise<string> {
    const answer = pass(placeOf("P"), path.split(" "), []);
    let text: string | undefined;
    void answer.then((value) => (text = value));
    await eventually(() => text !== undefined, `an answer to ${path}`);
    return text ?? "";
  }

  function placeOf(name: string): Place {
    return places.get(name.slice(0, 1)) as Place;
  }

  test.each([
    ["when an agent asks itself", ">Pa >Pa", "Pa → Pa"],
    ["when only the one that asks is exclusive", ">Pa >Pa+", "Pa → Pa"],
    ["when only the one that is asked is exclusive", ">Pa+ >Pa", "Pa → Pa"],
    ["around two agents of one process", ">Pa >Pb >Pa", "Pb → Pa → Pb"],
    ["when it goes out by the socket, and back directly", ">Pa >Pb .Pa", "Pb → Pa → Pb"],
    ["when it goes out directly, and back by the socket", ">Pa .Pb >Pa", "Pb → Pa → Pb"],
    ["around another process", ">Pa >Qb >Pa", "Pa → Pa, by way of another process"],
    ["around agents of another process, that ask each other directly", ">Pa >Qb .Qc >Pa", "Pa → Pa, by way of another process"],
    ["around agents here, behind one of another process", ">Pa .Pb >Qb >Pa", "Pb → Pa → Pb, by way of another process"],
    ["twice around another process", ">Pa+ >Qb+ >Pa+ >Qc >Pa", "Pa → Pa, by way of another process"],
    ["in another process", ">Pa+ >Qb >Qc >Qb", "Qc → Qb → Qc"],
    ["when it is a stream that would wait", ">Pa >Pa*", "Pa → Pa"],
    ["through a stream that is waited for", ">Pa >Pb* >Pa", "Pb → Pa → Pb"],
  ])("fails at once %s", async (_what, path, cycle) => {
    await start("Pa", "Pb", "Qb", "Qc");
    expect(await run(path)).toBe(`ASK_CYCLE this ask would wait for itself: ${cycle}`);
  });

  test.each([
    ["asks beside one another", ">Pa+ >Pa+ >Pb+ >Pa+"],
    ["asks beside one another, around another process", ">Pa+ >Qb+ >Pa+ >Qb+ >Pa+"],
    ["a line of exclusive asks", ">Pa >Qb >Pb >Qc"],
    ["one that goes deeper than a chain is long, beside others", `>Pa+ ${">Pa+ ".repeat(30).trim()}`],
    ["streams beside one another", ">Pa+ >Pb* >Pa*"],
  ])("is told from %s", async (_what, path) => {
    await start("Pa", "Pb", "Qb", "Qc");
    expect(await run(path)).toBe("end");
  });

  test("is refused, with no handler having run", async () => {
    await start("Pa");
    let failure: unknown;
    script.steps.set("itself", async () => {
      failure = askFailure(await ask(placeOf("P"), ">Pa", []).catch((error: unknown) => error));
      return "then";
    });
    expect(await run(">Pa itself")).toBe("then end");
    expect(failure).toMatchObject({ kind: "refused", reason: "cycle", ran: "no" });
  });

  test("is told from an ask of a handler that has returned, and waits for nothing any more", async () => {
    await start("Pa");
    let chain: readonly string[] = [];
    script.steps.set("leave", (own) => {
      chain = own;
      return "left";
    });
    expect(await run(">Pa leave")).toBe("left end");
    expect(chain).toHaveLength(1);
    expect(await ask(placeOf("P"), ">Pa", [], { askChain: chain })).toBe("end");
  });

  test("is told from an ask behind one that has been given up: it waits its turn", async () => {
    await start("Pa", "Pb");
    const released = Promise.withResolvers<string>();
    const finish = Promise.withResolvers<string>();
    let answer = "none yet";
    let waiting = false;
    const inFlight = (): number => placeOf("P").listener.stats().requestsInFlight;
    script.steps.set("wait", () => {
      waiting = true;
      return released.promise;
    });
    script.steps.set("ask back", async () => (answer = await ask(placeOf("P"), ">Pa+", []).catch(String)));
    script.steps.set("give up", async () => {
      const controller = new AbortController();
      const given = ask(placeOf("P"), ">Pb", ["wait", "ask back"], { signal: controller.signal }).catch(() => {});
      await eventually(() => inFlight() === 2, "the request that is given up");
      controller.abort();
      await given;
      return finish.promise;
    });
    const whole = pass(placeOf("P"), [">Pa", "give up"], []);
    await eventually(() => waiting, "the agent that is asked");
    await eventually(() => inFlight() === 1, "the end of the request that was given up");
    released.resolve("released");
    await eventually(() => inFlight() === 2, "the request back");
    await quiet();
    expect(answer).toBe("none yet");
    finish.resolve("done");
    expect(await whole).toBe("done end");
    await eventually(() => answer !== "none yet", "the answer");
    expect(answer).toBe("end");
  });

  test("is found when something else asks for the handler, with its chain", async () => {
    await start("Pa");
    const outside: (() => void)[] = [];
    script.steps.set("elsewhere", (askChain) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      outside.push(() => {
        ask(placeOf("P"), ">Pa", [], { askChain }).then(resolve, (error: unknown) => resolve(String(error)));
      });
      return promise;
    });
    const answer = pass(placeOf("P"), [">Pa", "elsewhere"], []);
    await eventually(() => outside.length === 1, "the handler's beginning");
    for (const work of outside) work();
    expect(await answer).toStartWith("AskCycle: this ask would wait for itself: Pa → Pa");
  });

  test("is not looked for when the call says that nobody waits", async () => {
    await start("Pa");
    let answer = "none yet";
    script.steps.set("not waiting", () => {
      void ask(placeOf("P"), ">Pa", [], { askChain: [] }).then((value) => (answer = value));
      return "asked";
    });
    expect(await pass(placeOf("P"), [">Pa", "not waiting"], [])).toBe("asked end");
    await eventually(() => answer !== "none yet", "the answer");
    expect(answer).toBe("end");
  });

  test("is known by ids that say nothing of whose they are", async () => {
    await start("Pa", "Qb");
    expect(await run(">Pa >Qb")).toBe("end");
    const [, [own = ""] = [], both = []] = script.chains;
    expect(own).toMatch(/^[0-9a-f]{16}$/);
    expect(both).toEqual([own, expect.stringMatching(/^[0-9a-f]{16}$/)]);
    expect(both[1]).not.toBe(own);
  });
});
