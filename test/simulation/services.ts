// The agents of the simulation, one for each way to behave. All of them keep the ledger; all their waits are the clock's.

import { agent, type Blueprint, type Clock, message, type MessageType } from "acton";
import { z } from "zod";
import { after } from "../../src/clock.ts";
import type { Ledger } from "./ledger.ts";

export const Echoed = message("Echoed", { n: z.int(), filler: z.string().optional() });
export const Echo = message("Echo", { n: z.int(), size: z.int().optional() }).replies(Echoed);
export const Slow = message("Slow", { n: z.int(), ms: z.int() }).replies(Echoed);
export const Alone = message("Alone", { n: z.int(), ms: z.int() }).replies(Echoed);
export const Later = message("Later", { n: z.int(), ms: z.int() }).replies(Echoed);
export const Crash = message("Crash", { n: z.int(), late: z.boolean() }).replies(Echoed);
export const CrashBeside = message("CrashBeside", { n: z.int(), ms: z.int() }).replies(Echoed);
export const Silent = message("Silent", { n: z.int() }).replies(Echoed);
export const Relay = message("Relay", { n: z.int(), ms: z.int(), to: z.enum(["slow", "alone", "self"]) }).replies(Echoed);
export const Item = message("Item", { i: z.int(), filler: z.string().optional() });
export const Count = message("Count", { n: z.int(), items: z.int(), ms: z.int(), size: z.int() }).streams(Item);
export const CountAlone = message("CountAlone", { n: z.int(), items: z.int(), ms: z.int(), size: z.int() }).streams(Item);
export const Burst = message("Burst", { n: z.int(), items: z.int() }).streams(Item);
export const Note = message("Note", { sender: z.string(), n: z.int() });
export const Mark = message("Mark", { sender: z.string(), n: z.int() }).replies(Echoed);
export const Put = message("Put", { n: z.int(), ms: z.int() });
export const Tick = message("Tick", {});
export const NewsOne = message("NewsOne", { n: z.int(), life: z.int(), filler: z.string() });
export const NewsTwo = message("NewsTwo", { n: z.int(), life: z.int(), filler: z.string() });
/** What a handler that crashes on purpose throws. */
export const planned = "crashed as planned";

export interface ServiceOptions {
  readonly ledger: Ledger;
  readonly readersMax: number;
  readonly heard: (n: number) => void;
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => void after(clock, ms, resolve));
}

type AnyAgent = Blueprint<object, MessageType>;

export function services(options: ServiceOptions): readonly AnyAgent[] {
  return [echo(options), slow(options), alone(options), crasher(options), relay(options), streams(options), notes(options), ticker()];
}

function echo({ ledger }: ServiceOptions): AnyAgent {
  return agent("echo", () => ({}))
    .actOn(Echo, ({ message, signal, peer }) => {
      const work = ledger.begin("echo", message.n, { signal, peer });
      work.over = work.answered = true;
      return message.size === undefined ? { n: message.n } : { n: message.n, filler: "x".repeat(message.size) };
    })
    .actOn(Silent, ({ message, signal, peer }) => {
      ledger.begin("echo", message.n, { signal, peer }).over = true;
    });
}

function slow({ ledger, readersMax }: ServiceOptions): AnyAgent {
  return agent("slow", () => ({}))
    .actOn(Slow, async ({ message, signal, peer, clock }) => {
      const work = ledger.begin("slow", message.n, { signal, peer });
      const leave = ledger.enter("slow", readersMax);
      await pause(clock, message.ms);
      leave();
      work.over = work.answered = true;
      return { n: message.n };
    })
    .actOn(Later, ({ message, signal, peer, clock, reply }) => {
      const work = ledger.begin("slow", message.n, { signal, peer });
      reply.defer();
      void pause(clock, message.ms).then(() => {
        work.over = work.answered = true;
        void reply.send({ n: message.n });
      });
    });
}

/** Its exclusive handler runs beside nothing, neither its like nor the concurrent one. */
function alone({ ledger, readersMax }: ServiceOptions): AnyAgent {
  return agent("alone", () => ({}))
    .mutateOn(Alone, async ({ message, signal, peer, clock }) => {
      const work = ledger.begin("alone", message.n, { signal, peer });
      const leave = ledger.enter("alone", 1);
      ledger.mustNotRun("alone's readers");
      await pause(clock, message.ms);
      leave();
      work.over = work.answered = true;
      return { n: message.n };
    })
    .actOn(Slow, async ({ message, signal, peer, clock }) => {
      const work = ledger.begin("alone", message.n, { signal, peer });
      const leave = ledger.enter("alone's readers", readersMax);
      ledger.mustNotRun("alone");
      await pause(clock, message.ms);
      leave();
      work.over = work.answered = true;
      return { n: message.n };
    });
}

