// The documents say what is so: frames are decoded and written again, tables are compared with the code's own, both ways.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { ActonApp, AgentHandle, Application, Blueprint, ManualClock, message, MessageType } from "acton";
import { z } from "zod";
import { Schedule } from "../src/agent/schedule.ts";
import { Broker } from "../src/broker/broker.ts";
import { exitCodes } from "../src/cli/exit-codes.ts";
import { askOutcomes } from "../src/ask-failure.ts";
import { keyEntries } from "../src/config-keys.ts";
import { ActonError, type ErrorCode, errorKinds, type Failure } from "../src/errors.ts";
import { Client } from "../src/ipc/client/client.ts";
import { IpcListener } from "../src/ipc/server/listener.ts";
import { wireStats } from "../src/ipc/server/listener-stats.ts";
import { TypeRegistry } from "../src/ipc/server/type-registry.ts";
import { acton } from "../src/ipc/wire/acton.ts";
import { actonKinds } from "../src/ipc/wire/acton-body.ts";
import { actonFailure } from "../src/ipc/wire/acton-text.ts";
import { bare } from "../src/ipc/wire/bare.ts";
import { capabilities } from "../src/ipc/wire/capabilities.ts";
import { detect } from "../src/ipc/wire/detect.ts";
import type { Dialect } from "../src/ipc/wire/dialect.ts";
import { decodeMessagePack } from "../src/ipc/wire/msgpack.ts";
import { BufferPool } from "../src/ipc/wire/buffer-pool.ts";
import { FrameDecoder } from "../src/ipc/wire/frame-decoder.ts";
import { FrameWriter } from "../src/ipc/wire/frame-writer.ts";
import type { Address, AnswerShape, Discovery, Packet } from "../src/ipc/wire/packet.ts";
import { silentLog } from "../src/log.ts";
import { ruleOperations } from "../src/policy-rules.ts";
import { exampleOf } from "../src/message/json-schema.ts";
import { ReplyPort } from "../src/message/reply-port.ts";
import { run, serve, type Server, temporaryDirectory } from "./cli/executable.ts";
import { eventually } from "./support/conditions.ts";
import { RawClient } from "./support/raw-client.ts";

const root = join(import.meta.dir, "..");
const protocol = document("docs/protocol.md");
const configuration = document("docs/configuration.md");
const commandLine = document("docs/cli.md");
const clients = document("docs/clients.md");
const limits = { depth: 127, tokens: 100_000 };

