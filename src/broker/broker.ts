// Publish and subscribe by message type, inside one process. Broadcasting hands the message to each subscriber's
// own queue in the same turn: first in, first out for each publisher and subscriber, waiting for nobody.

import type { Activity } from "../agent/activity.ts";
import type { BroadcastTarget } from "../agent/living.ts";
import type { Clock } from "../clock.ts";
import { detailOf, stackOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { MessageType, PayloadOf } from "../message/message-type.ts";
import type { Publisher } from "../message/publisher.ts";
import { isPromiseLike } from "../promise-like.ts";
import type { Scheduler, Task } from "../scheduler.ts";
import { Publication, type Subscriber } from "./publication.ts";
import { SubscriberQueue } from "./subscriber-queue.ts";
import { patternProblem, Topics } from "./topics.ts";

export interface Subscription {
  /** Publications that were lost because the subscriber's queue was full. */
  readonly lost: number;
  cancel(): void;
}

/** Called with one publication at a time; a promise holds the next one back. What it throws is logged. */
export type SubscriberFunction<Payload> = (payload: Payload, publication: Publication) => unknown;

export interface BrokerServices {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Log;
  readonly activity: Activity;
  readonly limits: { readonly subscriberQueueSize: number; readonly messagesPerTurnMax: number };
}

export class Broker implements Publisher {
  readonly #services: BrokerServices;
  readonly #topics = new Topics<Subscriber>();
  /** One queue for each agent, whatever it subscribes to: broadcasts keep their order across types. */
  readonly #agents = new Map<string, AgentSubscriber>();

  constructor(services: BrokerServices) {
    this.#services = services;
  }

  broadcast<T extends MessageType>(type: T, payload: PayloadOf<T>): void {
    this.broadcastFrom(undefined, type, payload);
  }

  broadcastFrom(source: string | undefined, type: MessageType, payload: unknown): void {
    const subscribers = this.#topics.matching(type.name);
    if (subscribers.length === 0) return;
    const publication = new Publication(type, payload, this.#services.clock.now(), source);
    for (const subscriber of subscribers) subscriber.publish(publication);
  }

  /** Calls the function with every broadcast of the type. */
  subscribe<T extends MessageType>(type: T, subscriber: SubscriberFunction<PayloadOf<T>>): Subscription {
    const queue = new FunctionSubscriber(subscriber as SubscriberFunction<unknown>, this.#services);
    const leave = this.join(type.name, queue);
    return {
      get lost() {
        return queue.lost;
      },
      cancel() {
        leave();
        queue.close();
      },
    };
  }

  /** Delivers every broadcast of the type to the agent's mailbox. */
  subscribeAgent(type: MessageType, target: BroadcastTarget): () => void {
    const subscriber = this.#agents.get(target.id) ?? new AgentSubscriber(target, this.#services.limits.subscriberQueueSize);
    this.#agents.set(target.id, subscriber);
    const leave = this.join(type.name, subscriber);
    subscriber.topics += 1;
    return () => {
      leave();
      subscriber.topics -= 1;
      if (subscriber.topics > 0) return;
      this.#agents.delete(target.id);
      subscriber.close();
    };
  }

  /** Broadcasts that an agent has lost because its mailbox and its queue were full, by the agent's id. */
  losses(): ReadonlyMap<string, number> {
    const losses = new Map<string, number>();
    for (const [id, { lost }] of this.#agents) if (lost > 0) losses.set(id, lost);
    return losses;
  }

  /** Gives every broadcast whose type's name matches to the subscriber. `topic` is a name, or a prefix and a final `*`. */
  join(topic: string, subscriber: Subscriber): () => void {
    const byPattern = topic.endsWith("*");
    const problem = byPattern ? patternProblem(topic) : undefined;
    if (problem !== undefined) throw new TypeError(`Cannot subscribe to ${JSON.stringify(topic)}: ${problem}`);
    if (byPattern) this.#topics.addPattern(topic, subscriber);
    else this.#topics.addName(topic, subscriber);
    return () => {
      if (byPattern) this.#topics.removePattern(topic, subscriber);
      else this.#topics.removeName(topic, subscriber);
    };
  }

  /** Resolves when every earlier broadcast is in each subscriber's mailbox, or was lost. A function's mailbox is its queue. */
  async flush(): Promise<void> {
    const flushes = [...this.#topics.all()].map((subscriber) => subscriber.flushed());
    await Promise.all(flushes.filter((flush) => flush !== undefined));
  }
}

class AgentSubscriber implements Subscriber {
  /** Subscriptions that share it. */
  topics = 0;
  readonly #target: BroadcastTarget;
  readonly #backlog: SubscriberQueue;
  readonly #roomed = (): void => this.#drain();

  constructor(target: BroadcastTarget, backlogMax: number) {
    this.#target = target;
    this.#backlog = new SubscriberQueue(backlogMax);
  }

  publish(publication: Publication): void {
    if (this.#backlog.length > 0 || this.#target.offerBroadcast(publication, this.#roomed) === "full") this.#backlog.add(publication);
  }

  get lost(): number {
    return this.#backlog.lost;
  }

  flushed(): Promise<void> | undefined {
    return this.#backlog.flushed();
  }

  close(): void {
    this.#backlog.clear();
  }

  #drain(): void {
    for (let next = this.#backlog.first; next !== undefined; next = this.#backlog.first) {
      if (this.#target.offerBroadcast(next, this.#roomed) === "full") return;
      this.#backlog.arrived();
    }
  }
}

class FunctionSubscriber implements Subscriber, Task {
  readonly #call: SubscriberFunction<unknown>;
  readonly #services: BrokerServices;
  readonly #queue: SubscriberQueue;
  #busy = false;

  constructor(call: SubscriberFunction<unknown>, services: BrokerServices) {
    this.#call = call;
    this.#services = services;
    this.#queue = new SubscriberQueue(services.limits.subscriberQueueSize);
  }

  get lost(): number {
    return this.#queue.lost;
  }

  publish(publication: Publication): void {
    this.#queue.add(publication);
    if (this.#busy) return;
    this.#services.scheduler.enqueue(this);
    this.#busy = true;
  }

  flushed(): undefined {
    return undefined;
  }

  close(): void {
    this.#queue.clear();
  }

  run(): void {
    for (let left = this.#services.limits.messagesPerTurnMax; left > 0; left--) {
      const publication = this.#queue.first;
      if (publication === undefined) {
        this.#busy = false;
        return;
      }
      const pending = this.#give(publication);
      if (pending !== undefined) {
        void pending.then(() => this.#goOn());
        return;
      }
      this.#queue.arrived();
    }
    this.#services.scheduler.nextTurn(this);
  }

  // The queue may have been closed while the function was still at work.
  #goOn(): void {
    if (this.#queue.length > 0) this.#queue.arrived();
    this.run();
  }

  /** A promise, which never rejects, when the function is not done with it yet. */
  #give(publication: Publication): Promise<void> | undefined {
    try {
      const result = this.#services.activity.within(undefined, () => this.#call(publication.payload, publication), undefined);
      return isPromiseLike(result) ? this.#settled(publication, result) : undefined;
    } catch (error) {
      this.#failed(publication, error);
      return undefined;
    }
  }

  async #settled(publication: Publication, result: PromiseLike<unknown>): Promise<void> {
    try {
      await result;
    } catch (error) {
      this.#failed(publication, error);
    }
  }

  #failed(publication: Publication, error: unknown): void {
    this.#services.log.error("subscriber function failed", { type: publication.type.name, error: detailOf(error), stack: stackOf(error) });
  }
}
