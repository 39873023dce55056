// An agent whose handlers run on a thread of its own. Its mailbox, its life and whoever supervises it are here, as for any
// other agent; each of its lives begins with a new thread.

import { decideCrash } from "../agent/crash-policy.ts";
import type { BlueprintDefinition } from "../agent/definition.ts";
import { agentStopped, type StartContext } from "../agent/living.ts";
import type { Settled } from "../agent/mailbox.ts";
import { onWorker } from "../agent/placement.ts";
import { Receiver } from "../agent/receiver.ts";
import type { AgentServices } from "../agent/services.ts";
import type { Broker } from "../broker/broker.ts";
import { after } from "../clock.ts";
import { ActonError, type Failure } from "../errors.ts";
import type { Envelope } from "../message/envelope.ts";
import type { LifeOwner } from "./life-owner.ts";
import { hasMoved } from "./moved-buffers.ts";
import { chained } from "./outgoing-calls.ts";
import type { Report } from "./packets.ts";
import type { Threads } from "./thread.ts";
import { ThreadLife } from "./thread-life.ts";

/** What threads are made with. */
export interface ThreadSupply {
  readonly threads: Threads;
  readonly broker: Broker;
  readonly validateLocal: boolean;
  /** What a thread imports to find blueprints. Throws START_FAILED when there is nothing. */
  module(): string;
}

// The hooks, the model and the children of the blueprint belong to the thread.
const hooks = {
  beforeStart: (cell: ThreadCell): Promise<void> => cell.moveIn(),
  afterStart: (cell: ThreadCell): Promise<void> | undefined => cell.settled(),
  beforeStop: (cell: ThreadCell): Promise<void> => cell.moveOut(),
};

const bytesLost: Failure = { code: "AGENT_STOPPED", message: "the agent restarted, and the message's bytes were with its thread", ran: "no" };

export class ThreadCell extends Receiver implements LifeOwner {
  readonly #supply: ThreadSupply;
  #life: ThreadLife | undefined;
  #movingIn = false;
  /** Lives in succession that were lost without having begun a message. */
  #idleLives = 0;
  #held = true;
  #drained: (() => void) | undefined;
  /** The life that was asked to drain. */
  #draining: ThreadLife | undefined;
  /** Who waits until the thread has begun all that it was given. */
  readonly #begunAll: Array<() => void> = [];

  constructor(definition: BlueprintDefinition, services: AgentServices, context: StartContext, supply: ThreadSupply) {
    super(localOf(definition), services, context);
    this.#supply = supply;
    if (definition.children.length > 0) services.supervisionBegins();
  }

  get argument(): this {
    return this;
  }

  override localOf(definition: BlueprintDefinition): BlueprintDefinition {
    return localOf(definition);
  }

