// One connection's subscriptions, and the pushes that wait for it. The connection joins the broker as a subscriber
// like any other. When too many pushes wait, or too large ones, the newest are dropped, counted, and owned up to in the next one.

import type { Publication, Subscriber } from "../../broker/publication.ts";
import { patternProblem } from "../../broker/topics.ts";
import { ActonError, detailOf, quoted } from "../../errors.ts";
import type { Dialect } from "../wire/dialect.ts";
import type { Format, SubscriptionState } from "../wire/packet.ts";
import type { Answers } from "./answers.ts";
import { type Asker, refusalOf } from "./policy.ts";
import type { ServerContext } from "./server-context.ts";

/** The connection, as its pushes see it. */
export interface PushTarget {
  readonly origin: Asker;
  readonly dialect: Dialect;
  readonly answers: Answers;
}

/** The protocol's own bound, whatever is configured. */
const patternsMax = 128;

/** What a request to subscribe has changed. */
export interface Added {
  readonly types: readonly string[];
  readonly patterns: readonly string[];
}

interface WaitingPush {
  readonly publication: Publication;
  readonly seq: number;
  /** How many were lost just before it. */
  readonly dropped: number;
  readonly bytes: number;
}

export class Subscriptions implements Subscriber {
  readonly #context: ServerContext;
  readonly #target: PushTarget;
  readonly #leaveName = new Map<string, () => void>();
  readonly #leavePattern = new Map<string, () => void>();
  readonly #seqOfType = new Map<string, number>();
  readonly #waiting: WaitingPush[] = [];
  #waitingBytes = 0;
  #format: Format = "json";
  #dropped = 0;

  constructor(context: ServerContext, target: PushTarget) {
    this.#context = context;
    this.#target = target;
  }

  get count(): number {
    return this.#leaveName.size + this.#leavePattern.size;
  }

  state(rejected: readonly string[] = []): SubscriptionState {
    return { types: [...this.#leaveName.keys()], rejected, patterns: [...this.#leavePattern.keys()].sort() };
  }

  /** Subscribes to all of it or, when something is wrong, to none; says what is new. Pushes go out in `format` from now on. */
  add(types: readonly string[], patterns: readonly string[], format: Format): Added {
    this.#check(types, patterns);
    if (types.length + patterns.length > 0) this.#format = format;
    return { types: this.#join(this.#leaveName, types), patterns: this.#join(this.#leavePattern, patterns) };
  }

  remove(types: readonly string[], patterns: readonly string[]): void {
    for (const name of types) forget(this.#leaveName, name);
    for (const pattern of patterns) forget(this.#leavePattern, pattern);
  }

  clearPatterns(): void {
    for (const pattern of [...this.#leavePattern.keys()]) forget(this.#leavePattern, pattern);
  }

  clear(): void {
    for (const name of [...this.#leaveName.keys()]) forget(this.#leaveName, name);
    this.clearPatterns();
  }

  close(): void {
    this.clear();
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  publish(publication: Publication): void {
    const { name } = publication.type;
    const { counters, config, types } = this.#context;
    if (!types.isRegistered(name)) return;
    if (refusalOf(this.#context, this.#target.origin, { kind: "push", type: name }) !== undefined) {
      counters.pushesWithheld += 1;
      return;
    }
    const seq = this.#seqOfType.get(name) ?? 0;
    this.#seqOfType.set(name, seq + 1);
    if (this.#waiting.length === 0 && this.#target.answers.takesPushes) {
      this.#write({ publication, seq, dropped: this.#takeDropped(), bytes: 0 });
      return;
    }
    const bytes = this.#bytesOf(publication);
    if (this.#waiting.length < config.pushBufferSize && this.#waitingBytes + bytes <= config.outgoingHardBytes) {
      this.#waiting.push({ publication, seq, dropped: this.#takeDropped(), bytes });
      this.#waitingBytes += bytes;
    } else {
      this.#dropped += 1;
      counters.pushesDropped += 1;
    }
  }

  flushed(): undefined {
    return undefined;
  }

  /** The connection takes pushes again. */
  drain(): void {
    while (this.#waiting.length > 0 && this.#target.answers.takesPushes) {
      const next = this.#waiting.shift() as WaitingPush;
      this.#waitingBytes -= next.bytes;
      this.#write(next);
    }
  }

  // What cannot be written is said to be so when its turn comes.
  #bytesOf(publication: Publication): number {
    try {
      return this.#context.payloadOf(publication).bytes();
    } catch {
      return 0;
    }
  }

  #join(held: Map<string, () => void>, names: readonly string[]): readonly string[] {
    const added: string[] = [];
    for (const name of names) {
      if (held.has(name)) continue;
      held.set(name, this.#context.broker.join(name, this));
      added.push(name);
    }
    return added;
  }

  // The next push that goes out after a gap owns up to it.
  #takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  #write({ publication, seq, dropped }: WaitingPush): void {
    const { counters, log } = this.#context;
    const { type, timestamp, source } = publication;
    try {
      const payload = this.#context.payloadOf(publication);
      const push = { number: this.#context.nextPushNumber(), messageType: type.name, payload, timestamp, source, seq, dropped };
      this.#target.dialect.push(this.#target.answers.out, this.#format, push);
    } catch (error) {
      this.#dropped += dropped + 1;
      counters.pushesDropped += 1;
      log.error("push cannot be encoded", { type: type.name, error: detailOf(error) });
      return;
    }
    counters.pushesSent += 1;
    this.#target.answers.sent(undefined);
  }

  #check(types: readonly string[], patterns: readonly string[]): void {
    patterns.forEach((pattern, at) => {
      const problem = patternProblem(pattern);
      if (problem !== undefined) throw new ActonError("SERIALIZATION_ERROR", `patterns[${at}]: ${problem}: ${quoted(pattern)}`, { subject: problem });
    });
    const { subscriptionsMax } = this.#context.config;
    const most = Math.min(patternsMax, subscriptionsMax);
    if (patterns.length > most || exceeds(most, this.#leavePattern, patterns)) {
      const problem = `pattern limit of ${most} exceeded`;
      throw new ActonError("PROTOCOL_ERROR", problem, { subject: problem });
    }
    if (exceeds(subscriptionsMax, this.#leaveName, types))
      throw new ActonError("PROTOCOL_ERROR", `subscription limit of ${subscriptionsMax} exceeded`);
  }
}

/** Would there be more than `most`? Names may repeat, and may be held already. */
function exceeds(most: number, held: ReadonlyMap<string, unknown>, names: readonly string[]): boolean {
  return held.size + names.length > most && new Set([...held.keys(), ...names]).size > most;
}

function forget(held: Map<string, () => void>, key: string): void {
  held.get(key)?.();
  held.delete(key);
}
