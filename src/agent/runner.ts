// Runs handlers: the only caller of them. Whatever a handler returns or throws becomes an answer, a stream, or a crash
// here; one that is not async costs no promise.

import { detailOf, stackOf } from "../errors.ts";
import type { Envelope } from "../message/envelope.ts";
import { isPromiseLike } from "../promise-like.ts";
import { Activation, type ActivationHost } from "./activation.ts";
import type { HandlerEntry } from "./definition.ts";
import type { Gate } from "./gate.ts";
import { HandlerTiming, type LongRunner } from "./lag-monitor.ts";
import type { AgentServices } from "./services.ts";
import { driveStream, isItems, type Items } from "./stream-driver.ts";

/** The agent whose handlers run. */
export interface RunnerHost extends ActivationHost {
  readonly model: unknown;
  readonly life: { /** A handler threw, and its asker has been told. */ crashed(error: unknown): void };
}

export class Runner implements LongRunner {
  readonly #host: RunnerHost;
  readonly #gate: Gate;
  readonly #services: AgentServices;
  /** By the handlers' places; those that have run. */
  #timings: HandlerTiming[] | undefined;
  #isRemembered = false;

  constructor(host: RunnerHost, gate: Gate, services: AgentServices) {
    this.#host = host;
    this.#gate = gate;
    this.#services = services;
  }

  /** Never throws. When it returns, the handler has finished or has entered the gate. */
  run(entry: HandlerEntry, envelope: Envelope): void {
    const { lag } = this.#services;
    if (lag === undefined) return this.#run(entry, envelope);
    const timing = this.#timingOf(entry);
    if (timing.isBrief) {
      lag.note(timing);
      return this.#run(entry, envelope);
    }
    const began = lag.begin();
    this.#run(entry, envelope);
    lag.end(timing, began);
  }

  #run(entry: HandlerEntry, envelope: Envelope): void {
    const activation = new Activation(this.#host, this.#host.model, entry, envelope);
    const { activity, counters } = this.#services;
    counters.handled += 1;
    try {
      const result = activity.within(activation, entry.handler, activation as never);
      if (typeof result === "object" && result !== null) {
        if (isPromiseLike(result)) return this.#await(activation, this.#finish(activation, result));
        if (isItems(result)) return this.#await(activation, this.#drive(activation, result));
      }
      envelope.port?.returned(result);
      activation.settle();
    } catch (error) {
      activation.settle();
      this.#failed(activation, error);
    }
  }

  async #finish(activation: Activation, result: PromiseLike<unknown>): Promise<void> {
    const value = await result;
    if (typeof value === "object" && value !== null && isItems(value)) await this.#drive(activation, value);
    else activation.envelope.port?.returned(value);
  }

  #drive(activation: Activation, items: Items): Promise<void> {
    return this.#services.activity.within(activation, () => driveStream(activation, items), undefined);
  }

  #await(activation: Activation, work: Promise<void>): void {
    this.#gate.enter(activation);
    this.#tellOfAwaits();
    work.then(
      () => this.#settled(activation),
      (error: unknown) => {
        if (this.#settled(activation)) this.#failed(activation, error);
      },
    );
  }

  /** False for a handler that had been expelled: what it comes to concerns nobody any more. */
  #settled(activation: Activation): boolean {
    activation.settle();
    this.#services.lag?.ended(this.#timingOf(activation.entry));
    return this.#gate.leave(activation);
  }

  #tellOfAwaits(): void {
    if (this.#isRemembered) return;
    this.#isRemembered = true;
    this.#services.lag?.remember(this);
  }

  suspended(): readonly HandlerTiming[] {
    return [...this.#gate.goingOn].map(({ entry }) => this.#timingOf(entry));
  }

  forgotten(): void {
    this.#isRemembered = false;
  }

  #timingOf({ place, type }: HandlerEntry): HandlerTiming {
    return ((this.#timings ??= [])[place] ??= new HandlerTiming(this.#host.name, type.name));
  }

  #failed(activation: Activation, error: unknown): void {
    const { counters, log } = this.#services;
    const { entry, envelope } = activation;
    // What an asker's leaving makes a handler throw (an AbortError, mostly) is no fault of the agent.
    if (envelope.port?.cancelled) return;
    counters.crashed += 1;
    const detail = detailOf(error);
    log.error("handler failed", {
      agent: this.#host.name,
      type: entry.type.name,
      error: detail,
      stack: stackOf(error),
    });
    envelope.port?.abandon({ code: "HANDLER_FAILED", message: detail });
    this.#host.life.crashed(error);
  }
}
