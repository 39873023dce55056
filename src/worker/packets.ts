// What threads say to each other: plain data that can be copied from one to the other. Both sides ask and answer in the same
// words; the rest is about the one agent for which the thread was started.

import type { CrashDecision } from "../agent/definition.ts";
import type { RuntimeConfig } from "../config.ts";
import type { Failure } from "../errors.ts";
import type { LogFields, Severity } from "../log.ts";
import type { Origin } from "../message/envelope.ts";

export interface AgentName {
  readonly id: string;
  readonly name: string;
  /** It has stopped already, and nobody will say so again. */
  readonly gone?: boolean;
}

/** What a handler may learn of where a message came from. */
export type CallOrigin = Omit<Origin, "connection">;

export interface CallPacket {
  readonly kind: "call";
  /** Counts up from 1 on each side. */
  readonly call: number;
  /** Id of the agent that it is for. */
  readonly to: string;
  readonly type: string;
  readonly payload: unknown;
  readonly answer: "none" | "one" | "many";
  readonly sender: AgentName | undefined;
  readonly origin: CallOrigin | undefined;
}

/** From the side that answers. `taken`: room for so many more messages to that agent. */
export type AnswerPacket =
  | { readonly kind: "taken"; readonly to: string; readonly calls: number }
  /** It never came into the mailbox. */
  | { readonly kind: "dropped"; readonly call: number }
  | { readonly kind: "reply"; readonly call: number; readonly value: unknown }
  | { readonly kind: "item"; readonly call: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly call: number; readonly failure: Failure };

/** From the side that asked. `credit`: so many items of a stream were read. */
export type AskerPacket =
  | { readonly kind: "cancel"; readonly call: number }
  | { readonly kind: "credit"; readonly call: number; readonly items: number };

export interface BroadcastPacket {
  readonly kind: "broadcast";
  readonly type: string;
  readonly payload: unknown;
  readonly source: string | undefined;
}

export interface StartPacket {
  readonly kind: "start";
  /** What the application is imported from. */
  readonly module: string;
  /** The blueprint's name, and what it handles, so that another version of the module is found out. */
  readonly blueprint: string;
  readonly handles: readonly string[];
  readonly agent: AgentName;
  /** Lives that it has had. */
  readonly generation: number;
  readonly supervised: boolean;
  readonly limits: RuntimeConfig;
  readonly validateLocal: boolean;
  readonly debugOn: boolean;
  readonly marks: SharedArrayBuffer;
}

/** To the thread. */
export type Order =
  | StartPacket
  /** Nothing more comes: say when nothing is queued or running; or when nothing runs but streams. */
  | { readonly kind: "drain" | "quiet" }
  | { readonly kind: "stop" }
  /** After a crash: go on with the same model. */
  | { readonly kind: "resume" }
  | { readonly kind: "ping"; readonly count: number }
  /** So many of its broadcasts and log lines have arrived. */
  | { readonly kind: "heard"; readonly notices: number }
  | { readonly kind: "gone"; readonly id: string }
  | BroadcastPacket
  | CallPacket
  | AnswerPacket
  | AskerPacket;

/** From the thread. */
export type Report =
  | { readonly kind: "up" }
  /** The same with its `afterStart` done. */
  | { readonly kind: "started" }
  | { readonly kind: "startFailed"; readonly error: string }
  /** The agent there was told to stop, by itself or by another of its thread. */
  | { readonly kind: "stopWanted" }
  | { readonly kind: "drained" | "quiet" | "stopped" }
  /** A handler threw. Without a decision the blueprint leaves it to whoever supervises the agent. */
  | { readonly kind: "crashed"; readonly decision: CrashDecision | undefined; readonly error: string; readonly stack: string | undefined }
  /** It went down there, for want of a child that was given up. */
  | { readonly kind: "gaveUp"; readonly error: string }
  | { readonly kind: "log"; readonly level: Severity; readonly message: string; readonly fields: LogFields }
  /** An agent of the thread wants the broadcasts of this type, or does not any more. */
  | { readonly kind: "subscribe" | "unsubscribe"; readonly type: string }
  /** So many broadcasts have arrived at those who wanted them. */
  | { readonly kind: "heard"; readonly notices: number }
  | BroadcastPacket
  | CallPacket
  | AnswerPacket
  | AskerPacket;

/** A failure without what makes it an error, which would not survive the copy. */
export function plainFailure({ code, message, retryAfterMs, details, subject, afterMs, ran, byHandler }: Failure): Failure {
  return {
    code,
    message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(details === undefined ? {} : { details }),
    ...(subject === undefined ? {} : { subject }),
    ...(afterMs === undefined ? {} : { afterMs }),
    ...(ran === undefined ? {} : { ran }),
    ...(byHandler === undefined ? {} : { byHandler }),
  };
}
