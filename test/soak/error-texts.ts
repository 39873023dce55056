// S4: every error that can be provoked over the socket and on the command line, and what its text gives away: nothing of the
// code, nothing of the disk, nothing that a terminal obeys, and never more than a line.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ErrorCode, errorKinds } from "../../src/errors.ts";
import { executable, temporaryDirectory } from "../cli/executable.ts";
import { type Fields, fieldsOf, frameOf, jsonFrame, packedFrame, RawClient } from "../support/raw-client.ts";
import { request, streamRequest } from "../support/test-server.ts";
import type { SoakCheck } from "./check.ts";
import { Served } from "./parts/served.ts";

/** What no server says: a client's own word for a connection that is gone, and what keeps a server from starting. */
export const neverOverSocket: readonly ErrorCode[] = [
  "CONNECTION_CLOSED",
  "INVALID_CONFIG",
  "ADDRESS_IN_USE",
  "PATH_REFUSED",
  "NAME_TAKEN",
  "START_FAILED",
];

export interface Told {
  readonly texts: readonly string[];
  /** Codes that came over the socket. */
  readonly codes: readonly string[];
  /** Statuses of commands that failed. */
  readonly statuses: readonly number[];
  readonly leaks: readonly string[];
}

const nasty = ["plain words", "\u001b[31mred\u001b[0m\r\n\u0007bell\u2028", "x".repeat(5000), "\ud800 alone", "__proto__", ""];

/** Whole sessions: bytes in, everything that comes back out. Most of them end the connection. */
function sessions(): readonly (readonly Buffer[])[] {
  const both = (body: object): Buffer[][] => [[jsonFrame(body)], [packedFrame(body)]];
  const requests = [
    ...nasty.flatMap((name) => [request(name, "Echo", 1), request("plain", name, 1), { ...request("plain", "Echo", 1), request_id: name }]),
    ...nasty.flatMap((text) =>
      ["throw", "text", "cause", "fail", "recursion", "unwritable", "late", "silent"].map((how) => request("faulty", "Fail", { how, text })),
    ),
    ...nasty.map((text) => streamRequest("faulty", "FailStream", { text }, { request_id: "s" })),
    ...nasty.map((text) => request("work", "Pause", { ms: text, [text]: 1 })),
    ...nasty.flatMap((name) => [{ message_types: [name] }, { patterns: [name] }, { cancel: name }, { unsubscribe: [name] }, { [name]: name }]),
    request("work", "Echo", 1),
    request("forever", "Hold", 1, { timeout_ms: 1, request_id: "t" }),
    request("plain", "Echo", 1, { timeout_ms: -1 }),
    request("plain", "Echo", 1, { reply_to: "nobody" }),
    { target: 1, message_type: {}, payload: null },
    [],
  ];
  const broken = [
    frameOf("{"),
    frameOf("nonsense"),
    frameOf('{"a":1}trailing'),
    frameOf(Buffer.from([0x7b, 0xff, 0xfe])),
    frameOf(Buffer.from([0x81, 0xa1, 0x61, 0xc1])),
  ];
  const firsts = [
    Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7b]),
    Buffer.from([0, 0, 0, 2, 0x41, 0x42]),
    Buffer.from([0, 0, 0, 2, 9, 1, 1]),
    Buffer.from([0, 0, 0, 2, 5, 1, 1]),
    Buffer.from([0, 0, 0, 1, 2, 250, 1, 0x7b]),
  ];
  const deep = frameOf(`{"a":${"[".repeat(300)}${"]".repeat(300)}}`);
  return [...requests.flatMap((body) => both(body)), ...[...broken, ...firsts, deep].map((bytes) => [bytes])];
}

/** What has been said, wherever. */
class Texts {
  readonly all: string[] = [];
  readonly codes = new Set<string>();

  hear(bytes: Buffer): void {
    for (const answer of answersIn(bytes)) {
      for (const text of [answer["error"], answer["message"]]) if (typeof text === "string") this.all.push(text);
      if (typeof answer["error_code"] === "string") this.codes.add(answer["error_code"]);
    }
  }

