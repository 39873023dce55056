// An agent in a test's hand: it takes the messages that others send, and the test says what was to come and what the
// answer is. Waits in real time, whatever clock the runtime has: by a ManualClock it would wait for the test that waits for it.

import { AssertionError } from "node:assert";
import { agent, type Blueprint, type HandlerArgument } from "../agent/blueprint.ts";
import { after, SystemClock } from "../clock.ts";
import type { MessageType, PayloadOf } from "../message/message-type.ts";

/** A message as the probe got it. What asks stays open until `reply` has answered, or the probe's agent stops. */
export type Received<T extends MessageType> = Pick<HandlerArgument<object, T>, "message" | "reply" | "signal" | "sender" | "peer">;

export interface ProbeOptions {
  /** Receives broadcasts of its types too. Default false. */
  readonly subscribe?: boolean;
}

export interface WaitOptions {
  /** How long it is waited for, in real milliseconds. Default 1,000. */
  readonly withinMs?: number;
}

export interface SearchOptions<T extends MessageType> extends WaitOptions {
  /** What the message has to fulfil. */
  readonly where?: (message: PayloadOf<T>) => boolean;
}

interface Arrival {
  readonly type: MessageType;
  readonly received: Received<MessageType>;
}

/** How long a message is waited for, unless told otherwise. */
const expectMs = 1000;
/** How long none may come. */
const silenceMs = 20;

export class Probe<T extends MessageType> {
  /** Start it, with or without an exposed name, where the agent under test looks for its peer. */
  readonly blueprint: Blueprint<object, T>;
  readonly #clock = new SystemClock();
  readonly #arrived: Arrival[] = [];
  readonly #waiting: Array<(arrival: Arrival) => void> = [];

  constructor(name: string, types: readonly T[], { subscribe = false }: ProbeOptions = {}) {
    let blueprint: Blueprint<object, MessageType> = agent(name, () => ({}));
    for (const type of types) {
      blueprint = blueprint.actOn<MessageType>(type, (received) => this.#take({ type, received }));
      if (subscribe) blueprint = blueprint.subscribe(type);
    }
    this.blueprint = blueprint as Blueprint<object, T>;
  }

  /** The next message, which must be of this type. Rejects with an AssertionError when it is another, or none comes in time. */
  async expectMessage<K extends T>(type: K, { withinMs = expectMs }: WaitOptions = {}): Promise<Received<K>> {
    const arrival = await this.#next(withinMs);
    if (arrival === undefined) throw this.#missed(type, withinMs);
    if (arrival.type !== type) throw this.#unexpected(`${arrival.type.name} instead of ${type.name}`, arrival.type.name, type.name);
    return arrival.received;
  }

  /**
   * The first message of this type that fulfils `where`; those before it are passed over, and what they ask stays open.
   * Rejects with an AssertionError when none comes in time.
   */
  async fishFor<K extends T>(type: K, { withinMs = expectMs, where = () => true }: SearchOptions<K> = {}): Promise<Received<K>> {
    const end = this.#clock.monotonic() + withinMs;
    for (;;) {
      const arrival = await this.#next(end - this.#clock.monotonic());
      if (arrival === undefined) throw this.#missed(type, withinMs);
      const { message } = arrival.received;
      if (arrival.type === type && where(message as PayloadOf<K>)) return arrival.received;
    }
  }

  /** Rejects with an AssertionError when a message has come, or comes meanwhile. */
  async expectNoMessage(forMs = silenceMs): Promise<void> {
    const arrival = await this.#next(forMs);
    if (arrival !== undefined) throw this.#unexpected(`${arrival.type.name} instead of no message`, arrival.received.message, undefined);
  }

  #take(arrival: Arrival): void {
    arrival.received.reply.defer();
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(arrival);
    else waiting(arrival);
  }

  #next(withinMs: number): Promise<Arrival | undefined> {
    const first = this.#arrived.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => {
      const timer = after(this.#clock, withinMs, () => {
        this.#waiting.splice(this.#waiting.indexOf(taken), 1);
        resolve(undefined);
      });
      const taken = (arrival: Arrival): void => {
        this.#clock.disarm(timer);
        resolve(arrival);
      };
      this.#waiting.push(taken);
    });
  }

  #missed(type: MessageType, withinMs: number): AssertionError {
    return this.#unexpected(`no ${type.name} within ${withinMs} ms`, undefined, type.name);
  }

  #unexpected(what: string, actual: unknown, expected: unknown): AssertionError {
    return new AssertionError({ message: `the probe ${this.blueprint.name} got ${what}`, actual, expected });
  }
}

/** A probe that handles these types. */
export function probe<T extends MessageType>(name: string, types: readonly T[], options?: ProbeOptions): Probe<T> {
  return new Probe(name, types, options);
}
