// Topics, subscriptions and pushes against lists that are searched from end to end.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { z } from "zod";
import { Activity } from "../../src/agent/activity.ts";
import { AskChains } from "../../src/agent/ask-chains.ts";
import { patternProblem, Topics } from "../../src/broker/topics.ts";
import { ManualClock } from "../../src/clock.ts";
import { resolveIpcConfig } from "../../src/config.ts";
import { ActonError } from "../../src/errors.ts";
import { Answers } from "../../src/ipc/server/answers.ts";
import { makeContext } from "../../src/ipc/server/make-context.ts";
import type { ServerContext } from "../../src/ipc/server/server-context.ts";
import { Subscriptions } from "../../src/ipc/server/subscriptions.ts";
import { TypeRegistry } from "../../src/ipc/server/type-registry.ts";
import type { Socket } from "../../src/ipc/transport.ts";
import { bare } from "../../src/ipc/wire/bare.ts";
import { FrameDecoder } from "../../src/ipc/wire/frame-decoder.ts";
import { silentLog } from "../../src/log.ts";
import { message } from "../../src/message/message-type.ts";
import { seededRandom } from "../../src/random.ts";
import { Names } from "../../src/runtime/names.ts";
import type { Scheduler, Task } from "../../src/scheduler.ts";
import { testSystem } from "../support/system.ts";
import { property } from "./property.ts";

const topic = fc.constantFrom("a", "ab", "abc", "b", "ba", "bab", "");
const prefix = fc.constantFrom("*", "a*", "ab*", "abc*", "b*", "c*");

const topicSteps = fc.array(
  fc.record({
    kind: fc.constantFrom("addName", "removeName", "addPattern", "removePattern", "look" as const),
    name: topic,
    pattern: prefix,
    subscriber: fc.nat(4),
  }),
  { maxLength: 50 },
);

function ascending(numbers: Iterable<number>): readonly number[] {
  return [...numbers].sort((a, b) => a - b);
}

property("each subscriber that matches is found once, those by name first", [topicSteps], (steps) => {
  const topics = new Topics<number>();
  const byName = new Set<string>();
  const byPattern = new Set<string>();
  for (const { kind, name, pattern, subscriber } of steps) {
    if (kind === "addName" || kind === "removeName") {
      topics[kind](name, subscriber);
      byName[kind === "addName" ? "add" : "delete"](`${name} ${subscriber}`);
    } else if (kind !== "look") {
      topics[kind](pattern, subscriber);
      byPattern[kind === "addPattern" ? "add" : "delete"](`${pattern} ${subscriber}`);
    }
    const named = [0, 1, 2, 3, 4].filter((each) => byName.has(`${name} ${each}`));
    const found = [0, 1, 2, 3, 4].filter((each) =>
      [...byPattern].some((entry) => entry.endsWith(` ${each}`) && name.startsWith(entry.split("*")[0] as string)),
    );
    const matching = topics.matching(name);
    expect(ascending(matching)).toEqual(ascending(new Set([...named, ...found])));
    expect(ascending(matching.slice(0, named.length))).toEqual(named);
    expect(ascending(topics.all())).toEqual(ascending(new Set([...byName, ...byPattern].map((entry) => Number(entry.split(" ")[1])))));
  }
});

property("a list of matches does not change once it was given", [topicSteps], (steps) => {
  const topics = new Topics<number>();
  const given: { readonly matching: readonly number[]; readonly copy: readonly number[] }[] = [];
  for (const { kind, name, pattern, subscriber } of steps) {
    if (kind === "addName" || kind === "removeName") topics[kind](name, subscriber);
    else if (kind !== "look") topics[kind](pattern, subscriber);
    const matching = topics.matching(name);
    given.push({ matching, copy: [...matching] });
  }
  for (const { matching, copy } of given) expect(matching).toEqual(copy);
});

