// The application module that threads import in these tests: agents that do what they are told, wherever they run.

import { ActonError, agent, type AgentRef, app, type HandlerArgument, message, pool } from "acton";
import { z } from "zod";

export const Any = message("Any", z.unknown());
export const Told = message("Told", z.string());
export const Do = message("Do", { deed: z.string(), with: z.unknown().optional() }).replies(Any);
export const Beside = message("Beside", { deed: z.string(), with: z.unknown().optional() }).replies(Any);
export const Flow = message("Flow", { deed: z.string(), with: z.unknown().optional() }).streams(Any);
export const BesideFlow = message("BesideFlow", { deed: z.string(), with: z.unknown().optional() }).streams(Any);
export const Order = message("Order", { deed: z.string(), with: z.unknown().optional() });
export const Unknown = message("Unknown", {}).replies(Any);
export const Tick = message("Tick", {});

export interface Notes {
  readonly notes: unknown[];
  readonly held: Map<string, () => void>;
}

type Argument = HandlerArgument<Notes, typeof Do>;
/** To one of the agents here. */
type Ref = AgentRef<typeof Do | typeof Beside | typeof Order | typeof Flow>;
const ref = (agent: unknown): Ref => agent as Ref;

type Deed = (argument: Argument, given: unknown) => unknown;

/** Errors of one's own, which a function as crash policy can tell by their class. */
export class Fatal extends Error {}
export class Harmless extends Error {}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Point {
  readonly x = 1;
  norm(): number {
    return this.x;
  }
}

/** Holds its thread, and nothing but that thread. */
export function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const failures: Readonly<Record<string, () => unknown>> = {
  error: () => new Error("an error"),
  text: () => "a text",
  nothing: () => undefined,
  null: () => null,
  number: () => 7,
  object: () => ({ some: "object" }),
  lines: () => new Error("two\nlines"),
  long: () => new Error("x".repeat(1000)),
  fatal: () => new Fatal("a fatal error"),
  harmless: () => new Harmless("a harmless error"),
  failure: () => new ActonError("TARGET_BUSY", "come back later", { retryAfterMs: 50, details: { free: 0 } }),
};