describe("the frames of docs/protocol.md", () => {
  const fenced = [...protocol.matchAll(/```json\n([^`]*)\n```\n(?:(?!```json)[\s\S])*?(?=```json|\n## |\n### |$)/g)];
  const dumps = new Map([...protocol.matchAll(/```hex (\S+)\n([^`]*)\n```/g)].map(([, name = "", dump = ""]) => [name, bytesOf(dump)]));
  const bodies = new Map(
    fenced.flatMap(([section, json = ""]) =>
      [...section.matchAll(/```hex (\S+)/g)].map(([, name = ""]) => [name, fields(JSON.parse(json))] as const),
    ),
  );

  const add = { kind: "request", correlation: "1", target: "calculator", messageType: "AddRequest", payload: { a: 5, b: 3 }, expectsReply: true };

  /** What a client sends, and the packet that the server reads from it. */
  const sent: Readonly<Record<string, Partial<Record<string, unknown>>>> = {
    request: add,
    cancel: { kind: "cancel", correlation: "2" },
    credit: { kind: "credit", correlation: "2", credit: 16 },
    subscribe: { kind: "subscribe", correlation: "3", types: ["PriceUpdate"], patterns: ["Trade*"] },
    unsubscribe: { kind: "unsubscribe", correlation: "4", types: [], patterns: undefined },
    discover: { kind: "discover", correlation: "5" },
    stats: { kind: "stats", correlation: "6" },
    ping: { kind: "ping", correlation: "7" },
    watch: { kind: "watch", correlation: "8", agent: "calculator" },
    "keep-alive": { kind: "silent" },
    "acton-request": { ...add, timeoutMs: 1000 },
    "acton-heartbeat": { kind: "heartbeat", body: Buffer.alloc(0) },
    "acton-subscribe": { kind: "subscribe", correlation: "3", types: ["PriceUpdate"], patterns: undefined },
    "acton-unsubscribe": { kind: "unsubscribe", correlation: "4", types: [], patterns: undefined },
    "acton-subscribe-patterns": { kind: "subscribe", correlation: "5", types: undefined, patterns: ["Trade*"] },
    "acton-unsubscribe-patterns": { kind: "unsubscribe", correlation: "6", types: undefined, patterns: [] },
    "acton-discover": { kind: "discover", correlation: "7", actors: true, messageTypes: true },
    "acton-cancel": { kind: "cancel", correlation: "2" },
    "acton-credit": { kind: "credit", correlation: "2", credit: 16 },
    "acton-stats": { kind: "stats", correlation: "8" },
    "acton-watch": { kind: "watch", correlation: "9", agent: "calculator" },
  };

  const price = { symbol: "ACME", price: 99.5 };
  const push = {
    messageType: "PriceUpdate",
    payload: { value: price, json: () => JSON.stringify(price) },
    timestamp: 1767225600000,
    source: "price_feed",
    seq: 0,
    dropped: 0,
    number: 7,
  };
  const releases = { product: { name: "acton", version: "0.1.0" }, application: { name: "demo", version: "1.0.0" } };
  const none: Discovery = { ...releases, actors: [], messageTypes: [], schemas: {} };
  const greet = message("Greet", { name: z.string() }).jsonSchema();
  const greeting = message("Greeting", { text: z.string() }).jsonSchema();
  const greeter: Discovery = {
    ...releases,
    actors: [{ name: "greeter", ern: "ern:acton:system:framework:agent:greeter/1", handles: ["Greet"] }],
    messageTypes: ["Greet", "Greeting"],
    schemas: {
      Greet: { kind: "request", schema: greet, replies: "Greeting", example: exampleOf(greet) },
      Greeting: { kind: "push", schema: greeting, example: exampleOf(greeting) },
    },
  };
  const nobody: Failure = { code: "ACTOR_NOT_FOUND", message: "calculater", subject: "calculater" };
  const late: Failure = { code: "TIMEOUT", message: "too late", afterMs: 250 };
  const held = { types: ["PriceUpdate"], rejected: [], patterns: ["Trade*"] };

  /** What the server sends, and how it writes it. */
  type Write = (out: FrameWriter, dialect: Dialect, at: (correlation: string, shape?: AnswerShape) => Address) => void;
  const answers: Readonly<Record<string, Write>> = {
    response: (out, dialect, at) => dialect.reply(out, at("1"), { sum: 8 }),
    "stream-item": (out, dialect, at) => dialect.item(out, at("2", "stream"), 0, { id: 0, name: "item-0" }),
    "stream-end": (out, dialect, at) => dialect.streamEnd(out, at("2", "stream"), 1, null),
    push: (out, dialect, at) => dialect.push(out, at("").format, push),
    subscribed: (out, dialect, at) => dialect.subscribed(out, at("3", "subscription"), held),
  };
  const received: Readonly<Record<string, Write>> = {
    ...answers,
    failure: (out, dialect, at) => dialect.failure(out, at("1"), nobody, 0),
    discovery: (out, dialect, at) => dialect.discovery(out, at("5"), greeter),
    ...Object.fromEntries(Object.entries(answers).map(([name, write]) => [`acton-${name}`, write])),
    "acton-error": (out, dialect, at) => dialect.failure(out, at("1"), nobody, 0),
    "acton-stream-failure": (out, dialect, at) => dialect.failure(out, at("2", "stream"), late, 1),
    "acton-patterns": (out, dialect, at) => dialect.subscribed(out, at("5", "patterns"), held),
    "acton-discovery": (out, dialect, at) => dialect.discovery(out, at("7", "discovery"), none),
  };

  test("are these, and some of them in another version or format", () => {
    expect(new Set([...dumps.keys()].map(plainNameOf))).toEqual(new Set([...Object.keys(sent), ...Object.keys(received), "refusal"]));
    expect([...dumps.keys()].filter((name) => plainNameOf(name) !== name).length).toBeGreaterThanOrEqual(16);
  });

  for (const name of dumps.keys()) {
    const packet = sent[plainNameOf(name)];
    const write = received[plainNameOf(name)];
    const dialect = name.startsWith("acton-") ? acton : bare;
    const format = name.endsWith("-msgpack") ? "msgpack" : "json";
    const version = dialect === bare ? 0 : name.endsWith("-v1") ? 1 : 2;

    if (packet !== undefined)
      test(`${name} is read as it is described`, () => {
        const decoded = fields(decode(bytesIn(name), dialect));
        for (const [key, value] of Object.entries(packet)) expect(decoded[key]).toEqual(value);
        if ("format" in decoded) expect({ format: decoded["format"], version: decoded["version"] }).toEqual({ format, version });
        expectBody(name);
      });

    if (write !== undefined)
      test(`${name} is written as it is described`, () => {
        const out = new FrameWriter(4096, new BufferPool());
        write(out, dialect, (correlation, shape = "response") => ({ correlation, format, version, shape, streamId: correlation }));
        expect(bytesIn(name).toString("hex")).toBe(Buffer.from(out.view()).toString("hex"));
        expectBody(name);
      });
  }

  test("refusal is written as it is described", async () => {
    using directory = temporaryDirectory();
    const clock = new ManualClock();
    await using runtime = ActonApp.launch({ clock, log: silentLog });
    const socketPath = join(directory.path, "acton.sock");
    await runtime.startIpcListener({ socketPath, maxConnections: 1 });
    await using first = await RawClient.connect(socketPath);
    expect(await first.ask({ ping: true })).toMatchObject({ success: true });
    await using second = await RawClient.connect(socketPath, { uncut: true });
    await eventually(() => clock.armed > 1);
    clock.advance(1000);
    await second.until(() => second.ended);
    expect(second.bytes.toString("hex")).toBe(bytesIn("refusal").toString("hex"));
    expect(JSON.parse(bytesIn("refusal").toString("utf8", 7))).toEqual(bodies.get("refusal"));
    first.destroy();
  });

  function bytesIn(name: string): Buffer {
    return dumps.get(name) ?? Buffer.alloc(0);
  }

  function plainNameOf(name: string): string {
    return name.replace(/-(?:v1|msgpack)$/, "");
  }

  /** The body in bytes is the one that is shown as JSON. */
  function expectBody(name: string): void {
    const bytes = bytesIn(name);
    const start = !name.startsWith("acton-") ? 4 : name.endsWith("-v1") ? 6 : 7;
    expect(bytes.readUInt32BE(0)).toBe(bytes.length - start);
    if (bytes.length === start) return;
    const isPacked = name.endsWith("-msgpack");
    const body = isPacked ? decodeMessagePack(bytes, start, bytes.length, limits) : JSON.parse(bytes.toString("utf8", start));
    expect(fields(body)).toEqual(bodies.get(plainNameOf(name)) ?? {});
  }
});

describe("the fields of docs/protocol.md", () => {
  const failure: Failure = { code: "RATE_LIMITED", message: "retry", retryAfterMs: 1, details: {} };
  const reached: Failure = { ...failure, ran: "yes" };
  const push = { messageType: "T", payload: { value: 1, json: () => "1" }, timestamp: 1, source: "a", seq: 1, dropped: 1, number: 1 };
  const release = { name: "a", version: "1" };

  test("of each answer are those that are written", () => {
    const reply = written((out) => bare.reply(out, to("1"), 1));
    const item = written((out) => bare.item(out, to("1", "stream"), 0, 1));
    const held = written((out) => bare.subscribed(out, to("1", "subscription"), { types: [], rejected: [], patterns: [] }));
    expect(fieldsUnder("Response")).toEqual(union(reply, failed("response", reached)));
    expect(fieldsUnder("Stream frame")).toEqual(union(item, failed("stream", reached)));
    expect(fieldsUnder("Subscription answer")).toEqual(union(held, failed("subscription")));
    expect(fieldsUnder("Push")).toEqual(union(written((out) => bare.push(out, "json", push))));
    const discovery = { product: release, application: release, actors: [], messageTypes: [], schemas: {} };
    expect(fieldsUnder("Discovery answer")).toEqual(union(written((out) => bare.discovery(out, to("1"), discovery))));
  });

  test("of each frame that a client sends are those that are read", () => {
    const request = { target: "a", message_type: "T" };
    const frames: Record<string, { valid: Record<string, unknown>; wrong: Record<string, unknown> }> = {
      Request: {
        valid: request,
        wrong: {
          target: 1,
          message_type: 1,
          request_id: 1,
          expects_reply: 1,
          expects_stream: 1,
          timeout_ms: -1,
          response_timeout_ms: -1,
          reply_to: 1,
          stream_window: -1,
          ask_chain: 1,
        },
      },
      Cancel: { valid: { cancel: "1" }, wrong: { cancel: 1 } },
      Credit: { valid: { credit: 1, stream_id: "1" }, wrong: { credit: -1, stream_id: 1 } },
      Watch: { valid: { watch: "a", request_id: "1" }, wrong: { watch: 1, request_id: 1 } },
      Subscribe: { valid: { message_types: [] }, wrong: { message_types: 1, patterns: 1, request_id: 1 } },
      Unsubscribe: { valid: { unsubscribe: [] }, wrong: { unsubscribe: 1, unsubscribe_patterns: 1, request_id: 1 } },
    };
    for (const [section, { valid, wrong }] of Object.entries(frames)) {
      expect(decodeBody(valid).kind).not.toBe("malformed");
      for (const [field, value] of Object.entries(wrong)) {
        expect(decodeBody({ ...valid, [field]: value })).toMatchObject({
          kind: "malformed",
          failure: { code: "SERIALIZATION_ERROR", message: expect.stringMatching(new RegExp(`^${field}\\b`)) },
        });
      }
      const untyped = section === "Request" ? ["payload", "traceparent", "tracestate"] : [];
      expect(fieldsUnder(section)).toEqual([...Object.keys(wrong), ...untyped].sort());
    }
    const trace = { traceparent: "00-1", tracestate: "a=1" };
    expect(decodeBody({ ...request, payload: [1], ...trace })).toMatchObject({ payload: [1], trace });
  });

  test("of each answer in acton are those that are written", () => {
    const at = (shape: AnswerShape): Address => ({ ...to("1", shape), version: 2 });
    const failed = (shape: AnswerShape): Record<string, unknown> => written((out) => acton.failure(out, at(shape), failure, 0));
    const state = { types: [], rejected: ["T"], patterns: [] };
    const discovery = { product: release, application: release, actors: [], messageTypes: [], schemas: {} };
    const answers: Record<string, Record<string, unknown>[]> = {
      "acton response": [written((out) => acton.reply(out, at("response"), 1)), failed("response")],
      "acton stream frame": [written((out) => acton.item(out, at("stream"), 0, 1)), failed("stream")],
      "acton push": [written((out) => acton.push(out, "json", push))],
      "acton subscription answer": [written((out) => acton.subscribed(out, at("subscription"), state)), failed("subscription")],
      "acton pattern answer": [written((out) => acton.subscribed(out, at("patterns"), state)), failed("patterns")],
      "acton discovery answer": [written((out) => acton.discovery(out, at("discovery"), discovery)), failed("discovery")],
    };
    for (const [heading, written] of Object.entries(answers)) expect([heading, fieldsUnder(heading)]).toEqual([heading, union(...written)]);
  });

  test("of each frame that a client sends in acton are those that are read", () => {
    const sections: Record<string, { kind: number; valid: Record<string, unknown>; wrong: Record<string, unknown>; more?: string[] }> = {
      "acton request": {
        kind: actonKinds.request,
        valid: { target: "a", message_type: "T" },
        wrong: {
          target: 1,
          message_type: 1,
          expects_reply: 1,
          expects_stream: 1,
          response_timeout_ms: -1,
          reply_to: 1,
          stream_window: -1,
          ask_chain: 1,
        },
        more: ["payload", "traceparent", "tracestate"],
      },
      "acton subscribe": { kind: actonKinds.subscribe, valid: { message_types: [] }, wrong: { message_types: 1 } },
      "acton subscribe patterns": { kind: actonKinds.subscribePatterns, valid: { patterns: [] }, wrong: { patterns: 1 } },
      "acton discover": { kind: actonKinds.discover, valid: {}, wrong: { include_actors: 1, include_message_types: 1 } },
      "acton extensions": { kind: actonKinds.credit, valid: { credit: 1 }, wrong: { credit: -1 }, more: ["watch"] },
    };
    for (const [heading, { kind, valid, wrong, more = [] }] of Object.entries(sections)) {
      expect(decodeActon(kind, { correlation_id: "1", ...valid }).kind).not.toBe("malformed");
      for (const [field, value] of Object.entries({ ...wrong, correlation_id: undefined })) {
        expect(decodeActon(kind, { correlation_id: "1", ...valid, [field]: value })).toMatchObject({
          kind: "malformed",
          failure: { code: "SERIALIZATION_ERROR", message: expect.stringMatching(new RegExp(`^${field}\\b`)) },
        });
      }
      expect([heading, fieldsUnder(heading)]).toEqual([heading, [...Object.keys(wrong), ...more, "correlation_id"].sort()]);
    }
    expect(decodeActon(actonKinds.request, { correlation_id: "1", target: "a", message_type: "T" })).toMatchObject({ timeoutMs: 30_000 });
    expect(decodeActon(actonKinds.request, { correlation_id: "1", target: "__unsubscribe__" })).toMatchObject({ kind: "leave" });
  });

  test("of the figures are those that the listener counts", async () => {
    using directory = temporaryDirectory();
    await using runtime = ActonApp.launch({ log: silentLog });
    const listener = await runtime.startIpcListener({ socketPath: join(directory.path, "acton.sock") });
    expect(fieldsUnder("Figures")).toEqual(Object.keys(wireStats(listener.stats())).sort());
  });

  function failed(shape: AnswerShape, told = failure): Record<string, unknown> {
    return written((out) => bare.failure(out, to("1", shape), told, 0));
  }
});

describe("the codes", () => {
  const rows = rowsOf(sectionOf(protocol, "Errors"));

  test("of docs/protocol.md are those of src/errors.ts, and say the same of each", () => {
    const documented = rows.map(([variant = "", code = "", ran, retry]) => [
      plain(code),
      { variant: plain(variant), ran, retryable: retry === "yes" },
    ]);
    const known = Object.entries(errorKinds).map(([code, { variant, ran, retryable }]) => [code, { variant, ran, retryable }]);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(known));
    expect(rows).toHaveLength(known.length);
  });

  test("of docs/cli.md are the command line's exit statuses", () => {
    const documented = rowsOf(sectionOf(commandLine, "Exit status")).map(([status]) => Number(status));
    expect(documented).toEqual(Object.values(exitCodes));
  });
});

describe("the kinds of failure in docs/clients.md", () => {
  test("are those of src/ask-failure.ts, each with its codes and reasons", () => {
    const rows = rowsOf(sectionOf(clients, "Errors")).filter(([, codes = ""]) => /^`[A-Z_]+`/.test(codes));
    const words = (cell: string): string[] => [...cell.matchAll(/`([A-Za-z_]+)`/g)].map(([, word = ""]) => word);
    const documented = rows.flatMap(([kind = "", codes = ""]) => words(codes).map((code) => [code, plain(kind)]));
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(Object.entries(askOutcomes).map(([code, { kind }]) => [code, kind])));
    const reasons = Object.values(askOutcomes).flatMap(({ reason }) => reason ?? []);
    const told = words(rows.find(([kind = ""]) => plain(kind) === "refused")?.[2]?.split(";")[0] ?? "");
    expect(new Set(told)).toEqual(new Set(["reason", ...reasons]));
  });
});

describe("the tables of docs/protocol.md", () => {
  test("have the kinds of acton, with the version from which each is understood", () => {
    const rows = rowsOf(sectionOf(protocol, "Kinds"));
    expect(rows.map(([kind = ""]) => Number.parseInt(plain(kind), 16)).sort((a, b) => a - b)).toEqual(
      Object.values(actonKinds).toSorted((a, b) => a - b),
    );
    for (const [kind = "", name, direction, versions] of rows) {
      const number = Number.parseInt(plain(kind), 16);
      const inVersion1 = decode(Buffer.of(0, 0, 0, 0, 1, number), acton);
      const inVersion2 = decode(Buffer.of(0, 0, 0, 0, 2, number, 1), acton);
      const isUnderstood = (packet: Packet): boolean => packet.kind !== "malformed" || !packet.closes;
      expect([name, isUnderstood(inVersion1), isUnderstood(inVersion2)]).toEqual([name, versions === "1, 2", true]);
      expect([name, inVersion2.kind === "silent"]).toEqual([name, direction === "←"]);
    }
  });

  test("say what each first byte is taken for", () => {
    const rows = rowsOf(sectionOf(protocol, "Frames"));
    const bytes = (cell: string): number[] =>
      [...cell.matchAll(/`(\w\w)`(?:–`(\w\w)`)?/g)].flatMap(([, from = "", to = from]) => {
        const first = Number.parseInt(from, 16);
        return Array.from({ length: Number.parseInt(to, 16) - first + 1 }, (_, index) => first + index);
      });
    const taken = (byte: number): string => {
      const { dialect, refusal } = detect(byte);
      return dialect === bare ? "bare" : dialect === acton ? "acton" : refusal?.code === "PROTOCOL_ERROR" ? "any other" : "no version";
    };
    const documented = new Map(
      ["bare", "acton", "no version"].flatMap((name, index) => bytes(rows[index]?.[0] ?? "").map((byte) => [byte, name] as const)),
    );
    for (let byte = 0; byte < 256; byte++) expect([byte, documented.get(byte) ?? "any other"]).toEqual([byte, taken(byte)]);
  });

  test("have the capabilities that discovery lists", () => {
    expect(fieldsUnder("Capabilities")).toEqual(Object.keys(capabilities).sort());
  });

  test("have the words and codes of acton for each error that a server may send", () => {
    const rows = rowsOf(sectionOf(protocol, "acton errors")).map((cells) => cells.map(plain));
    const onTheWire = rowsOf(sectionOf(protocol, "Errors"))
      .map(([, code = ""]) => plain(code) as ErrorCode)
      .filter((code) => !neverSent.includes(code));
    const expected = onTheWire.map((code) => {
      const about = { code, message: "DETAIL", subject: "NAME", afterMs: 100, retryAfterMs: 10 };
      const { error, code: actonCode } = actonFailure(about, "response");
      return [errorKinds[code].variant, [actonCode, error]];
    });
    expect(Object.fromEntries(rows.map(([variant, ...words]) => [variant, words]))).toEqual(Object.fromEntries(expected));
    const late = actonFailure({ code: "TIMEOUT", message: "", afterMs: 100 }, "stream");
    const said = actonFailure({ code: "TARGET_BUSY", message: "DETAIL", ran: "yes", byHandler: true }, "response");
    for (const { error } of [late, said]) expect(sectionOf(protocol, "acton errors")).toContain(`\`${error}\``);
  });

  const neverSent: readonly ErrorCode[] = ["CONNECTION_CLOSED", "INVALID_CONFIG", "ADDRESS_IN_USE", "PATH_REFUSED", "NAME_TAKEN", "START_FAILED"];
});

