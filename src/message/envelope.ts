// What lies in a mailbox: one message with what its handler may learn of where it came from.

import type { AgentRef } from "./agent-ref.ts";
import type { MessageType } from "./message-type.ts";
import type { ReplyPort } from "./reply-port.ts";

/** The other end of the connection that a message came in on. Set by the server from what the kernel says, never by the client. */
export interface Peer {
  /** Number of the connection, unique for the life of its listener. */
  readonly connection: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** The other groups that it is a member of, where the kernel tells. */
  readonly groups: readonly number[];
  /** A hint only: the socket may have been handed to another process. */
  readonly pid: number | undefined;
}

/** W3C trace context, as the caller sent it. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Where a message came from that came over a socket, or from a handler that works for somebody elsewhere. */
export interface Origin {
  /** Undefined for a message of this process. */
  readonly peer: Peer | undefined;
  /** What the policy's `admit` established; undefined without a policy. */
  readonly identity: unknown;
  readonly trace: TraceContext | undefined;
  /** What came of its connection. Once it is revoked, what it sent and nobody has begun is dropped. */
  readonly connection: { readonly revoked: boolean };
  /** Ids of the handlers elsewhere that wait for the answer; undefined when none do. */
  readonly askChain: readonly string[] | undefined;
}

export const originHere: Origin = { peer: undefined, identity: undefined, trace: undefined, connection: { revoked: false }, askChain: undefined };

/** What a message takes of the one who let it in. */
export interface Load {
  /** The message was handled, or dropped. Called once by whoever took it in. */
  release(): void;
}

export class Envelope {
  readonly type: MessageType;
  readonly payload: unknown;
  /** Null when nobody waits for an answer. */
  readonly port: ReplyPort | null;
  readonly sender: AgentRef<MessageType> | undefined;
  readonly origin: Origin | undefined;
  readonly load: Load | undefined;

  constructor(
    type: MessageType,
    payload: unknown,
    port: ReplyPort | null,
    sender: AgentRef<MessageType> | undefined,
    origin: Origin | undefined,
    load?: Load,
  ) {
    this.type = type;
    this.payload = payload;
    this.port = port;
    this.sender = sender;
    this.origin = origin;
    this.load = load;
  }

  /** Asked once, when its handler is about to run: false when it is not to. */
  begins(): boolean {
    return !this.withdrawn;
  }

  /** Nobody wants it done any more: its asker has gone, or its sender was revoked. */
  get withdrawn(): boolean {
    return (this.port?.cancelled ?? false) || (this.origin?.connection.revoked ?? false);
  }
}