export const deeds: Readonly<Record<string, Deed>> = {
  echo: (_argument, given) => given,
  note: ({ model }, given) => model.notes.push(given),
  notes: ({ model }) => [...model.notes],
  forget: ({ model }) => model.notes.splice(0).length,
  nothing: () => undefined,
  null: () => null,
  resolve: async (_argument, given) => {
    await later(1);
    return given;
  },
  throw: (_argument, given) => {
    throw failures[String(given)]?.();
  },
  reject: async (_argument, given) => {
    await later(1);
    throw failures[String(given)]?.();
  },
  fail: ({ reply }, given) => reply.fail(failures[String(given)]?.()),
  replyThenThrow: ({ reply }) => {
    void reply.send("replied");
    throw new Error("afterwards");
  },
  replyThenWork: async ({ reply, broker }) => {
    void reply.send("replied");
    await later(20);
    broker.broadcast(Told, "worked");
  },
  twice: ({ reply }) => {
    void reply.send("first");
    void reply.send("second");
  },
  generator: async function* () {
    yield "first";
    yield "second";
  },
  defer: ({ model, reply }) => {
    reply.defer();
    model.held.set("reply", () => reply.end("deferred"));
  },
  undefer: ({ model }) => {
    model.held.get("reply")?.();
    return "done";
  },
  deferAndSend: async ({ reply }) => {
    reply.defer();
    setTimeout(() => void reply.send("from a timer"), 1);
  },
  untilAborted: ({ signal, model, reply }) => {
    model.notes.push("waits");
    reply.defer();
    const done = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => {
      model.notes.push("aborted");
      done.resolve();
    });
    return done.promise;
  },
  hang: ({ model }) => {
    model.notes.push("hangs");
    return new Promise(() => {});
  },
  slowly: async ({ model }, given) => {
    model.notes.push(`begins ${String(given)}`);
    await later(5);
    return model.notes.push(`ends ${String(given)}`);
  },
  spin: (_argument, given) => {
    spin(Number(given));
    return "spun";
  },
  forever: () => {
    for (;;);
  },
  exit: () => process.exit(7),
  timerThrows: () => {
    setTimeout(() => {
      throw new Error("in a timer");
    }, 0);
    return "armed";
  },
  rejectionFloats: () => {
    void Promise.reject(new Error("floating"));
    return "floats";
  },
  hoard: async () => {
    const hoard: unknown[] = [];
    for (let round = 0; round < 4000; round++) {
      for (let i = 0; i < 20_000; i++) hoard.push({ i });
      await later(1);
    }
    return hoard.length;
  },
  function: () => () => "a function",
  functionInside: () => ({ deep: { er: () => "a function" } }),
  instance: () => new Point(),
  symbol: () => Symbol("s"),
  promiseInside: () => ({ promise: Promise.resolve(1) }),
  getterThrows: () => ({
    get bad() {
      throw new Error("a getter");
    },
  }),
  typeOf: (_argument, given) =>
    given !== null && typeof given === "object" ? `${given.constructor.name} ${Object.keys(given).join()}` : typeof given,
  bytes: (_argument, given) => new Uint8Array(Number(given)).fill(1),
  keptBytes: ({ model }, given) => {
    const bytes = new Uint8Array(Number(given)).fill(1);
    model.notes.push(bytes);
    return bytes;
  },
  keptView: ({ model }, given) => {
    const bytes = new Uint8Array(Number(given)).fill(1);
    model.notes.push(bytes);
    return bytes.subarray(1);
  },
  keptLengths: ({ model }) => model.notes.map((bytes) => (bytes as Uint8Array).length),
  length: (_argument, given) => (given as Uint8Array).length,
  who: ({ self, sender, peer, identity, trace }) => ({
    self: [self.name, self.id],
    sender: sender?.name,
    peer: peer === undefined ? undefined : { uid: peer.uid, pid: peer.pid },
    identity,
    trace,
  }),
  status: ({ self }) => [self.status, self.generation],
  time: ({ clock, random }) => {
    const chance = random.next();
    return [Math.abs(clock.now() - Date.now()) < 10_000, clock.monotonic() > 0, chance >= 0 && chance < 1];
  },
  log: ({ log }) => {
    log.info("told", { some: "field" });
    log.with({ more: 1 }).warn("warned", { odd: () => 1, large: 1n });
    return "logged";
  },
  sendSelf: ({ self, model }, given) => {
    for (let i = 0; i < 3; i++) void ref(self).send(Order, { deed: "note", with: `${String(given)} ${i}` });
    return model.notes.length;
  },
  askSelf: async ({ self }) => ref(self).ask(Do, { deed: "echo", with: "myself" }),
  askSelfBeside: async ({ self }) => ref(self).ask(Beside, { deed: "echo", with: "myself" }),
  sendAfter: ({ sendAfter }) => sendAfter(1, Order, { deed: "note", with: "after" }).settled(),
  sendEvery: async ({ sendEvery }) => {
    const schedule = sendEvery(1, Order, { deed: "note", with: "every" });
    await schedule.delivered(3);
    schedule.cancel();
    return schedule.settled();
  },
  broadcast: ({ broker }, given) => {
    for (const text of given as string[]) broker.broadcast(Told, text);
    return "broadcast";
  },
  /** The same, and long enough for it to be out before the next. */
  tell: async ({ broker }, given) => {
    for (const text of given as string[]) broker.broadcast(Told, text);
    await later(0);
    return "broadcast";
  },
  flood: ({ broker }, given) => {
    for (let i = 0; i < Number(given); i++) broker.broadcast(Told, `flood ${i}`);
    return "flooded";
  },
  broadcastFunction: ({ broker }) => {
    broker.broadcast(Any, { bad: () => 1 });
    return "broadcast";
  },
  askSender: async ({ sender }, given) => ref(sender).ask(Do, given as { deed: string }),
  sendSender: async ({ sender }, given) => ref(sender).send(Order, given as { deed: string }),
  streamSender: async ({ sender }, given) => {
    const items: unknown[] = [];
    for await (const item of ref(sender).stream(Flow, given as { deed: string })) items.push(item);
    return items;
  },
  watchSender: ({ sender, model }) => {
    sender?.watch(() => void model.notes.push("sender gone"));
    return "watching";
  },
  noteWhetherSenderAnswers: async ({ sender, model }) => {
    await later(20);
    model.notes.push(
      await ref(sender)
        .ask(Do, { deed: "echo", with: 1 })
        .catch((error: ActonError) => `${error.code} ${error.ran}`),
    );
  },
  askSenderBadly: async ({ sender }, given) => {
    const codes = new Set<string>();
    const outcome = async (asked: unknown): Promise<void> => {
      try {
        await ref(sender).ask(Do, { deed: "echo", with: asked });
        codes.add("fine");
      } catch (error) {
        codes.add((error as ActonError).code);
      }
    };
    for (let i = 0; i < Number(given); i++) await outcome(() => 1);
    await outcome(1);
    return [...codes];
  },
  stop: ({ self }) => void self.stop(),
};