property(
  "a pattern is a prefix of at most 255 bytes and one star behind it",
  [fc.string({ unit: fc.constantFrom("*", "a", "é", "😀"), maxLength: 4 }), fc.nat(300)],
  (text, length) => {
    for (const pattern of [text, `${text}*`, `${"p".repeat(length)}*`]) {
      const stars = pattern.split("*").length - 1;
      const well = stars === 1 && pattern.endsWith("*") && new TextEncoder().encode(pattern).length <= 256;
      expect(patternProblem(pattern) === undefined).toBe(well);
    }
  },
);

/** Keeps what is to be done until it is told to do it. */
class ListScheduler implements Scheduler {
  #tasks: Task[] = [];

  readonly enqueue = (task: Task): void => void this.#tasks.push(task);
  readonly atTurnEnd = this.enqueue;
  readonly atLoopEnd = this.enqueue;
  readonly nextTurn = this.enqueue;

  run(): void {
    for (const task of this.#tasks.splice(0)) task.run();
  }
}

/** One connection's subscriptions above a socket that takes as much as it is told to. */
class Scene {
  readonly scheduler = new ListScheduler();
  readonly clock = new ManualClock();
  readonly broker = testSystem().system.broker;
  readonly types = new Map(["a", "ab", "abc", "b", "ba"].map((name) => [name, message(name, z.any())]));
  readonly subscriptions: Subscriptions;
  readonly context: ServerContext;
  readonly answers: Answers;
  /** Bytes that the client reads before it stops. */
  room = 0;
  #read: Buffer[] = [];

  constructor(limits: { readonly subscriptionsMax?: number; readonly pushBufferSize?: number; readonly outgoingSoftBytes?: number }) {
    const types = new TypeRegistry();
    types.register(...this.types.values());
    const config = resolveIpcConfig({ ...limits, maxMessageSize: 1_000 });
    const askChains = new AskChains(seededRandom(1), new Activity());
    const release = { name: "test", version: "1" };
    const parts = {
      config,
      clock: this.clock,
      scheduler: this.scheduler,
      log: silentLog,
      names: new Names(),
      types,
      broker: this.broker,
      askChains,
      uid: 0,
    };
    const state = {
      isDraining: () => false,
      stats: () => {
        throw new Error("no statistics here");
      },
    };
    this.context = makeContext({ ...parts, policy: undefined, product: release, application: release }, state);
    this.answers = new Answers(this.context, this.#socket(), { emptied: () => this.subscriptions.drain(), stalled: (why) => expect(why).toBe("") });
    this.subscriptions = new Subscriptions(this.context, { origin: { identity: undefined, rules: undefined }, dialect: bare, answers: this.answers });
  }

  #socket(): Socket {
    return {
      credentials: undefined,
      peerIsGone: false,
      write: (bytes) => {
        const taken = Math.min(this.room, bytes.length);
        this.#read.push(Buffer.from(bytes.subarray(0, taken)));
        this.room -= taken;
        return taken;
      },
      pause() {},
      resume() {},
      shutdown() {},
      terminate() {},
    };
  }

  broadcast(name: string): void {
    this.broker.broadcast(this.types.get(name) ?? message(name, z.any()), name);
  }

  /** The client reads so many bytes more. */
  read(bytes: number): void {
    this.room = bytes;
    this.scheduler.run();
    if (this.answers.takesPushes || bytes === 0) return;
    this.answers.drain();
  }

