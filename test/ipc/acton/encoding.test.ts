// Every recorded server frame, written by the method that stands for it. Where wire-protocol.md deliberately differs
// from what acton-reactive sends, the difference is listed below with the sentence that orders it.

import { expect, test } from "bun:test";
import type { Failure } from "../../../src/errors.ts";
import { acton } from "../../../src/ipc/wire/acton.ts";
import { BufferPool } from "../../../src/ipc/wire/buffer-pool.ts";
import { FrameWriter } from "../../../src/ipc/wire/frame-writer.ts";
import type { Address, AnswerShape } from "../../../src/ipc/wire/packet.ts";
import type { Fields } from "../../support/raw-client.ts";
import { type ActonFrame, cutFrame, type RecordedFrame, recordedFrames } from "./recorded.ts";

/** Never sent by any server, so there is nothing that could write it: "`ConnectionClosed` … never sent". */
const neverSent = /\/error\/connection-closed$/;
const serverFrames = (await recordedFrames()).filter(({ direction, name }) => direction === "server" && !neverSent.test(name));

interface Difference {
  readonly names: RegExp;
  /** The sentence of wire-protocol.md. */
  readonly because: string;
  readonly change: (expected: Expected) => Expected;
}

interface Expected {
  readonly version: number;
  readonly kind: number;
  readonly body: Fields;
}

