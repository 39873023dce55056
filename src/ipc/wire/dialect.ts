// How one kind of client writes and reads frames. The server speaks to a connection through this interface only;
// a further dialect is one more implementation and one more line in `detect`.

import type { Failure } from "../../errors.ts";
import type { CodecLimits } from "./codec.ts";
import type { Frame, HeaderLength } from "./frame-decoder.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { Address, Discovery, Format, Packet, Push, SubscriptionState } from "./packet.ts";

/** Each writing method writes one whole frame, or throws and leaves the writer as it was. */
export interface Dialect {
  readonly headerLength: HeaderLength;
  /** Whether answers to frames without a correlation keep the order of their frames. */
  readonly ordersUncorrelated: boolean;
  /** Whether a subscription may name types that nothing has registered yet. */
  readonly subscribesUnregistered: boolean;
  /** How many times the configured idle time its clients are given. */
  readonly patience: number;
  /** Never throws: what cannot be understood comes back as a malformed packet. */
  decode(frame: Frame, limits: CodecLimits): Packet;
  /** Throws HANDLER_FAILED when the payload cannot be written. */
  reply(out: FrameWriter, to: Address, payload: unknown): void;
  /** In the shape of the answer it replaces; `sequence` counts where that is a stream. */
  failure(out: FrameWriter, to: Address, failure: Failure, sequence: number): void;
  item(out: FrameWriter, to: Address, sequence: number, payload: unknown): void;
  /** The final frame of a stream that ended well. */
  streamEnd(out: FrameWriter, to: Address, sequence: number, payload: unknown): void;
  subscribed(out: FrameWriter, to: Address, state: SubscriptionState): void;
  discovery(out: FrameWriter, to: Address, discovery: Discovery): void;
  push(out: FrameWriter, format: Format, push: Push): void;
  heartbeat(out: FrameWriter, to: Address, body: Uint8Array): void;
  /** For a failure that answers no frame in particular: the connection's own. In the client's format, if the dialect may. */
  connectionFailure(out: FrameWriter, failure: Failure, format: Format): void;
}