describe("docs/configuration.md", () => {
  const rows = rowsOf(configuration).filter(([, variable = ""]) => variable.startsWith("`ACTON_"));

  test("has a row for each key, and each row is a key's", () => {
    expect(rows.map(([name = ""]) => plain(name))).toEqual(keyEntries.map(({ fileName }) => fileName));
  });

  test("says of each key what its table says", () => {
    for (const [index, { variable, key }] of keyEntries.entries()) {
      const bounds =
        key.choices?.map((choice) => `\`${choice}\``).join(", ") ??
        key.form?.says ??
        (key.min === undefined ? "an absolute path" : `${grouped(key.min)} … ${grouped(key.max ?? 0)}`);
      const value = typeof key.default === "number" ? grouped(key.default) : key.default === "" ? "" : `\`${key.default}\``;
      const unit = typeof key.default === "number" ? key.unit : "";
      expect(rows[index]?.slice(1)).toEqual([`\`${variable}\``, value, unit, bounds, key.about]);
    }
  });

  test("shows a file that is accepted, and errors that are given", async () => {
    using directory = temporaryDirectory();
    const file = join(directory.path, "acton.toml");
    const [example = ""] = blocks(configuration, "toml");
    await Bun.write(file, example);
    expect(await run(["serve", "--config", file, "--print-config"])).toMatchObject({ exitCode: 0, stderr: "" });

    const refused = blocks(configuration, "text")
      .flatMap((block) => block.split("\n"))
      .filter((line) => line.startsWith("acton: "));
    expect(refused.length).toBeGreaterThanOrEqual(4);
    const lines = [
      { toml: "max_connections = 100\nsocket_pth = 1\n", env: {} },
      { toml: "max_connections = 0\n", env: {} },
      { toml: "", env: { ACTON_MAX_CONECTIONS: "5" } },
      { toml: "outgoing_hard_bytes = 1048576\noutgoing_soft_bytes = 2097152\n", env: {} },
    ];
    const given = [];
    for (const { toml, env } of lines) {
      await Bun.write(file, toml);
      const { stderr, exitCode } = await run(["serve", "--config", file, "--print-config"], { env });
      expect(exitCode).toBe(exitCodes.cannotStart);
      given.push(stderr.trimEnd().replaceAll(directory.path, "/home/ada/service"));
    }
    expect(refused).toEqual(given);
  });
});

