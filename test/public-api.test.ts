// The library's public names, listed by hand. A name that comes or goes is a decision, and this list is where it is made.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as acton from "acton";
import * as testing from "acton/testing";

const values = [
  "ActonApp",
  "ActonError",
  "AgentHandle",
  "AgentRestarted",
  "AgentSupervised",
  "AgentTerminated",
  "Application",
  "Blueprint",
  "DeadLetter",
  "ManualClock",
  "MessageType",
  "SupervisionEscalated",
  "SystemClock",
  "TurnScheduler",
  "agent",
  "app",
  "askFailure",
  "byKey",
  "createLog",
  "leastLoaded",
  "message",
  "pool",
  "roundRobin",
  "seededRandom",
  "silentLog",
  "systemRandom",
];

const types = [
  "Admission",
  "AgentArgument",
  "AgentRef",
  "AgentStatus",
  "AnswerOf",
  "AppConfigInput",
  "ApplicationDefinition",
  "AskFailure",
  "Broker",
  "CallOptions",
  "ChildOptions",
  "Clock",
  "CrashDecision",
  "CrashPolicy",
  "ErrorCode",
  "Escalation",
  "Failure",
  "FaultInjection",
  "FileSystem",
  "Handler",
  "HandlerArgument",
  "HandlerResult",
  "Hook",
  "Host",
  "IpcConfig",
  "IpcConfigInput",
  "IpcListener",
  "LaunchOptions",
  "ListenOptions",
  "ListenerStats",
  "Log",
  "LogFields",
  "LogLevel",
  "LogOptions",
  "LogOutput",
  "Operation",
  "PayloadOf",
  "Peer",
  "Placement",
  "Policy",
  "PolicyInput",
  "PolicyRuleInput",
  "PoolOptions",
  "Publication",
  "Ran",
  "Random",
  "RateLimit",
  "RefusalReason",
  "Reply",
  "ReplyStream",
  "RestartKind",
  "RootLog",
  "Route",
  "RuntimeConfig",
  "RuntimeConfigInput",
  "Schedule",
  "ScheduleOutcome",
  "Scheduler",
  "SendEveryOptions",
  "ServerSocket",
  "ShutdownResult",
  "Socket",
  "SocketHandler",
  "StartOptions",
  "Strategy",
  "SubscriberFunction",
  "Subscription",
  "SupervisedChild",
  "SupervisionOptions",
  "Task",
  "Timer",
  "TraceContext",
  "Transport",
  "TypeRegistry",
  "WorkerOptions",
];

const index = readFileSync(join(import.meta.dir, "../src/index.ts"), "utf8");

function exportedBy(statement: RegExp): string[] {
  const lists = [...index.matchAll(statement)].flatMap(([, names = ""]) => names.split(","));
  return lists
    .map((name) => name.trim())
    .filter(Boolean)
    .sort();
}

test("the values that the library exports are these", () => {
  expect(Object.keys(acton).sort()).toEqual(values);
});

test("the values of the test kit are these", () => {
  expect(Object.keys(testing).sort()).toEqual([
    "Choices",
    "Faults",
    "ManualClock",
    "MemoryMachine",
    "Probe",
    "World",
    "probe",
    "replay",
    "seededRandom",
    "simulate",
  ]);
});

test("the types that the library exports are these", () => {
  expect(exportedBy(/^export type \{([^}]*)\} from/gm)).toEqual(types);
});

test("every name is exported by hand, under its own name", () => {
  expect(exportedBy(/^export \{([^}]*)\} from/gm)).toEqual(values);
  const statements = index
    .replace(/^\/\/.*$/gm, "")
    .split(";")
    .map((statement) => statement.trim());
  expect(statements.filter((text) => text !== "" && !/^export (?:type )?\{[^*]*\} from "\.\/[^"]+"$/.test(text))).toEqual([]);
  expect(statements.filter((text) => / as /.test(text))).toEqual([]);
});