  /** Sends it, and hears everything that comes back until the server has nothing more to say. */
  async of(socket: string, session: readonly Buffer[]): Promise<void> {
    await using client = await RawClient.connect(socket, { uncut: true });
    for (const bytes of session) client.write(bytes);
    client.shutWrite();
    await client.until(() => client.ended);
    this.hear(client.bytes);
  }
}

const quietly = { LOG_LEVEL: "off", CONNECTION_TIMEOUT_MS: 60_000 };
const hold = (id: string): Buffer => jsonFrame(request("forever", "Hold", 1, { request_id: id, timeout_ms: 60_000 }));
const echo = jsonFrame(request("plain", "Echo", 1, { request_id: "e" }));

export async function provoked(): Promise<Told> {
  const texts = new Texts();
  const statuses = new Set<number>();
  using directory = temporaryDirectory();
  await using server = await Served.start({ config: { ...quietly, STREAMS_MAX: 1 } });
  for (const session of sessions()) await texts.of(server.socket, session);
  const drip = (id: string): Buffer => jsonFrame(streamRequest("forever", "Drip", 1, { request_id: id, timeout_ms: 10 }));
  await texts.of(server.socket, [drip("a"), drip("b")]);
  await texts.of(server.socket, [hold("c"), jsonFrame({ cancel: "c" })]);
  await texts.of(server.socket, [jsonFrame(request("roundabout", "Round", { socket: server.socket }))]);
  for (const { text, status } of await commandTexts(server.socket, directory.path)) {
    texts.all.push(text);
    statuses.add(status);
  }
  if (!server.isAlive) throw new Error("the server has ended");
  await refusals(texts, directory.path);
  await lastWords(texts);
  const leaks = texts.all.flatMap((text) => leaksOf(text));
  return { texts: texts.all, codes: [...texts.codes].sort(), statuses: [...statuses].sort((a, b) => a - b), leaks };
}

/** Of servers that let few in, take little, and forbid. */
async function refusals(texts: Texts, directory: string): Promise<void> {
  const config = join(directory, "acton.toml");
  writeFileSync(config, '[policy]\ndefault = "allow"\n[[policy.rules]]\ndeny = ["request", "discover", "stats", "subscribe"]\n');
  await using narrow = await Served.start({ config: { ...quietly, MAX_CONNECTIONS: 1, RATE_LIMIT_REQUESTS_PER_SECOND: 1 } });
  await using strict = await Served.start({ config: quietly, words: ["--config", config] });
  await using closed = await Served.start({ config: { ...quietly, POLICY_DEFAULT: "deny" } });
  const denied = [echo, jsonFrame({ discover: true }), jsonFrame({ stats: true }), jsonFrame({ message_types: ["News"], request_id: "s" })];
  await texts.of(strict.socket, denied);
  await texts.of(closed.socket, [echo]);
  await texts.of(narrow.socket, [echo, echo, echo]);
  await using first = await narrow.connect();
  await first.ask({ ping: true });
  await texts.of(narrow.socket, [echo]);
}

/** Of a server that is told to stop, and has a request that nobody will answer. */
async function lastWords(texts: Texts): Promise<void> {
  await using server = await Served.start({ config: { ...quietly, DRAIN_TIMEOUT_MS: 500 } });
  await using client = await RawClient.connect(server.socket, { uncut: true });
  client.write(hold("h"));
  client.write(jsonFrame({ ping: true, request_id: "p" }));
  await client.until(() => client.received > 0);
  const stopped = server.stop();
  while (!client.ended) {
    client.write(echo);
    await Bun.sleep(20);
  }
  texts.hear(client.bytes);
  await stopped;
}

// Frames of either dialect: that of acton has three more bytes of header.
function answersIn(bytes: Buffer): readonly Fields[] {
  const answers: Fields[] = [];
  for (let at = 0; at + 4 < bytes.length;) {
    const header = (bytes[at + 4] ?? 0) <= 2 ? 7 : 4;
    const end = at + header + bytes.readUInt32BE(at);
    answers.push(fieldsOf(bytes.subarray(at + header, end)));
    at = end;
  }
  return answers;
}

