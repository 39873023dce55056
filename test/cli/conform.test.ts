import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { casesOf } from "../../src/cli/conform/case.ts";
import { reportText } from "../../src/cli/conform/report.ts";
import { groups } from "../../src/cli/conform/suite.ts";
import { paletteFor } from "../../src/cli/palette.ts";
import { run, serve, temporaryDirectory } from "./executable.ts";
import { type Defect, type Fields, serveWith } from "./wrong-server.ts";

const directory = temporaryDirectory();
afterAll(() => directory[Symbol.dispose]());
const at = (name: string): string => join(directory.path, name);

interface Report {
  readonly socket: string;
  readonly server: string | null;
  readonly has: readonly string[];
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly cases: readonly {
    readonly group: string;
    readonly name: string;
    readonly verdict: string;
    readonly reason?: string;
    readonly failure?: { readonly expected: string; readonly came: string; readonly sent: string | null; readonly received: string | null };
  }[];
}

async function tried(...words: readonly string[]): Promise<{ readonly exitCode: number; readonly report: Report; readonly stderr: string }> {
  const { exitCode, stdout, stderr } = await run(["conform", ...words]);
  return { exitCode, stderr, report: (stdout === "" ? undefined : JSON.parse(stdout)) as Report };
}

const failures = ({ cases }: Report): string[] => cases.filter(({ verdict }) => verdict === "failed").map(({ group, name }) => `${group}: ${name}`);

const all = groups.flatMap(casesOf);

test("the server of acton serve passes every case", async () => {
  await using server = await serve(at("ours.sock"));
  const { exitCode, report, stderr } = await tried(server.socket, "--timeout", "30000");
  const bad = report.cases.filter(({ verdict }) => verdict !== "passed");
  expect({ exitCode, bad, stderr }).toEqual({ exitCode: 0, bad: [], stderr: "" });
  expect([report.passed, report.failed, report.skipped, report.socket]).toEqual([all.length, 0, 0, server.socket]);
}, 120_000);