describe("the policy of docs/configuration.md", () => {
  test("is accepted, and decides as it is told", async () => {
    using directory = temporaryDirectory();
    const file = join(directory.path, "acton.toml");
    await Bun.write(file, blocks(configuration, "toml")[1] ?? "");
    const told = blocks(configuration, "text").find((block) => block.startsWith("$ acton policy")) ?? "";
    const pairs = [...told.matchAll(/^\$ acton (.*)\n(.*)$/gm)];
    expect(pairs.length).toBeGreaterThan(3);
    for (const [, words = "", answer = ""] of pairs) {
      const { stdout } = await run([...words.replaceAll("'", "").split(" "), "--config", file]);
      expect([words, stdout.trimEnd().replaceAll(file, "/etc/acton/acton.toml")]).toEqual([words, answer]);
    }
  });

  test("lists the operations that rules have", () => {
    const [, operations = ""] = rowsOf(configuration).find(([name]) => name === "`allow` or `deny`") ?? [];
    expect([...(operations.split(";")[0]?.matchAll(/`(\w+)`/g) ?? [])].map(([, name]) => name)).toEqual([...ruleOperations]);
  });
});

describe("docs/cli.md", () => {
  test("is what the commands say of themselves", async () => {
    expect(commandLine).toBe((await run(["document"])).stdout);
  });
});