async function commandTexts(socket: string, cwd: string): Promise<readonly { readonly text: string; readonly status: number }[]> {
  const to = ["--socket", socket];
  const commands = [
    ...nasty.slice(0, 3).flatMap((name) => [
      ["call", name, "Echo", "1", ...to],
      ["call", "plain", name, "1", ...to],
      ["call", "faulty", "Fail", JSON.stringify({ how: "throw", text: name }), ...to],
      ["stream", "faulty", "FailStream", JSON.stringify({ text: name }), ...to],
      ["subscribe", name, ...to, "--count", "1"],
      ["call", "plain", "Echo", `{${name}`, ...to],
    ]),
    ["call", "plain", "Echo", "1", "--socket", "nowhere.sock"],
    ["call", "forever", "Hold", "1", ...to, "--timeout", "10"],
    ["nonsense"],
    ["serve", ...to],
    ["serve", "nothing.ts"],
    ["serve", "taken.ts", "--socket", join(cwd, "s.sock")],
    ["serve", "failing.ts", "--socket", join(cwd, "s.sock")],
    ["serve", "--socket", join(cwd, "taken.ts")],
    ["serve", "--config", "wrong.toml"],
  ];
  const module = (agents: string): string => `import { agent, app } from "acton";\nexport default app({ name: "none", agents: [${agents}] });\n`;
  writeFileSync(join(cwd, "taken.ts"), module('agent("a", () => ({})), agent("a", () => ({}))'));
  writeFileSync(join(cwd, "failing.ts"), module(`agent("a", () => { throw new Error(${JSON.stringify(nasty[1])}); })`));
  writeFileSync(join(cwd, "wrong.toml"), "max_connections = 0\n");
  const told: { readonly text: string; readonly status: number }[] = [];
  for (const words of commands) {
    const child = Bun.spawn([executable, ...words], { cwd, env: { PATH: "/usr/bin:/bin" }, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    const all = await new Response(child.stderr).text();
    const given = [...words, socket, cwd];
    // What the user has typed themselves, paths among it, may be said back to them.
    for (const line of all.split("\n").filter((text) => text !== "")) {
      told.push({
        text: given.filter((word) => word.startsWith("/")).reduce((text, word) => text.replaceAll(word, "…"), line),
        status: await child.exited,
      });
    }
  }
  return told;
}

const signs: Readonly<Record<string, RegExp>> = {
  "stack frame": /^\s*at \S+ \(|\bat (?:async )?\w+ \(?[^)\s]*:\d+:\d+|\.ts:\d+/,
  path: /(?:^|[\s("'`])\/(?:\$bunfs|root|home|tmp|usr|etc|work|proc|var|opt)\b|node_modules/,
  "control byte": /[\p{Cc}\p{Cs}\u2028\u2029]/u,
};

function leaksOf(text: string): readonly string[] {
  const found = Object.entries(signs).flatMap(([what, sign]) => (sign.test(text) ? [`${what}: ${JSON.stringify(text.slice(0, 300))}`] : []));
  // The variant's name stands before the text.
  const detail = text.replace(/^(?:acton: )?\w+: /, "");
  return detail.length > 200 ? [...found, `${detail.length} characters: ${JSON.stringify(text.slice(0, 300))}`] : found;
}

/** Codes that could come over the socket, and have not. */
export function unprovoked({ codes }: Told): readonly string[] {
  return Object.keys(errorKinds).filter((code) => !codes.includes(code) && !neverOverSocket.includes(code as ErrorCode));
}

export const checks: readonly SoakCheck[] = [
  {
    id: "S4",
    title: "Error texts: every error that can be provoked over the socket, in both formats, and on the command line",
    pass: "0 stack frames, 0 file paths, 0 control bytes, ≤ 200 characters",
    async run() {
      const seen = await provoked();
      for (const leak of seen.leaks.slice(0, 20)) console.error(leak);
      const missing = unprovoked(seen);
      const figure = `${seen.texts.length} texts under ${seen.codes.length} codes over the socket, all but the ${neverOverSocket.length} that no server says, and ${seen.statuses.length} exit statuses: ${seen.leaks.length} that give something away`;
      return {
        figure: [figure, ...missing.map((code) => `${code} not provoked`)].join("; "),
        passed: seen.leaks.length === 0 && missing.length === 0,
      };
    },
  },
];
