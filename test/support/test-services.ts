// Agents whose every step is in a test's hand: calls that wait until they are answered, streams that are fed by hand.

import { agent, type Blueprint, message, type MessageType, type Peer, type Reply } from "acton";
import { z } from "zod";

export const Echoed = message("Echoed", z.any());
export const Echo = message("Echo", z.any()).replies(Echoed);
export const Sum = message("Sum", { sum: z.int() });
export const Add = message("Add", { a: z.int(), b: z.int() }).replies(Sum);
export const Held = message("Held", z.any());
export const Hold = message("Hold", z.any()).replies(Held);
export const HoldAlone = message("HoldAlone", z.any()).replies(Held);
export const Item = message("Item", z.any());
export const Count = message("Count", { items: z.int(), size: z.int().optional(), last: z.string().optional() }).streams(Item);
export const Feed = message("Feed", z.any()).streams(Item);
export const Note = message("Note", z.any());
export const Fail = message("Fail", { text: z.string() }).replies(Echoed);
export const Silence = message("Silence", {}).replies(Echoed);
export const Twice = message("Twice", {}).replies(Echoed);
export const Who = message("Who", {}).replies(message("WhoAnswer", z.any()));
export const Price = message("Price", { symbol: z.string(), price: z.number() });
export const PriceAlert = message("PriceAlert", { symbol: z.string() });
export const Text = message("Text", z.any());

/** A call that its handler has not answered. */
export interface HeldCall {
  readonly message: unknown;
  readonly reply: Reply;
  readonly signal: AbortSignal;
  readonly peer: Peer | undefined;
}

/** What the agents of one test have seen. */
export class Seen {
  /** Calls of Hold and HoldAlone, in the order in which they were taken up. */
  readonly held: HeldCall[] = [];
  /** Streams asked for by Feed. */
  readonly feeds: HeldCall[] = [];
  /** Payloads of Note. */
  readonly notes: unknown[] = [];
  /** Connections of Echo, in order. */
  readonly echoes: (number | undefined)[] = [];
  /** Items that Count has made, all streams together. */
  produced = 0;
  /** Count streams whose generator was left before its end. */
  left = 0;

  call(index: number): HeldCall {
    const call = this.held[index];
    if (call === undefined) throw new Error(`there is no held call ${index}`);
    return call;
  }

  feed(index: number): HeldCall {
    const feed = this.feeds[index];
    if (feed === undefined) throw new Error(`there is no feed ${index}`);
    return feed;
  }
}

type AnyAgent = Blueprint<object, MessageType>;

export function testAgents(seen: Seen): readonly AnyAgent[] {
  const echo = agent("echo", () => ({}))
    .actOn(Echo, ({ message, peer }) => {
      seen.echoes.push(peer?.connection);
      return message as unknown;
    })
    .actOn(Add, ({ message }) => ({ sum: message.a + message.b }))
    .actOn(Fail, ({ message }) => {
      throw new Error(message.text);
    })
    .actOn(Silence, () => {})
    .actOn(Twice, function answersTwice({ reply }) {
      void reply.send("first");
      void reply.send("second");
    })
    .actOn(Who, ({ peer, identity }) => ({ peer, identity }));
  const holder = agent("holder", () => ({})).actOn(Hold, ({ message, reply, signal, peer }) => {
    reply.defer();
    seen.held.push({ message, reply, signal, peer });
  });
  // Busy from a call's start until it is answered: what comes meanwhile stays in the mailbox.
  const alone = agent("alone", () => ({}))
    .mutateOn(HoldAlone, ({ message, reply, signal, peer }) => {
      const done = Promise.withResolvers<void>();
      const finished = <Arguments extends unknown[]>(act: (...given: Arguments) => void) => {
        return (...given: Arguments): undefined => {
          act(...given);
          done.resolve();
          return undefined;
        };
      };
      signal.addEventListener("abort", () => done.resolve());
      seen.held.push({
        message,
        signal,
        peer,
        reply: {
          send: finished((value: unknown) => void reply.send(value)),
          end: finished((value?: unknown) => reply.end(value)),
          fail: finished((error: unknown) => reply.fail(error)),
          defer() {},
        },
      });
      reply.defer();
      return done.promise;
    })
    .mutateOn(Note, ({ message }) => void seen.notes.push(message));
  const streams = agent("streams", () => ({}))
    .actOn(Count, async function* ({ message }) {
      const filler = "x".repeat(message.size ?? 0);
      let whole = false;
      try {
        for (let n = 0; n < message.items; n++) {
          seen.produced += 1;
          yield filler === "" ? n : { n, filler };
        }
        whole = true;
        return message.last;
      } finally {
        if (!whole) seen.left += 1;
      }
    })
    .actOn(Feed, ({ message, reply, signal, peer }) => {
      reply.defer();
      seen.feeds.push({ message, reply, signal, peer });
    });
  const notes = agent("notes", () => ({}))
    .actOn(Note, ({ message }) => void seen.notes.push(message))
    .actOn(Echoed, ({ message }) => void seen.notes.push(message));
  return [echo, holder, alone, streams, notes];
}
