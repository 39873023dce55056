// S4: every error that can be provoked over the socket and on the command line, and what its text gives away: nothing of the
// code, nothing of the disk, nothing that a terminal obeys, and never more than a line.

import { executable, temporaryDirectory } from "../cli/executable.ts";
import { type Fields, fieldsOf, frameOf, jsonFrame, packedFrame, RawClient } from "../support/raw-client.ts";
import { request, streamRequest } from "../support/test-server.ts";
import type { SoakCheck } from "./check.ts";
import { Served } from "./parts/served.ts";

export interface Told {
  readonly texts: readonly string[];
  /** Codes and exit statuses that were met. */
  readonly codes: readonly string[];
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
    Buffer.from([0, 0, 0, 1, 2, 250, 1, 0x7b]),
  ];
  const deep = frameOf(`{"a":${"[".repeat(300)}${"]".repeat(300)}}`);
  return [...requests.flatMap((body) => both(body)), ...[...broken, ...firsts, deep].map((bytes) => [bytes])];
}

export async function provoked(): Promise<Told> {
  await using server = await Served.start({ config: { LOG_LEVEL: "off", CONNECTION_TIMEOUT_MS: 60_000 } });
  const texts: string[] = [];
  const codes = new Set<string>();
  for (const session of sessions()) {
    await using client = await RawClient.connect(server.socket, { uncut: true });
    for (const bytes of session) client.write(bytes);
    client.shutWrite();
    await client.until(() => client.ended);
    for (const answer of answersIn(client.bytes)) {
      for (const text of [answer["error"], answer["message"]]) if (typeof text === "string") texts.push(text);
      if (typeof answer["error_code"] === "string") codes.add(answer["error_code"]);
    }
  }
  using directory = temporaryDirectory();
  for (const { text, status } of await commandTexts(server.socket, directory.path)) {
    texts.push(text);
    codes.add(`exit ${status}`);
  }
  if (!server.isAlive) throw new Error("the server has ended");
  return { texts, codes: [...codes].sort(), leaks: texts.flatMap((text) => leaksOf(text)) };
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
    ["call", "forever", "Hold", "1", ...to, "--timeout", "10ms"],
    ["nonsense"],
    ["serve", ...to],
    ["serve", "nothing.ts"],
  ];
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

export const checks: readonly SoakCheck[] = [
  {
    id: "S4",
    title: "Error texts: every error that can be provoked over the socket, in both formats, and on the command line",
    pass: "0 stack frames, 0 file paths, 0 control bytes, ≤ 200 characters",
    async run() {
      const seen = await provoked();
      for (const leak of seen.leaks.slice(0, 20)) console.error(leak);
      const figure = `${seen.texts.length} texts under ${seen.codes.length} codes and exit statuses: ${seen.leaks.length} that give something away`;
      return { figure, passed: seen.leaks.length === 0 && seen.texts.length > 100 };
    },
  },
];