  /** Messages that wait here, and those that the thread has not finished. */
  get load(): number {
    return this.mailbox.length + (this.#life?.load ?? 0);
  }

  override offer(envelope: Envelope): Failure | undefined {
    return super.offer(chained(envelope, this.services.activity.current()));
  }

  override post(envelope: Envelope, settled: Settled): void {
    super.post(chained(envelope, this.services.activity.current()), settled);
  }

  // Found in the thread, where the chain of those who wait goes along.
  askCycle(): undefined {
    return undefined;
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.wake();
  }

  async quiet(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#begunAll.push(resolve);
      this.progressed();
    });
    await this.#life?.quiet();
  }

  drain(drained: () => void): void {
    this.#drained = drained;
    this.progressed();
  }

  abandon(failure: Failure, queued: boolean): void {
    this.#takeBack(failure);
    if (!queued) return;
    this.#life?.end();
    this.abandonQueued(failure);
  }

  progressed(): void {
    this.wake();
    if (this.#life?.hasBegunAll !== false) for (const resolve of this.#begunAll.splice(0)) resolve();
    if (this.#drained === undefined) return;
    const runs = this.#life?.isRunning === true;
    // Nobody is there who could work it off.
    if (!this.#movingIn && !runs) this.abandonQueued(agentStopped);
    if (this.mailbox.length > 0 || this.#life?.hasBegunAll === false) return;
    if (!runs) return this.drainedThere();
    if (this.#draining === this.#life) return;
    this.#draining = this.#life;
    this.#life?.drain();
  }

  drainedThere(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  crashedThere({ decision, error, stack }: Report & { readonly kind: "crashed" }): void {
    const life = this.#life;
    this.services.counters.crashed += 1;
    const otherwise = this.life.guardian === undefined ? "resume" : "restart";
    const decided = this.life.standing.status === "running" ? (decision ?? otherwise) : "resume";
    if (decided !== "restart" && decision !== "resume") life?.resume();
    if (decided === "resume") return;
    this.life.crashed(remade(error, stack), decided);
    if (decided === "restart") life?.end();
  }

  gaveUpThere(error: string): void {
    this.life.giveUp(new ActonError("AGENT_STOPPED", error));
    // Where it stops anyway, what is queued is worked off.
    if (this.life.standing.status === "restarting") this.#life?.end();
    else this.#life?.resume();
  }

  lost(why: string): void {
    const error = new ActonError("AGENT_STOPPED", `${this.name}: ${why}`);
    this.services.counters.crashed += 1;
    this.services.log.error("worker lost", { agent: this.name, error: error.message });
    // Nobody counts the restarts of an agent that is alone. One that ends before it has done anything would go on for ever.
    this.#idleLives = this.#life?.hasBegunNone === true ? this.#idleLives + 1 : 0;
    const isHopeless = this.life.guardian === undefined && this.#idleLives > this.services.limits.restartsMax;
    this.life.crashed(error, isHopeless || decideCrash(this, error, this.services) === "stop" ? "stop" : "restart");
    // Where it is not to come back, what had not begun is nobody's.
    this.#takeBack(agentStopped);
  }

  async moveIn(): Promise<void> {
    this.#life?.end();
    const module = this.#supply.module();
    const life = new ThreadLife(this, this.#supply.broker, this.#supply.threads.start(this.name), this.definition.placement ?? onWorker());
    this.#life = life;
    const { clock, limits } = this.services;
    const late = after(clock, limits.startTimeoutMs, () => life.end(`it was not up within ${limits.startTimeoutMs} ms`));
    this.#movingIn = true;
    try {
      await life.begin(module, this.#supply.validateLocal);
    } catch (error) {
      life.end();
      throw error;
    } finally {
      this.#movingIn = false;
      clock.disarm(late);
    }
  }

  settled(): Promise<void> | undefined {
    return this.#life?.started;
  }

  async moveOut(): Promise<void> {
    const life = this.#life;
    await life?.stop();
    life?.end();
  }

  // What had not begun is in the mailbox again, before what came later.
  #takeBack(failure: Failure): void {
    const unbegun = this.#life?.close(failure) ?? [];
    for (const { entry, envelope } of unbegun.toReversed()) {
      if (hasMoved(envelope.payload)) this.abandonOne(envelope, bytesLost);
      else this.mailbox.restore(entry, envelope);
    }
  }

  protected wake(): void {
    const life = this.#life;
    while (!this.#held && life?.hasRoom === true) {
      const entry = this.mailbox.nextEntry();
      if (entry === undefined) return;
      const envelope = this.mailbox.take();
      if (envelope.withdrawn) envelope.load?.release();
      else life.deliver(entry, envelope);
    }
  }
}

function localOf(definition: BlueprintDefinition): BlueprintDefinition {
  return definition.hooks === hooks ? definition : { ...definition, model: () => undefined, carryOver: undefined, hooks, children: [] };
}

function remade(message: string, stack: string | undefined): Error {
  const error = new ActonError("HANDLER_FAILED", message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