const items: Readonly<Record<string, (argument: Argument, given: unknown) => unknown>> = {
  count: async function* ({ model }, given) {
    try {
      for (let i = 1; i <= Number(given); i++) {
        model.notes.push(i);
        yield i;
      }
      return "the end";
    } finally {
      model.notes.push("left");
    }
  },
  sync: function* (_argument, given) {
    for (let i = 1; i <= Number(given); i++) yield i;
  },
  send: async ({ reply }, given) => {
    for (let i = 1; i <= Number(given); i++) await reply.send(i);
    reply.end("the end");
  },
  none: () => undefined,
  one: () => "only one",
  throws: async function* () {
    yield 1;
    throw new Error("amid");
  },
  fails: async function* ({ reply }: Argument) {
    yield 1;
    reply.fail(new ActonError("RATE_LIMITED", "amid", { details: [1] }));
  },
  function: async function* () {
    yield 1;
    yield () => 1;
    yield 2;
  },
  syncFunction: function* () {
    yield 1;
    yield () => 1;
    yield 2;
  },
  slow: async function* (_argument, given) {
    for (let i = 1; i <= Number(given); i++) {
      await later(1);
      yield i;
    }
  },
  endless: async function* ({ model, signal }) {
    signal.addEventListener("abort", () => void model.notes.push("aborted"));
    try {
      for (let i = 1; ; i++) {
        await later(1);
        yield i;
      }
    } finally {
      model.notes.push("left");
    }
  },
};

const doDeed = (argument: HandlerArgument<Notes, typeof Do>): unknown => deeds[argument.message.deed]?.(argument, argument.message.with);
const doItems = (argument: HandlerArgument<Notes, typeof Do>): unknown => items[argument.message.deed]?.(argument, argument.message.with);

/** The one that all the others are made of. */
function performer(name: string) {
  return agent(name, (): Notes => ({ notes: [], held: new Map() }))
    .mutateOn(Do, (argument) => doDeed(argument))
    .actOn(Beside, (argument) => doDeed(argument as never))
    .mutateOn(Order, (argument) => doDeed(argument as never) as Promise<void>)
    .mutateOn(Flow, (argument) => doItems(argument as never) as AsyncIterable<unknown>)
    .actOn(BesideFlow, (argument) => doItems(argument as never) as AsyncIterable<unknown>);
}

/** Runs anywhere: `.runOn` is said in the test too. */
export const actor = performer("actor");
export const other = performer("other");

/** One for each word on crashes; those of `default` say none. */
export const deciding = {
  default: performer("default"),
  resume: performer("resume").onCrash("resume"),
  restart: performer("restart").onCrash("restart"),
  stop: performer("stop").onCrash("stop"),
  failing: performer("failing").onCrash(() => {
    throw new Error("undecided");
  }),
};

export const fallible = performer("fallible").onCrash((error) =>
  error instanceof Fatal ? "stop" : error instanceof Harmless ? "resume" : "restart",
);

export const hooked = performer("hooked")
  .onCrash("restart")
  .beforeStart(({ broker }) => broker.broadcast(Told, "beforeStart"))
  .afterStart(({ broker }) => broker.broadcast(Told, "afterStart"))
  .beforeStop(async ({ broker }) => {
    await later(1);
    broker.broadcast(Told, "beforeStop");
  })
  .afterStop(({ broker }) => broker.broadcast(Told, "afterStop"));

const child = performer("child")
  .beforeStart(({ broker, self }) => broker.broadcast(Told, `child up ${self.id.split("/")[0]}`))
  .afterStop(({ broker }) => broker.broadcast(Told, "child down"));

export const Family = message("Family", { what: z.string() }).replies(Any);

/** Starts a child, and supervises another. */
export const parent = performer("parent")
  .supervise(child, { name: "supervised" })
  .supervision({ backoffMs: 1, restartsMax: 2, escalation: "stopSupervisor" })
  .actOn(Family, async ({ message: { what }, self, start }) => {
    const supervised = ref(self.children[0]?.handle);
    if (what === "names") return self.children.map(({ handle }) => handle.name);
    if (what === "crash") return supervised.send(Order, { deed: "throw", with: "error" });
    if (what === "ask") return supervised.ask(Do, { deed: "echo", with: "from the child" });
    const started = await start(child, { name: "started" });
    return ref(started).ask(Do, { deed: "echo", with: `from ${started.name}` });
  });

export const listener = performer("listener")
  .mutateOn(Told, ({ model, message }) => void model.notes.push(message))
  .subscribe(Told);

/** A child in the thread that listens. */
export const household = performer("household")
  .supervise(listener, { name: "inner-listener" })
  .actOn(Family, ({ self }) => ref(self.children[0]?.handle).ask(Do, { deed: "notes" }));

export const pooled = performer("pooled").runOn(pool({ size: 2 }));

export default app({
  agents: [
    actor.runOn("worker"),
    other.runOn("worker"),
    fallible.runOn("worker"),
    ...Object.values(deciding).map((each) => each.runOn("worker")),
    hooked.runOn("worker"),
    parent.runOn("worker"),
    listener.runOn("worker"),
    household.runOn("worker"),
    pooled,
  ],
  setup: () => {
    throw new Error("only the main thread sets an application up");
  },
});
