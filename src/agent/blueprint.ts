// What an agent is made from: a model factory, handlers, hooks, subscriptions. Immutable, so that it can be started
// any number of times: by a supervisor, under another name, in a worker, in a test.

import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { AgentRef } from "../message/agent-ref.ts";
import type { Peer, TraceContext } from "../message/envelope.ts";
import type { AnswerOf, MessageType, PayloadOf } from "../message/message-type.ts";
import type { Publisher } from "../message/publisher.ts";
import type { Reply } from "../message/reply-port.ts";
import type { Random } from "../random.ts";
import {
  type AnyBlueprint,
  type BlueprintDefinition,
  checkSupervision,
  childOf,
  type ChildOptions,
  type CrashPolicy,
  type HandlerEntry,
  type HookName,
  type StartOptions,
  type SupervisionOptions,
} from "./definition.ts";
import type { AgentHandle } from "./handle.ts";
import { onWorker, type Placement, type WorkerOptions } from "./placement.ts";
import type { Schedule } from "./schedule.ts";
import type { SendEveryOptions } from "./schedule-plan.ts";

/** What hooks and handlers have in common. */
export interface AgentArgument<Model> {
  readonly model: Model;
  readonly self: AgentHandle<MessageType>;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly broker: Publisher;
  /** Starts a child, which stops with this agent. */
  readonly start: StartAgent;
  /** Sends this agent a message later. Delays in milliseconds; a schedule ends when its agent stops or restarts. */
  readonly sendAfter: <T extends MessageType>(delayMs: number, type: T, payload: PayloadOf<T>) => Schedule;
  /** The same at a wall-clock time, in Unix milliseconds. */
  readonly sendAt: <T extends MessageType>(timeMs: number, type: T, payload: PayloadOf<T>) => Schedule;
  /** The same again and again: first after one period, or whenever a cron expression says. */
  readonly sendEvery: <T extends MessageType>(rhythm: number | string, type: T, payload: PayloadOf<T>, options?: SendEveryOptions) => Schedule;
}

export interface HandlerArgument<Model, T extends MessageType> extends AgentArgument<Model> {
  readonly message: PayloadOf<T>;
  readonly reply: Reply<AnswerOf<T>>;
  /** Aborts when the asker is gone, out of time or cancels, and when the agent is stopped by force. */
  readonly signal: AbortSignal;
  /** The agent that sent the message; undefined when it came from elsewhere. */
  readonly sender: AgentRef<MessageType> | undefined;
  /** The process behind the connection that the message came in on; undefined for a local message. */
  readonly peer: Peer | undefined;
  readonly identity: unknown;
  readonly trace: TraceContext | undefined;
  /** For calls that something else makes over a socket for this handler: their option `askChain`. Calls made here have it by themselves. */
  readonly askChain: readonly string[];
}

type Items<Item> = AsyncGenerator<Item, Item | void, void> | Generator<Item, Item | void, void> | AsyncIterable<Item, Item | void>;

/** What a handler may return. A request: its reply, unless it replies by `reply`. A stream: a generator of items. */
export type HandlerResult<T extends MessageType> =
  T extends MessageType<string, unknown, "request", infer Answer>
    ? Answer | void | Promise<Answer | void>
    : T extends MessageType<string, unknown, "stream", infer Item>
      ? Items<Item> | void | Promise<Items<Item> | void>
      : unknown;

export type Handler<Model, T extends MessageType> = (argument: HandlerArgument<Model, T>) => HandlerResult<T>;
export type Hook<Model> = (argument: AgentArgument<Model>) => unknown;
export type StartAgent = <Model, Handled extends MessageType>(
  blueprint: Blueprint<Model, Handled>,
  options?: StartOptions,
) => Promise<AgentHandle<Handled>>;

export class Blueprint<Model, Handled extends MessageType> implements AnyBlueprint {
  readonly definition: BlueprintDefinition;
  declare readonly handled: Handled;
  declare readonly modelType: Model;

  constructor(definition: BlueprintDefinition) {
    this.definition = definition;
  }

  get name(): string {
    return this.definition.name;
  }

  /** Handles a type exclusively: nothing else of this agent runs until the handler has settled, awaits included. */
  mutateOn<T extends MessageType>(type: T, handler: Handler<Model, T>): Blueprint<Model, Handled | T> {
    return this.#handle(type, handler, true);
  }

