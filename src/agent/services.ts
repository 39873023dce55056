// What an agent needs from the system it lives in. The system makes one of these and hands it to every agent;
// agents reach for nothing else.

import type { RuntimeConfig } from "../config.ts";
import type { Log } from "../log.ts";
import type { Envelope } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";
import type { Publisher } from "../message/publisher.ts";
import type { Random } from "../random.ts";
import type { Scheduler } from "../scheduler.ts";
import type { AskChains } from "./ask-chains.ts";
import type { AnyBlueprint, BlueprintDefinition } from "./definition.ts";
import type { AgentHandle } from "./handle.ts";
import type { LagMonitor } from "./lag-monitor.ts";
import type { BroadcastTarget, Household, Living, Startable, StartContext, StartedAgent } from "./living.ts";
import type { Mailbox } from "./mailbox.ts";
import type { CallerServices } from "./ref.ts";

export interface AgentCounters {
  /** Messages that reached a handler. */
  handled: number;
  /** Handlers and hooks that threw. */
  crashed: number;
  /** Agents that had not stopped in time and were forced to. */
  stoppedByForce: number;
  /** Second replies to a single question, dropped. */
  surplusReplies: number;
  /** Replies to askers that had gone, dropped. */
  lateReplies: number;
}

/** Makes the agents' mailboxes, for tests: such as lose, delay or repeat what comes in. */
export interface FaultInjection {
  /** `wake` tells the agent of a message that comes in by itself. */
  mailboxFor(owner: { readonly name: string; readonly id: string }, services: AgentServices, wake: () => void): Mailbox;
}

export interface AgentServices extends CallerServices {
  readonly askChains: AskChains;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly log: Log;
  readonly limits: RuntimeConfig;
  readonly counters: AgentCounters;
  /** Delivers every broadcast of the type to the agent, until the result is called. */
  subscribe(type: MessageType, target: BroadcastTarget): () => void;
  publisherFor(agentName: string): Publisher;
  /** Resolves when it is up, before `afterStart` is done. Rejects with START_FAILED when it does not start. */
  startAgent(blueprint: AnyBlueprint, context: StartContext): Promise<StartedAgent>;
  /** An agent runs on without the parent that supervised it: it ends with the system. */
  orphaned(handle: AgentHandle): void;
  /** Told before anything is broadcast of supervision, so that it can be made known as a topic. */
  supervisionBegins(): void;
  /** What becomes of an agent's children. */
  householdOf(parent: Living): Household;
  /** Takes what no handler will see: unhandled, or left over when its agent stopped. */
  deadLetter(envelope: Envelope, agentName: string, reason: string): void;
  /** The next number for an agent's id. */
  nextAgentNumber(): number | string;
  /** Makes an agent that does not run on this thread. START_FAILED where there is no other. */
  cellElsewhere(definition: BlueprintDefinition, context: StartContext): Startable;
  readonly faults?: FaultInjection | undefined;
  /** Notices handlers that hold the event loop; undefined where nobody wants to know. */
  readonly lag?: LagMonitor | undefined;
}
