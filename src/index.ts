// The public names of the library, listed by hand.

export { agent, Blueprint } from "./agent/blueprint.ts";
export type { AgentArgument, Handler, HandlerArgument, HandlerResult, Hook } from "./agent/blueprint.ts";
export type {
  ChildOptions,
  CrashDecision,
  CrashPolicy,
  Escalation,
  RestartKind,
  StartOptions,
  Strategy,
  SupervisionOptions,
} from "./agent/definition.ts";
export { AgentHandle } from "./agent/handle.ts";
export type { AgentStatus, SupervisedChild } from "./agent/handle.ts";
export { byKey, leastLoaded, pool, roundRobin } from "./agent/placement.ts";
export type { Placement, PoolOptions, Route, WorkerOptions } from "./agent/placement.ts";
export type { Schedule, ScheduleOutcome } from "./agent/schedule.ts";
export type { SendEveryOptions } from "./agent/schedule-plan.ts";
export type { FaultInjection } from "./agent/services.ts";
export { ActonApp } from "./app.ts";
export type { LaunchOptions, ListenOptions, ShutdownResult } from "./app.ts";
export { Application } from "./application.ts";
export type { ApplicationDefinition } from "./application.ts";
export type { Broker, SubscriberFunction, Subscription } from "./broker/broker.ts";
export type { Publication } from "./broker/publication.ts";
export { ManualClock, SystemClock } from "./clock.ts";
export type { Clock, Timer } from "./clock.ts";
export type { AppConfigInput, IpcConfig, IpcConfigInput, RateLimit, RuntimeConfig, RuntimeConfigInput } from "./config.ts";
export { askFailure } from "./ask-failure.ts";
export type { AskFailure, RefusalReason } from "./ask-failure.ts";
export { ActonError } from "./errors.ts";
export type { ErrorCode, Failure, Ran } from "./errors.ts";
export type { FileSystem } from "./files.ts";
export type { Host } from "./host.ts";
export type { IpcListener } from "./ipc/server/listener.ts";
export type { ListenerStats } from "./ipc/server/listener-stats.ts";
export type { Admission, Operation, Policy } from "./ipc/server/policy.ts";
export type { TypeRegistry } from "./ipc/server/type-registry.ts";
export type { ServerSocket, Socket, SocketHandler, Transport } from "./ipc/transport.ts";
export { createLog, silentLog } from "./log.ts";
export type { Log, LogFields, LogLevel, LogOptions, LogOutput, RootLog } from "./log.ts";
export type { AgentRef } from "./message/agent-ref.ts";
export type { CallOptions } from "./message/call-options.ts";
export type { Peer, TraceContext } from "./message/envelope.ts";
export { app } from "./main-module.ts";
export { message, MessageType } from "./message/message-type.ts";
export type { AnswerOf, PayloadOf } from "./message/message-type.ts";
export type { Reply } from "./message/reply-port.ts";
export type { ReplyStream } from "./message/reply-stream.ts";
export type { PolicyInput, PolicyRuleInput } from "./policy-rules.ts";
export { seededRandom, systemRandom } from "./random.ts";
export type { Random } from "./random.ts";
export { DeadLetter } from "./runtime/dead-letter.ts";
export { AgentRestarted, AgentSupervised, AgentTerminated, SupervisionEscalated } from "./supervision/events.ts";
export { TurnScheduler } from "./scheduler.ts";
export type { Scheduler, Task } from "./scheduler.ts";