/** What runs beside a crash belongs to the old model: its answer must reach nobody. */
function crasher({ ledger }: ServiceOptions): AnyAgent {
  let lives = 0;
  return agent("crasher", () => ({ handled: 0, life: (lives += 1) }))
    .mutateOn(Crash, async ({ model, message, signal, peer, clock }) => {
      const work = ledger.begin("crasher", message.n, { signal, peer });
      model.handled += 1;
      if (message.late) await pause(clock, 10);
      work.over = true;
      throw new Error(planned);
    })
    .actOn(Slow, async ({ model, message, signal, peer, clock }) => {
      const work = ledger.begin("crasher", message.n, { signal, peer });
      await pause(clock, message.ms);
      work.over = true;
      work.answered = model.life === lives;
      return { n: message.n };
    })
    .actOn(CrashBeside, async ({ message, signal, peer, clock }) => {
      const work = ledger.begin("crasher", message.n, { signal, peer });
      await pause(clock, message.ms / 2);
      work.over = true;
      throw new Error(planned);
    })
    .onCrash((error) => (error instanceof Error && error.message === planned ? "restart" : "stop"));
}

/** Asks another agent of its own process, or itself, which must fail at once. */
function relay({ ledger }: ServiceOptions): AnyAgent {
  return agent("relay", () => ({}))
    .afterStart(({ model, start }) =>
      start(
        agent("behind", () => ({}))
          .actOn(Slow, async ({ message, clock }) => {
            await pause(clock, message.ms);
            return { n: message.n };
          })
          .mutateOn(Alone, async ({ message, clock }) => {
            await pause(clock, message.ms);
            return { n: message.n };
          }),
      ).then((behind) => void Object.assign(model, { behind })),
    )
    .mutateOn(Relay, async ({ model, message, signal, peer, self, reply }) => {
      const work = ledger.begin("relay", message.n, { signal, peer });
      const { behind } = model as { behind?: { ask(type: MessageType, payload: unknown, options: object): Promise<unknown> } };
      const target = message.to === "self" ? (self as unknown as typeof behind) : behind;
      const asked = message.to === "self" ? Relay : message.to === "slow" ? Slow : Alone;
      const answer = await target
        ?.ask(asked, { n: message.n, ms: message.ms, to: "slow" }, { timeoutMs: 100, signal })
        .catch((error: Error) => error);
      work.over = true;
      if (answer instanceof Error || answer === undefined) return reply.fail(answer);
      work.answered = true;
      return answer as { n: number };
    });
}

function streams({ ledger }: ServiceOptions): AnyAgent {
  const items = async function* (message: { n: number; items: number; ms: number; size: number }, clock: Clock, produced: (count: number) => void) {
    const filler = "x".repeat(message.size);
    for (let i = 0; i < message.items; i++) {
      if (message.ms > 0 && i % 3 === 2) await pause(clock, message.ms);
      produced(i + 1);
      yield message.size === 0 ? { i } : { i, filler };
    }
  };
  return agent("streams", () => ({}))
    .actOn(Count, ({ message, signal, peer, clock }) => {
      const work = ledger.begin("streams", message.n, { signal, peer });
      return items(message, clock, (count) => (work.produced = count));
    })
    .actOn(Burst, ({ message, signal, peer, reply }) => {
      const work = ledger.begin("streams", message.n, { signal, peer });
      work.produced = message.items;
      for (let i = 0; i < message.items; i++) void reply.send({ i });
      reply.end();
    })
    .mutateOn(CountAlone, ({ message, signal, peer, clock }) => {
      const work = ledger.begin("streams", message.n, { signal, peer });
      return items(message, clock, (count) => (work.produced = count));
    });
}

function notes({ ledger, heard }: ServiceOptions): AnyAgent {
  return agent("notes", () => ({}))
    .actOn(Note, ({ message }) => ledger.inOrder(message.sender, message.n))
    .actOn(Mark, ({ message, signal, peer }) => {
      const work = ledger.begin("notes", message.n, { signal, peer });
      ledger.inOrder(message.sender, message.n);
      work.over = work.answered = true;
      return { n: message.n };
    })
    .actOn(NewsOne, ({ message }) => heard(message.n))
    .subscribe(NewsOne);
}

function ticker(): AnyAgent {
  return agent("ticker", () => ({ ticks: 0 }))
    .afterStart(({ sendEvery, sendAfter }) => {
      // Longer than what is waited for after a stop: then nothing of it may be left.
      sendEvery(1700, Tick, {});
      sendAfter(300, Tick, {});
    })
    .mutateOn(Tick, ({ model }) => void (model.ticks += 1));
}