const differences: readonly Difference[] = [
  {
    names: /\/response\/no-payload$/,
    because: "`payload` on every success (null included)",
    change: (frame) => ({ ...frame, body: { ...frame.body, payload: null } }),
  },
  {
    names: /\/error\/timeout$/,
    because: "Acton texts are acton's own: … `Request timed out after 100 ms waiting for response`",
    change: (frame) => ({ ...frame, body: { ...frame.body, error: "Request timed out after 100 ms waiting for response" } }),
  },
  {
    names: /rate-limited/,
    because: "`retry_after_ms` in every dialect",
    change: (frame) =>
      frame.body["success"] === true ? frame : { ...frame, body: { ...frame.body, retry_after_ms: expect.any(Number) as unknown } },
  },
  {
    names: /\/(pattern-subscription\/rate-limited|rate-limited\/server\/(un)?subscribe-patterns\/response)$/,
    because: "A refusal has the shape of the answer it replaces (acton: `error` begins with the code …)",
    change: (frame) => ({ ...frame, body: { ...frame.body, error: "RATE_LIMITED: Rate limit exceeded, retry after 10ms" } }),
  },
  {
    names:
      /\/(subscription\/error|discovery\/error|bad-body\/server\/(un)?(subscribe|discover|subscribe-patterns)\/no-(types|patterns|correlation)\/reply)$/,
    because: "A refusal has the shape of the answer it replaces (acton: `error` begins with the code …)",
    change: (frame) => ({ ...frame, body: { ...frame.body, error: String(frame.body["error"]).replace("Parse error: ", "SERIALIZATION_ERROR: ") } }),
  },
  {
    names: /\/bad-body\/server\/request\//,
    because: "Acton texts are acton's own: … `Serialization error: …`",
    change: (frame) => ({ ...frame, body: { ...frame.body, error: String(frame.body["error"]).replace("Failed to parse envelope: ", "") } }),
  },
  {
    names: /\/stream\/error$|\/nobody\.ListRequest\.stream\//,
    because: "the codes being those of responses (… `STREAM_ERROR` with `Actor not found` is `AgentNotFound`)",
    change: (frame) => ({ ...frame, body: { ...frame.body, error_code: "ACTOR_NOT_FOUND" } }),
  },
  {
    names: /\/list_service\.Nope\.stream\//,
    because: "the codes being those of responses",
    change: (frame) => ({ ...frame, body: { ...frame.body, error_code: "UNKNOWN_MESSAGE_TYPE" } }),
  },
  {
    names: /\/busy\/server\/request\/busy\.Slow\.stream\//,
    because: "the codes being those of responses; acton texts … `Target actor inbox is full`",
    change: (frame) =>
      frame.body["error"] === "Actor inbox is full"
        ? { ...frame, body: { ...frame.body, error: "Target actor inbox is full", error_code: "TARGET_BUSY" } }
        : frame,
  },
  {
    names: /\/stopped\/server\/request\/stream\/frame$/,
    because: "the codes being those of responses (`AgentStopped`: acton `IO_ERROR`)",
    change: (frame) => ({ ...frame, body: { ...frame.body, error_code: "IO_ERROR" } }),
  },
  {
    names: /(rate-limited|drain)\/server\/request\/(list_service\.ListRequest\.)?stream\/(error|reply)$/,
    because: "A stream to an unknown agent, of an unknown type, refused or failed midway is one final frame with `error` and `error_code`",
    change: ({ version, body }) => {
      const { success: _success, ...rest } = body;
      return { version, kind: 0x09, body: { ...rest, sequence: 0, is_final: true } };
    },
  },
  {
    names: /\.NoHandler\.unary\/error$/,
    because: "`Unhandled` | `UNHANDLED` | the agent has no handler for the type",
    change: (frame) => ({ ...frame, body: { ...frame.body, error: "Unhandled: NoHandler", error_code: "UNHANDLED" } }),
  },
  {
    names: /\.Boom\.unary\/error$/,
    because: "`HandlerFailed` | … (acton: `IO_ERROR`, text `I/O error: HandlerFailed: …`)",
    change: (frame) => ({ ...frame, body: { ...frame.body, error: "I/O error: HandlerFailed: boom" } }),
  },
  {
    names: /\/__unsubscribe__\./,
    because: "A message to `__unsubscribe__` is acton's client leaving: answered, and no error in the statistics",
    change: ({ version, body }) => ({
      version,
      kind: 0x02,
      body: { correlation_id: body["correlation_id"], success: true, payload: { status: "delivered" } },
    }),
  },
  {
    names: /^live\/v1\/server\/request\/(?!stream)|^live\/v1\/server\/heartbeat/,
    because: "each reply uses the version and format of the frame it answers",
    change: (frame) => ({ ...frame, version: 1 }),
  },
  {
    names: /\/push\//,
    because: "push | … `payload`, `timestamp_ms`, `seq`, `dropped?`",
    change: (frame) => ({ ...frame, body: { ...frame.body, notification_id: expect.stringMatching(/^push_[0-9a-z]+$/) as unknown, seq: 7 } }),
  },
  {
    names: /\/discovery\/no-version$/,
    because: "discovery answer | … `protocol_version` `{current: 2, min_supported: 1, max_supported: 2, description, capabilities}`",
    change: (frame) => ({ ...frame, body: { ...frame.body, protocol_version: recordedVersion } }),
  },
  {
    names: /\/discovery\/(both|actors-only|message-types-only|neither|no-version)$|\/server\/discover\/(response|reply|neither)$/,
    because: "discovery answer | `product` `{name, version}`, `application` `{name, version}`, … `schemas` last; one ASCII key per extension",
    change: (frame) => {
      if (frame.body["success"] !== true) return frame;
      const version = frame.body["protocol_version"] as { readonly capabilities: Fields };
      const capabilities = {
        ...version.capabilities,
        cancel: true,
        credit: true,
        trace: true,
        reply_to: true,
        patterns: true,
        watch: true,
        ask_chain: true,
      };
      return { ...frame, body: { ...frame.body, ...releases, schemas, protocol_version: { ...version, capabilities } } };
    },
  },
];

const recordedVersion: Fields = {
  current: 2,
  min_supported: 1,
  max_supported: 2,
  description: "v2 (multi-format, streaming, push, discovery)",
  capabilities: { messagepack: true, streaming: true, push: true, discovery: true },
};
const releases = { product: { name: "acton", version: "1.2.3" }, application: { name: "app", version: "4.5.6" } };
const schemas = { AddRequest: { kind: "request", schema: { type: "object" }, replies: "AddResult", example: {} } };

function expectedOf(frame: RecordedFrame): Expected {
  const recorded: Expected = { version: frame.version, kind: frame.kind, body: frame.body as Fields };
  return differences.filter(({ names }) => names.test(frame.name)).reduce((expected, { change }) => change(expected), recorded);
}

