// A blueprint without its types, as the runtime uses it: plain data, all of it read-only.
// It lies below handles and blueprints, so that both may speak of it.

import type { MessageType } from "../message/message-type.ts";
import type { Placement } from "./placement.ts";

/** What a crash does to its agent: keep the model, take a fresh one (the mailbox stays), or stop. */
export type CrashDecision = "resume" | "restart" | "stop";

export type CrashPolicy = CrashDecision | ((error: unknown) => CrashDecision);

export interface StartOptions {
  /** Instead of the blueprint's own name. */
  readonly name?: string;
}

/** When a supervisor brings a child back: always, after a failure, or never. */
export type RestartKind = "permanent" | "transient" | "temporary";

/** Whom the end of one child concerns: itself, the whole group, or itself and those that started after it. */
export type Strategy = "oneForOne" | "oneForAll" | "restForOne";

/** What giving a child up does: tell the supervisor's own parent and go on, or stop the supervisor as if it had crashed. */
export type Escalation = "notifyParent" | "stopSupervisor";

export interface ChildOptions extends StartOptions {
  /** Default: permanent. */
  readonly restart?: RestartKind;
}

/** Numbers that are not given are the runtime's: `restarts_max` and its neighbours in the configuration. */
export interface SupervisionOptions {
  /** Default: oneForOne. */
  readonly strategy?: Strategy;
  /** Default: notifyParent. */
  readonly escalation?: Escalation;
  /** Restarts of one child within the window; the supervisor gives it up instead of one more. */
  readonly restartsMax?: number;
  readonly restartWindowMs?: number;
  /** How long the first restart waits; each further one within the window waits twice as long, with jitter. */
  readonly backoffMs?: number;
  readonly backoffMaxMs?: number;
}

export interface ChildDefinition {
  readonly blueprint: AnyBlueprint;
  readonly name: string;
  readonly restart: RestartKind;
}

export interface HandlerEntry {
  readonly type: MessageType;
  /** Runs alone; otherwise beside others of its kind. */
  readonly exclusive: boolean;
  readonly handler: (argument: never) => unknown;
  /** Its number among the handlers of its blueprint, from 0. */
  readonly place: number;
}

export type HookName = "beforeStart" | "afterStart" | "beforeStop" | "afterStop";

export interface BlueprintDefinition {
  readonly name: string;
  readonly model: () => unknown;
  readonly handlers: ReadonlyMap<string, HandlerEntry>;
  /** Makes the model from that of the code before, when the code is exchanged. Undefined: `model` makes a fresh one. */
  readonly carryOver: ((old: never) => unknown) | undefined;
  readonly subscriptions: ReadonlySet<string>;
  readonly hooks: Readonly<Partial<Record<HookName, (argument: never) => unknown>>>;
  /** Undefined: resume, or restart under a supervisor. */
  readonly crashPolicy: CrashPolicy | undefined;
  /** Started with the agent, in this order, and supervised by it. */
  readonly children: readonly ChildDefinition[];
  readonly supervision: SupervisionOptions;
  /** Undefined: beside all others. */
  readonly placement: Placement | undefined;
}

/** How an agent's code is exchanged in place. */
export interface Reloading {
  reload(definition: BlueprintDefinition): Promise<void>;
  /** Until it is settled, the exchange can be reverted; one that has failed has to be. */
  exchange(definition: BlueprintDefinition): Promise<void>;
  revert(): Promise<void>;
  /** The exchange is over, whichever code it is that goes on now. */
  settle(): Promise<void>;
}

export interface AnyBlueprint {
  readonly definition: BlueprintDefinition;
}

/** The handler's own name, or what it handles. */
export function handlerName(entry: HandlerEntry): string {
  const { name } = entry.handler;
  return name === "" ? `${entry.exclusive ? "mutateOn" : "actOn"}(${entry.type.name})` : name;
}

const restartKinds: readonly RestartKind[] = ["permanent", "transient", "temporary"];
const strategies: readonly Strategy[] = ["oneForOne", "oneForAll", "restForOne"];
const escalations: readonly Escalation[] = ["notifyParent", "stopSupervisor"];

/** How the blueprint is supervised as a child. A TypeError for a restart kind that there is none. */
export function childOf(blueprint: AnyBlueprint, options: ChildOptions = {}): ChildDefinition {
  const { name = blueprint.definition.name, restart = "permanent" } = options;
  checkChoice("restart", restart, restartKinds);
  return { blueprint, name, restart };
}

/** A TypeError for a strategy or escalation that there is none, a RangeError for a number that counts or measures nothing. */
export function checkSupervision({ strategy = "oneForOne", escalation = "notifyParent", ...numbers }: SupervisionOptions): void {
  checkChoice("strategy", strategy, strategies);
  checkChoice("escalation", escalation, escalations);
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isFinite(value) || value < 0) throw new RangeError(`Cannot supervise with ${name} ${value}: it must be a number from 0`);
  }
}

function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) throw new TypeError(`Cannot supervise with ${name} ${value}: it must be one of ${choices.join(", ")}`);
}