describe("docs/clients.md", () => {
  const clients = document("docs/clients.md");

  test("has the methods of a client, and nothing else", () => {
    const methods = rowsOf(sectionOf(clients, "Methods")).map(([method = ""]) => /^\w+/.exec(plain(method))?.[0] ?? "");
    const known = Object.getOwnPropertyNames(Client.prototype).filter((name) => name !== "constructor");
    expect(methods.sort()).toEqual(known.sort());
  });

  test("has the options of connections and calls", () => {
    expect(namesOf(rowsOf(sectionOf(clients, "Connecting")))).toEqual(optionsOf("src/ipc/client/session.ts", "ConnectOptions"));
    const ofCalls = [
      ...optionsOf("src/message/call-options.ts", "CallOptions"),
      ...optionsOf("src/ipc/client/calls.ts", "StreamOptions"),
      ...optionsOf("src/ipc/client/push-stream.ts", "SubscribeOptions"),
    ];
    expect(namesOf(rowsOf(sectionOf(clients, "Options")))).toEqual([...new Set(ofCalls)].sort());
  });

  test("names every example", () => {
    const folder = join(root, "examples/clients");
    const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.(?:mjs|py|go|rs)$/.test(name));
    expect(namesOf(rowsOf(sectionOf(clients, "Examples in other languages"))).map((cell) => /\[([^\]]+)/.exec(cell)?.[1])).toEqual(sources.sort());
  });

  function namesOf(rows: string[][]): string[] {
    return rows.map(([name = ""]) => plain(name)).sort();
  }

  function optionsOf(path: string, name: string): string[] {
    const [, body = ""] = new RegExp(`export interface ${name} [^{]*\\{([\\s\\S]*?)\\n\\}`).exec(document(path)) ?? [];
    return [...body.matchAll(/readonly (\w+)\??:/g)].map(([, option = ""]) => option).sort();
  }
});