  /** The pushes that the client has read whole. */
  pushes(): readonly Record<string, unknown>[] {
    const decoder = new FrameDecoder(100_000);
    decoder.push(Buffer.concat(this.#read));
    const pushes: Record<string, unknown>[] = [];
    for (let frame = decoder.next(bare.headerLength); frame !== undefined; frame = decoder.next(bare.headerLength)) {
      pushes.push(JSON.parse(frame.bytes.toString("utf8", frame.start, frame.end)) as Record<string, unknown>);
    }
    return pushes;
  }
}

const names = fc.array(fc.constantFrom("a", "ab", "abc", "b", "ba", "unknown"), { maxLength: 4 });
const patterns = fc.array(fc.constantFrom("*", "a*", "ab*", "b*", "x*", "**", "a"), { maxLength: 3 });
const subscriptionSteps = fc.array(
  fc.record({
    kind: fc.constantFrom("add", "add", "add", "remove", "clearPatterns", "clear" as const),
    types: names,
    patterns,
    look: fc.constantFrom("a", "ab", "abc", "b", "ba", "unknown"),
  }),
  { maxLength: 20 },
);

property(
  "subscriptions are a bounded set: all of what is asked for comes into it, or none",
  [fc.integer({ min: 1, max: 4 }), subscriptionSteps],
  (subscriptionsMax, steps) => {
    const scene = new Scene({ subscriptionsMax });
    let types: string[] = [];
    let held: string[] = [];
    let pushed = 0;
    for (const step of steps) {
      if (step.kind === "add") {
        const wanted = { types: [...new Set([...types, ...step.types])], patterns: [...new Set([...held, ...step.patterns])] };
        const broken = step.patterns.some((pattern) => pattern === "**" || pattern === "a");
        const tooMany =
          step.patterns.length > subscriptionsMax || wanted.patterns.length > subscriptionsMax || wanted.types.length > subscriptionsMax;
        let code: string | undefined;
        try {
          scene.subscriptions.add(step.types, step.patterns, "json");
        } catch (error) {
          code = error instanceof ActonError ? error.code : String(error);
        }
        expect(code).toBe(broken ? "SERIALIZATION_ERROR" : tooMany ? "PROTOCOL_ERROR" : undefined);
        if (code === undefined) ({ types, patterns: held } = wanted);
      } else if (step.kind === "remove") {
        scene.subscriptions.remove(step.types, step.patterns);
        types = types.filter((each) => !step.types.some((other) => other === each));
        held = held.filter((each) => !step.patterns.some((other) => other === each));
      } else {
        scene.subscriptions[step.kind]();
        if (step.kind === "clear") types = [];
        held = [];
      }
      expect(scene.subscriptions.state()).toEqual({ types, rejected: [], patterns: [...held].sort() });
      expect(scene.subscriptions.count).toBe(types.length + held.length);
      scene.broadcast(step.look);
      const matches = types.includes(step.look) || held.some((pattern) => step.look.startsWith(pattern.slice(0, -1)));
      if (matches && step.look !== "unknown") pushed += 1;
      expect(scene.context.counters.pushesSent).toBe(pushed);
    }
    scene.read(1_000_000);
    expect(scene.pushes()).toHaveLength(pushed);
  },
);

const pushSteps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom("a", "ab", "b") }, fc.nat(600)), { maxLength: 80 });
const pushLimits = fc.record({ pushBufferSize: fc.integer({ min: 1, max: 5 }), outgoingSoftBytes: fc.integer({ min: 1, max: 500 }) });

property("every push arrives in its order, or is owned up to in the next one", [pushLimits, pushSteps], (limits, steps) => {
  const scene = new Scene(limits);
  scene.subscriptions.add(["ab"], ["a*", "b*"], "json");
  const published: { readonly name: string; readonly seq: number }[] = [];
  for (const step of steps) {
    if (typeof step === "number") scene.read(step);
    else {
      published.push({ name: step, seq: published.filter(({ name }) => name === step).length });
      scene.broadcast(step);
    }
  }
  // A push a turn, where one is above the soft mark already.
  for (let turns = 0; turns <= limits.pushBufferSize + 2; turns++) scene.read(1_000_000);
  let place = 0;
  for (const push of scene.pushes()) {
    place += Number(push["dropped"] ?? 0);
    expect({ name: push["message_type"] as string, seq: push["seq"] as number }).toEqual(published[place] as (typeof published)[0]);
    place += 1;
  }
  const { pushesSent, pushesDropped } = scene.context.counters;
  expect(pushesSent).toBe(scene.pushes().length);
  expect(pushesSent + pushesDropped).toBe(published.length);
});