/** The failure that a text of acton's stands for. */
const failures: ReadonlyArray<readonly [text: RegExp, failure: (found: string) => Failure]> = [
  [/^Unknown message type: (.*)$/, (subject) => ({ code: "UNKNOWN_MESSAGE_TYPE", message: "m", subject })],
  [/^Actor not found: (.*)$/, (subject) => ({ code: "ACTOR_NOT_FOUND", message: "m", subject })],
  [/Serialization error: (.*)$/, (message) => ({ code: "SERIALIZATION_ERROR", message })],
  [/^(?:Target actor|Actor) inbox is full$/, () => ({ code: "TARGET_BUSY", message: "m" })],
  [/^Protocol error: (.*)$/, (message) => ({ code: "PROTOCOL_ERROR", message })],
  [/^I\/O error: Recipient channel is closed$/, () => ({ code: "AGENT_STOPPED", message: "m" })],
  [/^I\/O error: Response channel closed/, () => ({ code: "NO_REPLY", message: "m" })],
  [/timed out after (\d+) ms/, (ms) => ({ code: "TIMEOUT", message: "m", afterMs: Number(ms) })],
  [/^Request timeout$/, () => ({ code: "TIMEOUT", message: "m", afterMs: 100 })],
  [/^Rate limit exceeded, retry after (\d+)ms$/, (ms) => ({ code: "RATE_LIMITED", message: "m", retryAfterMs: Number(ms) })],
  [/rate limit exceeded$/, () => ({ code: "RATE_LIMITED", message: "m", retryAfterMs: 10 })],
  [/^Server is shutting down$/, () => ({ code: "SHUTTING_DOWN", message: "m" })],
  [
    /connection limit reached \((\d+) /,
    (limit) => ({ code: "CONNECTION_LIMIT_REACHED", message: "m", subject: limit, details: { limit: Number(limit) } }),
  ],
  [/^Unsupported protocol version (0x\w+), /, (subject) => ({ code: "UNSUPPORTED_PROTOCOL_VERSION", message: "m", subject })],
  [/^pattern (?:must|exceeds|limit).*$/, (): Failure => ({ code: "PROTOCOL_ERROR", message: "m" })],
  [/^(?:ACCESS_DENIED: )?(Capability missing|Unrecognized peer|Connection admission timed out)$/, (message) => ({ code: "ACCESS_DENIED", message })],
];

function failureOf({ name, body }: RecordedFrame): Failure {
  const text = String((body as Fields)["error"]);
  if (name.endsWith(".NoHandler.unary/error")) return { code: "UNHANDLED", message: "NoHandler" };
  if (name.endsWith(".Boom.unary/error")) return { code: "HANDLER_FAILED", message: "boom" };
  for (const [pattern, failure] of failures) {
    const found = pattern.exec(text);
    if (found === null) continue;
    const made = failure(found[1] ?? "");
    // In responses the limit is not spelled out beside the text; what is wrong with a pattern is its subject.
    if (made.code === "CONNECTION_LIMIT_REACHED" && (body as Fields)["payload"] === undefined)
      return { code: made.code, message: "m", subject: made.subject ?? "" };
    return text.startsWith("pattern ") ? { ...made, subject: text } : made;
  }
  throw new Error(`no failure reads "${text}"`);
}

function addressOf(frame: RecordedFrame, version: number, shape: AnswerShape): Address {
  const correlation = (frame.body as { readonly correlation_id?: string } | null)?.correlation_id;
  const echoed = correlation === undefined || correlation === "unknown" ? null : correlation;
  return { correlation: echoed, format: frame.format, version, shape, streamId: echoed };
}

const isDiscovery = /\/(discovery|discover)\//;
const rejected = "__acton_connection_rejected__";

/** Calls the one writing method that this frame comes of. */
function write(out: FrameWriter, frame: RecordedFrame): void {
  const version = expectedOf(frame).version;
  const body = (frame.body ?? {}) as Fields;
  const to = (shape: AnswerShape): Address => addressOf(frame, version, shape);
  if (frame.kind === 0x04) return acton.heartbeat(out, to("response"), frame.bytes.subarray(frame.version === 1 ? 6 : 7));
  if (frame.kind === 0x05) return acton.push(out, frame.format, pushOf(body));
  if (body["correlation_id"] === rejected) return acton.connectionFailure(out, failureOf(frame), "msgpack");
  if (/\/__unsubscribe__\./.test(frame.name)) return acton.reply(out, to("response"), { status: "delivered" });
  if (frame.kind === 0x09 || /stream\/(error|reply)$/.test(frame.name)) return writeStreamFrame(out, frame, body, to("stream"));
  const shape: AnswerShape =
    "subscribed_types" in body
      ? "subscription"
      : "subscribed_patterns" in body
        ? "patterns"
        : isDiscovery.test(frame.name)
          ? "discovery"
          : "response";
  if (body["success"] === false) return acton.failure(out, to(shape), failureOf(frame), 0);
  switch (shape) {
    case "subscription":
      return acton.subscribed(out, to(shape), { types: body["subscribed_types"] as string[], rejected: [], patterns: ["Unasked*"] });
    case "patterns":
      return acton.subscribed(out, to(shape), { types: ["Unasked"], rejected: [], patterns: body["subscribed_patterns"] as string[] });
    case "discovery":
      return acton.discovery(out, to(shape), {
        ...releases,
        schemas,
        actors: (body["actors"] as Array<{ name: string; ern: string }> | undefined)?.map((actor) => ({ ...actor, handles: ["AddRequest"] })),
        messageTypes: body["message_types"] as string[] | undefined,
      });
    default:
      return acton.reply(out, to(shape), body["payload"] ?? null);
  }
}

function writeStreamFrame(out: FrameWriter, frame: RecordedFrame, body: Fields, to: Address): void {
  const sequence = Number(body["sequence"] ?? 0);
  if ("error" in body) return acton.failure(out, to, failureOf(frame), sequence);
  if (body["is_final"] === true) return acton.streamEnd(out, to, sequence, body["payload"] ?? null);
  acton.item(out, to, sequence, body["payload"]);
}

function pushOf(body: Fields): Parameters<typeof acton.push>[2] {
  const value = body["payload"];
  const source = body["source_actor"] as string | undefined;
  const payload = { value, json: () => JSON.stringify(value) };
  return { number: 1, messageType: String(body["message_type"]), payload, timestamp: Number(body["timestamp_ms"]), source, seq: 7, dropped: 0 };
}

function written(frame: RecordedFrame): ActonFrame {
  const out = new FrameWriter(2 ** 20, new BufferPool());
  write(out, frame);
  const bytes = Buffer.from(out.view());
  const cut = cutFrame(bytes);
  if (cut === undefined) throw new Error("no whole frame was written");
  expect(cut.end).toBe(bytes.length);
  return cut.frame;
}

test.each(serverFrames)("$name is written as it was recorded, but for the listed differences", (frame) => {
  const { version, kind, format, fields, raw } = written(frame);
  const expected = expectedOf(frame);
  expect({ version, kind, format }).toEqual({ version: expected.version, kind: expected.kind, format: frame.format });
  if (frame.kind === 0x04) expect(raw).toEqual(Buffer.from(frame.bytes.subarray(frame.version === 1 ? 6 : 7)));
  else expect(fields).toEqual(expected.body);
});

test("each listed difference applies to a recorded frame", () => {
  for (const { names } of differences) expect(serverFrames.some(({ name }) => names.test(name))).toBe(true);
});

test("two thirds of the recorded server frames outside discovery and pushes are written without any difference", () => {
  const compared = serverFrames.filter(({ name, kind }) => kind !== 0x05 && !isDiscovery.test(name));
  const same = compared.filter(({ name }) => !differences.some(({ names }) => names.test(name)));
  expect(same.length).toBeGreaterThan((2 / 3) * compared.length);
});

test("schemas come last in a discovery answer, for readers that stop at what they know", () => {
  const frame = serverFrames.find(({ name }) => name === "made/json/server/discovery/both");
  if (frame === undefined) throw new Error("the frame is missing");
  expect(Object.keys(written(frame).fields).at(-1)).toBe("schemas");
});

test("whole numbers of sequence and time leave as MessagePack integers, whatever their size", () => {
  const integers = serverFrames.filter(({ format, kind }) => format === "msgpack" && (kind === 0x05 || kind === 0x09));
  expect(integers.length).toBeGreaterThan(20);
  // 0xca and 0xcb right after the key would be a float.
  for (const frame of integers) expect(written(frame).raw.toString("latin1")).not.toMatch(/(?:sequence|timestamp_ms|seq)[\xca\xcb]/);
});
