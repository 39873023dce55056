// What an agent's owner holds: the ref, and its agent's life beside it: schedules, status, children.

import { after, type Clock } from "../clock.ts";
import { ActonError, type ErrorCode } from "../errors.ts";
import type { CallOptions } from "../message/call-options.ts";
import type { Recipient } from "../message/recipient.ts";
import type { MessageType, PayloadOf } from "../message/message-type.ts";
import type { AnyBlueprint, BlueprintDefinition, ChildOptions, Reloading, RestartKind } from "./definition.ts";
import { type CallerServices, RecipientRef } from "./ref.ts";
import { Schedule } from "./schedule.ts";
import { afterDelay, atTime, every, type SchedulePlan, type SendEveryOptions } from "./schedule-plan.ts";

/** `restarting`: down between two lives, its mailbox open. `stopped`: for good, unless a supervisor brings it back. */
export type AgentStatus = "starting" | "running" | "restarting" | "stopping" | "stopped";

/** What a handle shows of its agent beside the mailbox. */
export interface Life {
  readonly standing: {
    readonly status: AgentStatus;
    onChange(changed: (status: AgentStatus) => void): () => void;
  };
  readonly generation: number;
  readonly family: Family;
  readonly succession: Reloading;
}

/** The children of one agent. */
export interface Family {
  readonly children: readonly SupervisedChild[];
  supervise(blueprint: AnyBlueprint, options: ChildOptions | undefined): Promise<AgentHandle<MessageType>>;
  unsupervise(id: string): Promise<void>;
  release(id: string): void;
}

/** One child as its supervisor sees it. */
export interface SupervisedChild {
  readonly handle: AgentHandle<MessageType>;
  readonly restart: RestartKind;
  /** Within the window in which they are counted. */
  readonly recentRestarts: number;
}

/** A blueprint with what its agent handles. */
type Handling<Handled extends MessageType> = { readonly definition: BlueprintDefinition; readonly handled: Handled };

export class AgentHandle<Handled extends MessageType = never> extends RecipientRef<Handled> {
  readonly #life: Life;

  constructor(recipient: Recipient, life: Life, services: CallerServices) {
    super(recipient, services);
    this.#life = life;
  }

  get status(): AgentStatus {
    return this.#life.standing.status;
  }

  /** How often it has come up: 1 after its start, and one more with each restart. */
  get generation(): number {
    return this.#life.generation;
  }

  /** Sends later, after a delay in milliseconds. The schedule outlives a restart of the agent, and ends when it stops. */
  sendAfter<T extends Handled>(delayMs: number, type: T, payload: PayloadOf<T>): Schedule {
    return this.#schedule(afterDelay(this.services.clock, delayMs), type, payload);
  }

  /** The same at a wall-clock time, in Unix milliseconds. */
  sendAt<T extends Handled>(timeMs: number, type: T, payload: PayloadOf<T>): Schedule {
    return this.#schedule(atTime(timeMs), type, payload);
  }

  /** The same again and again: first after one period, or whenever a cron expression says. */
  sendEvery<T extends Handled>(rhythm: number | string, type: T, payload: PayloadOf<T>, options?: SendEveryOptions): Schedule {
    return this.#schedule(every(this.services.clock, rhythm, options), type, payload);
  }

  /** Closes the mailbox, works off what is queued, stops the children in reverse order; forced after 10 s. A supervisor may start it again. */
  stop(): Promise<void> {
    return this.recipient.stop();
  }

  /** Resolves when the agent has the status, at once when it has it already. TIMEOUT after `timeoutMs` (the limit of an ask), CANCELLED by `signal`. */
  reached(status: AgentStatus, options: CallOptions = {}): Promise<void> {
    const { clock, limits } = this.services;
    return reached(this.#life.standing, status, clock, { timeoutMs: limits.askTimeoutMs, ...options });
  }

  /**
   * Exchanges the agent's code in place, as a restart: what runs may finish, what is queued waits for the new code, and the
   * model is what the blueprint carries over. START_FAILED when the new code does not start: then the code before goes on.
   */
  reload(blueprint: AnyBlueprint): Promise<void> {
    return this.succession.reload(blueprint.definition);
  }

  /** For those who exchange the code of several agents together. */
  get succession(): Reloading {
    return this.#life.succession;
  }

  /** Those that this agent supervises, in the order of their start. */
  get children(): readonly SupervisedChild[] {
    return this.#life.family.children;
  }

  /** The child made from this blueprint, under its own name or the one given. Undefined when there is none. */
  child<Childs extends MessageType>(blueprint: Handling<Childs>, name = blueprint.definition.name): AgentHandle<Childs> | undefined {
    return this.children.find(({ handle }) => handle.name === name)?.handle;
  }

  /** Starts a child and restarts it when it ends. START_FAILED when it does not start, NAME_TAKEN when a child has the name. */
  supervise<Childs extends MessageType>(blueprint: Handling<Childs>, options?: ChildOptions): Promise<AgentHandle<Childs>>;
  supervise(blueprint: AnyBlueprint, options?: ChildOptions): Promise<AgentHandle<MessageType>> {
    return this.#life.family.supervise(blueprint, options);
  }

  /** Stops the child for good. ACTOR_NOT_FOUND when it is not supervised here. */
  unsupervise(child: AgentHandle): Promise<void> {
    return this.#life.family.unsupervise(child.id);
  }

  /** Lets the child run on, unsupervised, until the runtime shuts down. ACTOR_NOT_FOUND when it is not supervised here. */
  release(child: AgentHandle): void {
    this.#life.family.release(child.id);
  }

  #schedule(plan: SchedulePlan, type: MessageType, payload: unknown): Schedule {
    const { clock, checkLocal } = this.services;
    const schedule = new Schedule(clock, this.recipient, this.envelope(type, payload), plan);
    const unwatch = this.recipient.watch(() => schedule.abandon());
    schedule.begin(checkLocal(type, payload), unwatch);
    return schedule;
  }
}

function reached(
  standing: Life["standing"],
  status: AgentStatus,
  clock: Clock,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  if (standing.status === status) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void): void => {
      clock.disarm(timer);
      leave();
      signal?.removeEventListener("abort", cancel);
      settled();
    };
    const fail = (code: ErrorCode, message: string): void => settle(() => reject(new ActonError(code, message)));
    const cancel = (): void => fail("CANCELLED", "the caller cancelled");
    const timer = after(clock, timeoutMs, () => fail("TIMEOUT", `the agent is ${standing.status}, and was not ${status} within ${timeoutMs} ms`));
    const leave = standing.onChange((now) => now === status && settle(resolve));
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted === true) cancel();
  });
}