test("every case has a name of its own and a section of the protocol, and they are as many as was promised", () => {
  const headings = [...readFileSync(join(import.meta.dir, "../../docs/protocol.md"), "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading);
  expect(all.filter(({ section }) => !headings.includes(section)).map(({ name, section }) => [name, section])).toEqual([]);
  const names = all.map(({ group, name }) => `${group}: ${name}`);
  expect(names.filter((name, place) => names.indexOf(name) !== place)).toEqual([]);
  expect(new Set(groups.flatMap(({ sentences }) => sentences)).size).toBeGreaterThanOrEqual(220);
});

describe("a server that is not ours", () => {
  const sound = ["framing: bare JSON", "requests: bare JSON", "streams: bare JSON"];

  test.each(sound)(
    "passes what it is right about: %s",
    async (only) => {
      using _server = serveWith(at("little.sock"));
      const { exitCode, report } = await tried(at("little.sock"), "--only", only);
      expect({ exitCode, failures: failures(report), skips: report.skipped > 0, server: report.server }).toEqual({
        exitCode: 0,
        failures: [],
        skips: true,
        server: "little 1.0.0",
      });
      expect(report.passed).toBeGreaterThan(5);
    },
    30_000,
  );

  const each =
    (change: (answer: Fields) => Fields): NonNullable<Defect["answers"]> =>
    (answers) =>
      answers.map((answer) => ("application" in answer ? answer : change(answer)));

  const defects: readonly [string, Defect, string, RegExp][] = [
    ["counts streams from 1", { answers: each(sequenceFromOne) }, "streams: bare JSON: items come in order", /sequence is 1 instead of 0/],
    [
      "answers under another id",
      { answers: each((answer) => ({ ...answer, request_id: `${String(answer["request_id"])}x` })) },
      "requests: bare JSON: a request gets",
      /request_id is "1x" instead of "1"/,
    ],
    [
      "leaves out what is null",
      { answers: each(({ error, ...rest }) => (error === null ? rest : { ...rest, error })) },
      "requests: bare JSON: a request gets the one",
      /error is nothing instead of null/,
    ],
    [
      "puts a code on the wrong variant",
      { answers: each((answer) => ({ ...answer, error_code: "TIMEOUT" })) },
      "requests: bare JSON: an agent that is not there",
      /error_code is "TIMEOUT" instead of "ACTOR_NOT_FOUND"/,
    ],
    ["hangs up on a bad body", { hangsUp: true }, "bare JSON: a bad body between good ones", /the end of the connection/],
    [
      "answers keep-alives",
      { answers: (answers, frame) => (frame === undefined ? [{ request_id: null, success: true }] : answers) },
      "bare JSON: an empty frame keeps",
      /request_id is null instead of "2"/,
    ],
    [
      "writes long whole numbers as floats",
      {},
      "MessagePack: bare MessagePack: whole numbers within",
      /the whole number -?\d+ is written as a float/,
    ],
    [
      "speaks another format than was asked in",
      { pack: (answer) => Buffer.from(JSON.stringify(answer)) },
      "bare MessagePack: a request gets",
      /json/,
    ],
    [
      "answers requests without an id backwards",
      { answers: outOfOrder() },
      "correlations: bare JSON: requests without an id are answered in their order",
      /payload.sum is 1 instead of 0/,
    ],
    ["claims what it has not", { capabilities: { cancel: true } }, "bare JSON: a cancel of what is not open", /SerializationError/],
  ];

  async function failed(socket: string, only: string, ...words: readonly string[]): Promise<Report["cases"][number]["failure"]> {
    const { exitCode, report, stderr } = await tried(socket, "--only", only, ...words);
    expect({ exitCode, stderr, failures: failures(report).map((name) => name.includes(only)) }).toEqual({
      exitCode: 1,
      stderr: "acton: 1 of 1 cases failed\n",
      failures: [true],
    });
    return report.cases[0]?.failure;
  }

  test.each(defects)("fails by name, when it %s", async (_what, defect, only, came) => {
    using _server = serveWith(at("wrong.sock"), defect);
    const failure = await failed(at("wrong.sock"), only);
    expect(failure?.came).toMatch(came);
    expect(failure?.sent).toMatch(/^\d+ bytes: [\da-f ]+/);
    expect(failure?.received).toMatch(/^\d+ bytes: [\da-f ]+/);
  });

  const silent: Readonly<Record<string, readonly [Defect, string]>> = {
    "counts its length field": [{ frame: longer }, "requests: bare JSON: a request gets the one reply of its agent"],
    "lets a connection live that it refused": [{ staysOn: true }, "bare JSON: a length beyond every limit"],
    "takes any length": [{ longest: Infinity }, "bare JSON: a length beyond every limit"],
    "never ends a stream": [{ answers: (answers) => answers.filter(({ is_final }) => is_final !== true) }, "streams: bare JSON: items come in order"],
  };

  test("fails by name when what is due never comes", async () => {
    const found = await Promise.all(
      Object.entries(silent).map(async ([what, [defect, only]]) => {
        const socket = at(`${what}.sock`);
        using _server = serveWith(socket, defect);
        return [what, (await failed(socket, only, "--timeout", "2000"))?.came] as const;
      }),
    );
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(Object.keys(silent).map((what) => [what, "nothing in time"])));
  }, 30_000);

  test("is told that its discovery cannot be read", async () => {
    using _server = serveWith(at("marked.sock"), { body: (body) => Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), body]) });
    const { exitCode, stderr } = await tried(at("marked.sock"));
    expect([exitCode, stderr]).toEqual([1, `acton: what is behind ${at("marked.sock")} answers a discovery in neither dialect\n`]);
  });

  test("is not tried on what it lacks", async () => {
    writeFileSync(at("empty.ts"), `import { app } from "acton";\nexport default app({ name: "empty", version: "1.0.0", agents: [] });\n`);
    await using server = await serve(at("empty.sock"), [at("empty.ts")]);
    const { exitCode, report } = await tried(server.socket, "--only", "requests");
    expect([exitCode, report.failed, report.has.includes("calculator")]).toEqual([0, 0, false]);
    const skipped = report.cases.filter(({ verdict }) => verdict === "skipped");
    expect(skipped.length).toBe(report.skipped);
    expect(new Set(skipped.map(({ reason }) => reason))).toContain("no calculator");
    expect(report.passed).toBeGreaterThan(0);
  });

  test("and speaks nothing of the kind is told so", async () => {
    using _web = Bun.serve({ unix: at("web.sock"), fetch: () => new Response("hello") });
    const { exitCode, stderr } = await tried(at("web.sock"));
    expect([exitCode, stderr]).toEqual([1, `acton: what is behind ${at("web.sock")} answers a discovery in neither dialect\n`]);
  });
});