  /** Handles a type beside other `actOn` handlers, never beside a `mutateOn` one. The model is read-only. */
  actOn<T extends MessageType>(type: T, handler: Handler<Readonly<Model>, T>): Blueprint<Model, Handled | T> {
    return this.#handle(type, handler, false);
  }

  /** Receives every broadcast of a type that it handles. */
  subscribe<T extends Handled>(type: T): Blueprint<Model, Handled> {
    if (!this.definition.handlers.has(type.name)) throw new TypeError(`Cannot subscribe ${this.name} to ${type.name}: it has no handler for it`);
    return this.#with({ subscriptions: new Set([...this.definition.subscriptions, type.name]) });
  }

  /** Before the first message. When it fails the agent does not start and nobody sees it. */
  beforeStart(hook: Hook<Model>): Blueprint<Model, Handled> {
    return this.#hook("beforeStart", hook);
  }

  afterStart(hook: Hook<Model>): Blueprint<Model, Handled> {
    return this.#hook("afterStart", hook);
  }

  /** After the last message, before the children stop. */
  beforeStop(hook: Hook<Model>): Blueprint<Model, Handled> {
    return this.#hook("beforeStop", hook);
  }

  /** After the children have stopped. */
  afterStop(hook: Hook<Model>): Blueprint<Model, Handled> {
    return this.#hook("afterStop", hook);
  }

  /**
   * What becomes of the model when the code is exchanged (`reload`, `acton serve --watch`): called with the model of the code
   * before. Without it the model is fresh, as after any other restart.
   */
  carryOver<OldModel>(carry: (old: OldModel) => Model): Blueprint<Model, Handled> {
    return this.#with({ carryOver: carry });
  }

  /** What a handler that throws does to the agent. Unless told otherwise: `resume`, or `restart` under a supervisor. */
  onCrash(policy: CrashPolicy): Blueprint<Model, Handled> {
    return this.#with({ crashPolicy: policy });
  }

  /** Starts this child with the agent, after `beforeStart` and in the order of these calls, and restarts it when it ends. */
  supervise(child: AnyBlueprint, options?: ChildOptions): Blueprint<Model, Handled> {
    const added = childOf(child, options);
    if (this.definition.children.some(({ name }) => name === added.name))
      throw new TypeError(`Cannot supervise two children named ${added.name} in the agent ${this.name}`);
    return this.#with({ children: [...this.definition.children, added] });
  }

  /** How the agent supervises its children. */
  supervision(options: SupervisionOptions): Blueprint<Model, Handled> {
    checkSupervision(options);
    return this.#with({ supervision: { ...this.definition.supervision, ...options } });
  }

  /** Runs the agent on a thread of its own, or on those of a pool. The thread imports the application's module, and finds the blueprint by its name. */
  runOn(place: "worker" | Placement, options?: WorkerOptions): Blueprint<Model, Handled> {
    return this.#with({ placement: place === "worker" ? onWorker(options) : place });
  }

  #handle<T extends MessageType>(type: T, handler: (argument: never) => unknown, exclusive: boolean): Blueprint<Model, Handled | T> {
    if (this.definition.handlers.has(type.name)) throw new TypeError(`Cannot handle ${type.name} twice in the agent ${this.name}`);
    const entry: HandlerEntry = { type, exclusive, handler, place: this.definition.handlers.size };
    return new Blueprint({ ...this.definition, handlers: new Map([...this.definition.handlers, [type.name, entry]]) });
  }

  #hook(name: HookName, hook: Hook<Model>): Blueprint<Model, Handled> {
    return this.#with({ hooks: { ...this.definition.hooks, [name]: hook } });
  }

  #with(part: Partial<BlueprintDefinition>): Blueprint<Model, Handled> {
    return new Blueprint({ ...this.definition, ...part });
  }
}

/** Begins a blueprint. The model factory runs once per start, so agents never share a model. */
export function agent<Model>(name: string, model: () => Model): Blueprint<Model, never> {
  if (typeof name !== "string" || name.length === 0) throw new TypeError("Cannot make an agent without a name");
  return new Blueprint({
    name,
    model,
    carryOver: undefined,
    handlers: new Map(),
    subscriptions: new Set(),
    hooks: {},
    crashPolicy: undefined,
    children: [],
    supervision: {},
    placement: undefined,
  });
}
