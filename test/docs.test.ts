// The documents say what is so: frames are decoded and written again, tables are compared with the code's own, both ways.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ActonApp, ManualClock } from "acton";
import { exitCodes } from "../src/cli/exit-codes.ts";
import { keyEntries } from "../src/config-keys.ts";
import { ActonError, errorKinds, type Failure } from "../src/errors.ts";
import { wireStats } from "../src/ipc/server/listener-stats.ts";
import { bare } from "../src/ipc/wire/bare.ts";
import { BufferPool } from "../src/ipc/wire/buffer-pool.ts";
import { FrameDecoder } from "../src/ipc/wire/frame-decoder.ts";
import { FrameWriter } from "../src/ipc/wire/frame-writer.ts";
import type { Address, AnswerShape, Packet } from "../src/ipc/wire/packet.ts";
import { silentLog } from "../src/log.ts";
import { run, temporaryDirectory } from "./cli/executable.ts";
import { eventually } from "./support/conditions.ts";
import { RawClient } from "./support/raw-client.ts";

const root = join(import.meta.dir, "..");
const protocol = document("docs/protocol.md");
const configuration = document("docs/configuration.md");
const commandLine = document("docs/command-line.md");
const limits = { depth: 127, tokens: 100_000 };

describe("the frames of docs/protocol.md", () => {
  const fenced = [...protocol.matchAll(/```json\n([^`]*)\n```\n(?:(?!```json)[\s\S])*?(?=```json|\n## |\n### |$)/g)];
  const dumps = new Map([...protocol.matchAll(/```hex (\S+)\n([^`]*)\n```/g)].map(([, name = "", dump = ""]) => [name, bytesOf(dump)]));
  const bodies = new Map(
    fenced.flatMap(([section, json = ""]) =>
      [...section.matchAll(/```hex (\S+)/g)].map(([, name = ""]) => [name, fields(JSON.parse(json))] as const),
    ),
  );

  /** What a client sends, and the packet that the server reads from it. */
  const sent: Readonly<Record<string, Partial<Record<string, unknown>>>> = {
    request: {
      kind: "request",
      correlation: "1",
      target: "calculator",
      messageType: "AddRequest",
      payload: { a: 5, b: 3 },
      expectsReply: true,
      format: "json",
    },
    "request-msgpack": { kind: "request", correlation: "1", target: "calculator", payload: { a: 5, b: 3 }, expectsReply: true, format: "msgpack" },
    cancel: { kind: "cancel", correlation: "2" },
    credit: { kind: "credit", correlation: "2", credit: 16 },
    subscribe: { kind: "subscribe", correlation: "3", types: ["PriceUpdate"], patterns: ["Trade*"] },
    unsubscribe: { kind: "unsubscribe", correlation: "4", types: [], patterns: undefined },
    discover: { kind: "discover", correlation: "5" },
    stats: { kind: "stats", correlation: "6" },
    ping: { kind: "ping", correlation: "7" },
    "keep-alive": { kind: "silent" },
  };

  const price = { symbol: "ACME", price: 99.5 };
  const push = {
    messageType: "PriceUpdate",
    payload: { value: price, json: () => JSON.stringify(price) },
    timestamp: 1767225600000,
    source: "price_feed",
    seq: 0,
    dropped: 0,
    number: 0,
  };
  const releases = { product: { name: "acton", version: "0.1.0" }, application: { name: "demo", version: "1.0.0" } };

  /** What the server sends, and how it writes it. */
  const received: Readonly<Record<string, (out: FrameWriter) => void>> = {
    response: (out) => bare.reply(out, to("1"), { sum: 8 }),
    failure: (out) => bare.failure(out, to("1"), { code: "ACTOR_NOT_FOUND", message: "calculater" }, 0),
    "stream-item": (out) => bare.item(out, to("2", "stream"), 0, { id: 0, name: "item-0" }),
    "stream-end": (out) => bare.streamEnd(out, to("2", "stream"), 1, null),
    push: (out) => bare.push(out, "json", push),
    subscribed: (out) => bare.subscribed(out, to("3", "subscription"), { types: ["PriceUpdate"], rejected: [], patterns: ["Trade*"] }),
    discovery: (out) => bare.discovery(out, to("5"), { ...releases, actors: [], messageTypes: [], schemas: {} }),
  };

  test("are these", () => {
    expect([...dumps.keys()].sort()).toEqual([...Object.keys(sent), ...Object.keys(received), "refusal"].sort());
  });

  for (const [name, packet] of Object.entries(sent)) {
    test(`${name} is read as it is described`, () => {
      const decoded = decode(bytesIn(name));
      expect(Object.fromEntries(Object.entries(decoded).filter(([key]) => key in packet))).toEqual(packet);
      const body = bytesIn(name).subarray(4);
      if (body[0] === 0x7b) expect(JSON.parse(body.toString())).toEqual(bodies.get(name));
    });
  }

  for (const [name, write] of Object.entries(received)) {
    test(`${name} is written as it is described`, () => {
      const out = new FrameWriter(1024, new BufferPool());
      write(out);
      expect(bytesIn(name).toString("hex")).toBe(Buffer.from(out.view()).toString("hex"));
      expect(JSON.parse(bytesIn(name).toString("utf8", bytesIn(name).indexOf("{")))).toEqual(bodies.get(name));
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
});

describe("the fields of docs/protocol.md", () => {
  const failure: Failure = { code: "RATE_LIMITED", message: "retry", retryAfterMs: 1, details: {} };
  const push = { messageType: "T", payload: { value: 1, json: () => "1" }, timestamp: 1, source: "a", seq: 1, dropped: 1, number: 1 };
  const release = { name: "a", version: "1" };

  test("of each answer are those that are written", () => {
    const reply = written((out) => bare.reply(out, to("1"), 1));
    const item = written((out) => bare.item(out, to("1", "stream"), 0, 1));
    const held = written((out) => bare.subscribed(out, to("1", "subscription"), { types: [], rejected: [], patterns: [] }));
    expect(fieldsUnder("Response")).toEqual(union(reply, failed("response")));
    expect(fieldsUnder("Stream frame")).toEqual(union(item, failed("stream")));
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
        },
      },
      Cancel: { valid: { cancel: "1" }, wrong: { cancel: 1 } },
      Credit: { valid: { credit: 1, stream_id: "1" }, wrong: { credit: -1, stream_id: 1 } },
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

  test("of the figures are those that the listener counts", async () => {
    using directory = temporaryDirectory();
    await using runtime = ActonApp.launch({ log: silentLog });
    const listener = await runtime.startIpcListener({ socketPath: join(directory.path, "acton.sock") });
    expect(fieldsUnder("Figures")).toEqual(Object.keys(wireStats(listener.stats())).sort());
  });

  function failed(shape: AnswerShape): Record<string, unknown> {
    return written((out) => bare.failure(out, to("1", shape), failure, 0));
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

  test("of docs/command-line.md are the command line's exit statuses", () => {
    const documented = rowsOf(sectionOf(commandLine, "Exit status")).map(([status]) => Number(status));
    expect(documented).toEqual(Object.values(exitCodes));
  });
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
        (key.min === undefined ? "an absolute path" : `${grouped(key.min)} … ${grouped(key.max ?? 0)}`);
      const value = typeof key.default === "number" ? grouped(key.default) : `\`${key.default}\``;
      const unit = key.choices === undefined && key.unit !== "path" ? key.unit : "";
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

describe("docs/command-line.md", () => {
  for (const command of ["serve", "call", "version"]) {
    test(`has the options of 'acton ${command}'`, async () => {
      const { stdout } = await run([command, "--help"]);
      const known = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option ?? "");
      const sections = ["Everywhere", ...(command === "version" ? [] : ["Which socket"]), `acton ${command}`];
      const documented = sections
        .flatMap((heading) => rowsOf(sectionOf(commandLine, heading)).map(([option = ""]) => option))
        .flatMap((option) => /--[a-z-]+/.exec(option)?.[0] ?? []);
      expect(documented.sort()).toEqual(known.sort());
    });
  }
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

function decode(bytes: Buffer): Packet {
  const decoder = new FrameDecoder(1024);
  decoder.push(bytes);
  const frame = decoder.next(bare.headerLength);
  if (frame === undefined || frame.end !== bytes.length) throw new ActonError("PROTOCOL_ERROR", "not exactly one frame");
  return bare.decode(frame, limits);
}

function decodeBody(body: Record<string, unknown>): Packet {
  const bytes = Buffer.from(JSON.stringify(body));
  return bare.decode({ bytes, header: 0, start: 0, end: bytes.length }, limits);
}

function written(write: (out: FrameWriter) => void): Record<string, unknown> {
  const out = new FrameWriter(1024, new BufferPool());
  write(out);
  return fields(JSON.parse(Buffer.from(out.view()).toString("utf8", 4)));
}

function fields(value: unknown): Record<string, unknown> {
  return value as Record<string, unknown>;
}

function union(...bodies: readonly Record<string, unknown>[]): string[] {
  return [...new Set(bodies.flatMap((body) => Object.keys(body)))].sort();
}