test("cases are listed without a server, and chosen by a part of their name", async () => {
  const { stdout, exitCode } = await run(["conform", "--list", "--only", "acton/1: a REQUEST gets"]);
  expect([exitCode, JSON.parse(stdout)]).toEqual([
    0,
    { group: "requests", name: "acton/1: a request gets the one reply of its agent", section: "Request", needs: ["acton", "calculator"] },
  ]);
  expect((await run(["conform", "--list"])).stdout.trimEnd().split("\n")).toHaveLength(all.length);
});

test.each([
  [["conform", at("none.sock")], 7, "cannot connect to"],
  [["conform", "--only", "no such case"], 2, 'no case has "no such case" in its name'],
  [["conform", at("none.sock"), "--socket", at("none.sock")], 2, "the socket is given twice"],
])("%j fails with %i", async (words, status, text) => {
  const { exitCode, stderr } = await run(words);
  expect([exitCode, stderr.includes(text)]).toEqual([status, true]);
});

test("people read groups with counts, failures in detail, what was skipped, and a last line with the sums", () => {
  const cases = all.filter(({ group }) => group === "framing").slice(0, 3);
  const failure = { expected: "a sum", came: "nothing in time", sent: "4 bytes: 00 00 00 00  |....|", received: null };
  const verdicts = [{ verdict: "passed" }, { verdict: "failed", failure }, { verdict: "skipped", reason: "no calculator" }] as const;
  const outcome = { path: "/tmp/x.sock", findings: { has: new Set(["bare"] as const), server: "little 1.0.0" }, cases, verdicts };
  expect(reportText(outcome, paletteFor(false, {}))).toBe(`little 1.0.0 on /tmp/x.sock, with bare

BAD   framing           1 passed, 1 failed, 1 skipped

BAD  ${cases[1]?.name} (framing; "Frames" in the protocol)
     sent       4 bytes: 00 00 00 00  |....|
     expected   a sum
     came       nothing in time

skipped 1: the server has no calculator

1 passed, 1 failed, 1 skipped
`);
});

function longer(frame: Buffer): Buffer {
  const copy = Buffer.from(frame);
  if (!copy.includes("application")) copy.writeUInt32BE(frame.length);
  return copy;
}

function sequenceFromOne(answer: Fields): Fields {
  return "sequence" in answer ? { ...answer, sequence: Number(answer["sequence"]) + 1 } : answer;
}

/** Holds each first answer back until the second is there. */
function outOfOrder(): NonNullable<Defect["answers"]> {
  let held: Fields | undefined;
  return (answers) => {
    const [answer] = answers;
    if (answer === undefined || answer["request_id"] !== null || answer["success"] !== true) return answers;
    if (held === undefined) {
      held = answer;
      return [];
    }
    const both = [answer, held];
    held = undefined;
    return both;
  };
}
