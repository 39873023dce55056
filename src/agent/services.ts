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
import type { CallerServices } from "./handle.ts";

/** An agent as the broker sees it. */
export interface BroadcastTarget {
  readonly id: string;
  /** `full`: not taken; `roomed` will be called once, when it is worth another try. */
  offerBroadcast(envelope: Envelope, roomed: () => void): "taken" | "full" | "gone";
}

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
  /** Takes what no handler will see: unhandled, or left over when its agent stopped. */
  deadLetter(envelope: Envelope, agentName: string, reason: string): void;
  /** The next number for an agent's id. */
  nextAgentNumber(): number;
}