describe("docs/migrating-from-acton-reactive.md", () => {
  const migrating = document("docs/migrating-from-acton-reactive.md");

  test("has keys that there are, with their defaults", () => {
    const rows = rowsOf(sectionOf(migrating, "Configuration")).flatMap(([, , cell = "", value = ""]) => {
      const name = /^`([a-z_.]+)`/.exec(cell)?.[1];
      return name === undefined ? [] : [{ name, value: /^[\d,]+$/.test(value) ? value : /^(?:off|0|as many)/.test(value) ? "0" : plain(value) }];
    });
    const known = rows.map(({ name }) => keyEntries.find(({ fileName }) => fileName === name)?.key.default);
    expect(rows.map(({ value }) => value)).toEqual(known.map((value) => (typeof value === "number" ? grouped(value) : String(value))));
    expect(rows.length).toBeGreaterThan(12);
  });

  test("calls what can be called", () => {
    const cells = rowsOf(sectionOf(migrating, "Rust and TypeScript")).map(([, cell = ""]) => cell);
    const called = cells.flatMap((cell) => [...cell.matchAll(/\b([a-z]\w+)\(/gi)].map(([, name = ""]) => name));
    const prototypes = [ActonApp, Application, Blueprint, AgentHandle, MessageType, TypeRegistry, IpcListener, Client, Broker, ReplyPort, Schedule];
    const known = new Set([
      ...prototypes.flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype)),
      "launch",
      "agent",
      "app",
      "message",
      "connect",
      "start",
    ]);
    expect(called.filter((name) => !known.has(name))).toEqual([]);
    expect(called.length).toBeGreaterThan(30);
  });
});

