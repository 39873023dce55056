// The public names of the client, `acton/client`. Runs on Bun and on Node, and needs nothing of the runtime.

export { askFailure } from "./ask-failure.ts";
export type { AskFailure, RefusalReason } from "./ask-failure.ts";
export { ActonError } from "./errors.ts";
export type { ErrorCode, Failure, Ran } from "./errors.ts";
export type { Clock, Timer } from "./clock.ts";
export { connect } from "./ipc/client/client.ts";
export type { Client } from "./ipc/client/client.ts";
export type { StreamOptions } from "./ipc/client/calls.ts";
export type { ClientTransport } from "./ipc/client/dial.ts";
export type { DiscoveredAgent, DiscoveredType, Discovery, Release } from "./ipc/client/discovery.ts";
export type { Push, SubscribeOptions, Subscription } from "./ipc/client/push-stream.ts";
export type { ReconnectOptions } from "./ipc/client/reconnect.ts";
export type { Requirements } from "./ipc/client/requirements.ts";
export type { RemoteAgent } from "./ipc/client/remote-agent.ts";
export type { ConnectOptions } from "./ipc/client/session.ts";
export type { AgentRef } from "./message/agent-ref.ts";
export type { CallOptions } from "./message/call-options.ts";
export type { AnswerOf, MessageType, PayloadOf } from "./message/message-type.ts";
export type { ReplyStream } from "./message/reply-stream.ts";
export type { Random } from "./random.ts";
