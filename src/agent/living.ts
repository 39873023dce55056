// One agent as those see it who move it through its life: the life cycle sees its cell, a supervisor the lives of its
// children, and each agent what becomes of the children that it has.

import type { Failure } from "../errors.ts";
import type { Envelope } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";
import type { AnyBlueprint, BlueprintDefinition, Reloading, StartOptions } from "./definition.ts";
import type { AgentHandle, Family, Life } from "./handle.ts";

export const agentStopped: Failure = { code: "AGENT_STOPPED", message: "the agent has stopped", ran: "no" };

/** An agent as the broker sees it. */
export interface BroadcastTarget {
  readonly id: string;
  /** `full`: not taken; `roomed` will be called once, when it is worth another try. */
  offerBroadcast(envelope: Envelope, roomed: () => void): "taken" | "full" | "gone";
}

/** The cell, as its life cycle and its supervisor use it. */
export interface Living extends BroadcastTarget {
  readonly name: string;
  /** Exchanged only while it is down. */
  definition: BlueprintDefinition;
  /** The definition as an agent in this place goes by it. */
  localOf(definition: BlueprintDefinition): BlueprintDefinition;
  /** Makes the next life's model, in the place of the definition's factory: set while the code is exchanged. */
  bequest: (() => unknown) | undefined;
  /** What its hooks are called with. */
  readonly argument: unknown;
  readonly life: SupervisedLife;
  /** The agent that started this one, supervised or not. */
  readonly parent: Living | undefined;
  model: unknown;
  offer(envelope: Envelope): Failure | undefined;
  stop(): Promise<void>;
  /** While held no message runs. */
  hold(): void;
  /** Resolves when no handler runs but streams, whose readers may stay for ever. */
  quiet(): Promise<void>;
  /** Gives what is queued to the handlers of the definition; what none is there for is turned away. */
  rebind(): void;
  release(): void;
  openMailbox(): void;
  /** Turns new messages and waiting senders away. */
  closeMailbox(): void;
  /** Runs `drained` once nothing is queued or running. */
  drain(drained: () => void): void;
  /** Ends what runs, for its askers; with `queued`, what waits in the mailbox too. */
  abandon(failure: Failure, queued: boolean): void;
}

/** Why a supervised agent went down. */
export type Departure = { readonly kind: "stopped" } | { readonly kind: "crashed" | "startFailed"; readonly error: unknown };

/** Looks after one agent: hears that it is down, and has it raised or ended. */
export interface Guardian {
  departed(departure: Departure): void;
}

/** What a supervisor can do with an agent. */
export interface SupervisedLife extends Life {
  readonly family: Household;
  /** Who looks after it; undefined for an agent that nobody supervises. */
  guardian: Guardian | undefined;
  /** Another number for each life; undefined without one. What has begun under one number is not to go on under another. */
  readonly era: number | undefined;
  /** Brings it back, whatever it went down by. Rejects with START_FAILED when it does not come up in time. */
  raise(): Promise<void>;
  /** Goes down in order, to be raised again: what runs ends for its askers, what is queued stays. */
  lower(): Promise<void>;
  /** Stops it for good: whoever supervises it leaves it alone from now on. */
  end(): Promise<void>;
  /** Nobody supervises it any more. Were it down just now, it comes back by itself. */
  release(): void;
  /** How its code is exchanged while it is down. */
  readonly succession: CodeExchange;
  /** It cannot do its work without a child that was given up: its own supervisor decides; without one it stops. */
  giveUp(error: unknown): void;
}

/** One exchange of an agent's code, as those take part in it who move the agent. */
export interface CodeExchange extends Reloading {
  /** Lets what runs come to its end, in the children too, and nothing begin; `resume` is the way back. */
  finish(within: Within): Promise<void>;
  resume(): void;
  /** Exchanges the code while the agent is down. The code before, and code that is the same, comes back with the model that it had. */
  adopt(definition: BlueprintDefinition): void;
}

/** Who started an agent, and who looks after it. */
export interface StartContext extends StartOptions {
  readonly parent?: Living;
  readonly guardian?: Guardian;
}

/** What there is of an agent for others: its handle, and its life for whoever supervises it. */
export interface StartedAgent {
  readonly handle: AgentHandle<MessageType>;
  readonly life: SupervisedLife;
  /** Settles with the hook of its first life. */
  readonly afterStart: Promise<void>;
}

/** An agent that is made, and not yet started. */
export interface Startable {
  readonly handle: AgentHandle<MessageType>;
  readonly life: SupervisedLife & { start(): Promise<Pick<StartedAgent, "afterStart">> };
}

/** The children of one agent, as its life cycle moves them: up in their order, down in reverse. */
export interface Household extends Family {
  /** Starts a child that nobody supervises: it ends with this life of its parent. */
  start(blueprint: AnyBlueprint, options: StartOptions | undefined): Promise<AgentHandle<MessageType>>;
  /** Starts the blueprint's children, or brings them back. Rejects with what the first that fails does. */
  rise(): Promise<void>;
  /** Lets what runs in them come to its end, and nothing begin: the last started first, who may ask the others. */
  finish(within: Within): Promise<void>;
  resume(): void;
  /** Where the code of the parent was exchanged, and the new one has come up or the old one again: ends the children that it does not name. */
  settle(): Promise<void>;
  /** The blueprint's children go down until `rise`; all others end. */
  fall(within: Within): Promise<void>;
  end(within: Within): Promise<void>;
}

/** Waits for a step, but not beyond a deadline that several steps share. False when that has passed. */
export type Within = (step: Promise<unknown>) => Promise<boolean>;