describe("the programs", () => {
  const programs = [
    "docs/clients.md",
    "docs/development.md",
    "docs/migrating-from-acton-reactive.md",
    "docs/supervision.md",
    "docs/testing.md",
  ].flatMap((file) => blocks(document(file), "ts").map((text) => ({ file, name: /^\/\/ ([\w-]+\.ts)\n/.exec(text)?.[1] ?? "nameless.ts", text })));
  // Inside of the repository, so that "acton" is found as in its own directory; dist/ is nobody's source.
  const folder = mkdtempSync(join(root, "dist", ".docs-"));
  const sockets = temporaryDirectory();
  const socket = join(sockets.path, "demo.sock");
  let demo: Server;

  beforeAll(async () => {
    for (const { name, text } of programs) await Bun.write(join(folder, name), text.replaceAll("/tmp/acton.sock", socket));
    demo = await serve(socket);
  });

  afterAll(async () => {
    await demo[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
    sockets[Symbol.dispose]();
  });

  test("have names of their own", () => {
    expect(new Set(programs.map(({ name }) => name)).size).toBe(programs.length);
    expect(programs.map(({ name }) => name)).not.toContain("nameless.ts");
  });

  for (const { file, name, text } of programs) {
    const printed = text.split("\n").filter((line) => line.includes("console.log("));
    if (printed.length > 0) {
      test(`${name} of ${file} prints what it says`, async () => {
        const child = Bun.spawn([process.execPath, join(folder, name)], { stdout: "pipe", stderr: "pipe" });
        const [stdout, stderr, exitCode] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
        expect(stdout.trimEnd().split("\n")).toEqual(printed.map((line) => line.split(" // ")[1] ?? ""));
      });
    }
  }

  test("compile", async () => {
    const paths = {
      acton: [join(root, "src/index.ts")],
      "acton/client": [join(root, "src/client.ts")],
      "acton/testing": [join(root, "src/testing.ts")],
    };
    const config = { extends: join(root, "tsconfig.json"), compilerOptions: { paths }, include: ["*.ts"] };
    await Bun.write(join(folder, "tsconfig.json"), JSON.stringify(config));
    const { stdout, exitCode } = await Bun.$`${join(root, "node_modules/.bin/tsc")} --noEmit -p ${folder}`.nothrow().quiet();
    expect({ exitCode, errors: stdout.toString() }).toEqual({ exitCode: 0, errors: "" });
  }, 60_000);
});

describe("numbers and names", () => {
  const documents = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)];
  const units: Readonly<Record<string, number>> = { s: 1000, KiB: 1024, MiB: 1024 * 1024 };

  test("a number that names its key is the key's default", () => {
    let checked = 0;
    for (const name of documents) {
      for (const [phrase, number = "", unit = "", key = ""] of document(name).matchAll(
        /(\d[\d,]*)(?: (s|ms|KiB|MiB))?[^`\d|\n]{0,60}\(`([a-z_.]+)`\)/g,
      )) {
        const entry = keyEntries.find(({ fileName }) => fileName === key);
        expect({ phrase, default: entry?.key.default }).toEqual({ phrase, default: Number(number.replaceAll(",", "")) * (units[unit] ?? 1) });
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThan(10);
  });

  test("the limits of docs/protocol.md are the keys' defaults", () => {
    const rows = rowsOf(sectionOf(protocol, "Limits")).flatMap(([limit = "", value = ""]) => {
      const key = /\(`([a-z_.]+)`\)/.exec(limit)?.[1];
      return key === undefined ? [] : [{ key, value }];
    });
    const defaultOf = (value: string): number =>
      value === "no limit" ? 0 : Number(/^[\d,]+/.exec(value)?.[0].replaceAll(",", "")) * (units[/^[\d,]+ (\w+)/.exec(value)?.[1] ?? ""] ?? 1);
    expect(rows.map(({ key, value }) => [key, defaultOf(value)])).toEqual(
      rows.map(({ key }) => [key, keyEntries.find(({ fileName }) => fileName === key)?.key.default as number]),
    );
    expect(rows.length).toBeGreaterThan(10);
  });

  test("every file that is named is there, and every link leads somewhere", () => {
    const missing = documents.flatMap((name) => {
      const text = document(name);
      const paths = [...text.matchAll(/`((?:src|test|docs|examples)\/[\w./-]+)`/g)].map(([, path = ""]) => join(root, path));
      const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, path = ""]) => path).filter((path) => !/^[a-z]+:/.test(path));
      const anchors = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = ""]) => anchor).filter((anchor) => !headingsOf(text).includes(anchor));
      const sources =
        name === "ARCHITECTURE.md"
          ? [...text.matchAll(/`([\w/-]+\.ts)`/g)].map(([, path = ""]) => (existsSync(join(root, path)) ? join(root, path) : join(root, "src", path)))
          : [];
      return [...paths, ...sources, ...links.map((path) => join(root, dirname(name), path))]
        .filter((path) => !existsSync(path))
        .concat(anchors.map((anchor) => `${name}#${anchor}`));
    });
    expect(missing).toEqual([]);
  });

  test("ARCHITECTURE.md gives a reason for each dependency, and CHANGELOG.md has this version", () => {
    const { dependencies, devDependencies, version } = fields(JSON.parse(document("package.json")));
    const reasons = rowsOf(sectionOf(document("ARCHITECTURE.md"), "Dependencies")).map(([name = ""]) => plain(name));
    expect(reasons.sort()).toEqual([...Object.keys(fields(dependencies)), ...Object.keys(fields(devDependencies))].sort());
    expect(document("CHANGELOG.md")).toContain(`## ${String(version)}`);
  });
});

// Reading documents ---------------------------------------------------------------------------------------------------

function document(name: string): string {
  return readFileSync(join(root, name), "utf8");
}

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp("```" + language + "\\n([\\s\\S]*?)\\n```", "g"))].map(([, block = ""]) => block);
}

/** The section under a heading, without those below it in rank. */
function sectionOf(text: string, heading: string): string {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && plain(line.replace(/^#+ /, "")) === heading);
  const end = lines.findIndex((line, index) => index > start && /^#+ /.test(line));
  return start < 0 ? "" : lines.slice(start, end < 0 ? undefined : end).join("\n");
}

/** The cells of every table's rows, without the heads. */
function rowsOf(text: string): string[][] {
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  const isRule = (line: string | undefined): boolean => /^\|(?:\s*:?-+:?\s*\|)+$/.test(line ?? "");
  return lines
    .filter((line, index) => !isRule(line) && !isRule(lines[index + 1]))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

function fieldsUnder(heading: string): string[] {
  return rowsOf(sectionOf(protocol, heading))
    .flatMap(([names = ""]) => names.split(", ").map(plain))
    .sort();
}

function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    plain(heading)
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replace(/\s/g, "-"),
  );
}

function plain(cell: string): string {
  return cell.replaceAll("`", "").trim();
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

/** The bytes of a dump: sixteen to a line, and what they read as behind a bar. */
function bytesOf(dump: string): Buffer {
  return Buffer.from(
    dump
      .split("\n")
      .map((line) => line.split("|")[0]?.replace(/\s/g, "") ?? "")
      .join(""),
    "hex",
  );
}

// Reading and writing frames ------------------------------------------------------------------------------------------

function to(correlation: string, shape: AnswerShape = "response"): Address {
  const address = { correlation, format: "json" as const, version: 0, shape, streamId: correlation };
  return address;
}

function decode(bytes: Buffer, dialect: Dialect): Packet {
  const decoder = new FrameDecoder(4096);
  decoder.push(bytes);
  const frame = decoder.next(dialect.headerLength);
  if (frame === undefined || frame.end !== bytes.length) throw new ActonError("PROTOCOL_ERROR", "not exactly one frame");
  return dialect.decode(frame, limits);
}

function decodeActon(kind: number, body: Record<string, unknown>): Packet {
  return decode(frameOf([2, kind, 1], body), acton);
}

function decodeBody(body: Record<string, unknown>): Packet {
  return decode(frameOf([], body), bare);
}

function frameOf(header: readonly number[], body: Record<string, unknown>): Buffer {
  const text = Buffer.from(JSON.stringify(body));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Uint8Array.from(header), text]);
}

/** The body of a frame in JSON, whatever its header. */
function written(write: (out: FrameWriter) => void): Record<string, unknown> {
  const out = new FrameWriter(1024, new BufferPool());
  write(out);
  const frame = Buffer.from(out.view());
  return fields(JSON.parse(frame.toString("utf8", frame.indexOf("{"))));
}

function fields(value: unknown): Record<string, unknown> {
  return value as Record<string, unknown>;
}

function union(...bodies: readonly Record<string, unknown>[]): string[] {
  return [...new Set(bodies.flatMap((body) => Object.keys(body)))].sort();
}
