import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { version } from "../../package.json";
import { executable, run, type RunResult, type Server, serve, temporaryDirectory, timesVersion } from "./executable.ts";
import { start } from "./executable-lines.ts";

const directory = temporaryDirectory();
const at = (name: string): string => join(directory.path, name);
let server: Server;
beforeAll(async () => {
  server = await serve(at("acton.sock"), [join(import.meta.dir, "services.ts")]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const acton = (...words: string[]): Promise<RunResult> => run([...words, "--socket", server.socket]);

/** What a person on a terminal sees. */
async function onTerminal(words: readonly string[], env: Readonly<Record<string, string>> = { NO_COLOR: "1" }): Promise<string> {
  const command = [executable, ...words, "--socket", server.socket].join(" ");
  const child = Bun.spawn(["script", "-qec", command, "/dev/null"], {
    env: { PATH: "/usr/bin:/bin", HOME: "/nonexistent", TERM: "xterm", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return (await new Response(child.stdout).text()).replaceAll("\r\n", "\n");
}

const hasTerminal = Bun.which("script") !== null;

describe("discover", () => {
  test("prints one JSON object in a pipe: agents, what they handle, and each type's kind, answer and schema", async () => {
    const { stdout, stderr, exitCode } = await acton("discover");
    expect({ stderr, exitCode, lines: stdout.split("\n").length }).toEqual({ stderr: "", exitCode: 0, lines: 2 });
    expect(JSON.parse(stdout)).toMatchObject({
      product: { name: "acton", version },
      application: { name: "services", version: "2.0.0" },
      agents: [
        { name: "orders", handles: ["PlaceOrder"] },
        { name: "counter", handles: ["CountDown", "CountUp"] },
        { name: "siren" },
        { name: "sleeper" },
      ],
      message_types: { PlaceOrder: { kind: "request", replies: "Order" }, CountUp: { kind: "stream", replies: "Counted", example: { from: 1 } } },
    });
  });

  test.skipIf(!hasTerminal)("prints a table on a terminal, and JSON with --json", async () => {
    expect(await onTerminal(["discover"])).toBe(`services 2.0.0, served by acton ${version}

AGENT        MESSAGE     KIND     ANSWER
orders       PlaceOrder  request  Order
counter      CountDown   stream   Counted
             CountUp     stream   Counted
siren        Burst       request  Sent
sleeper      Wait        request  Sent
(published)  Alarm       push
             AlarmOver   push

acton describe orders shows the fields, and a call to try
`);
    expect(JSON.parse(await onTerminal(["discover", "--json"]))).toMatchObject({ application: { name: "services" } });
  });

  test.skipIf(!hasTerminal)("is coloured as the environment says", async () => {
    expect(await onTerminal(["discover"], {})).toContain("\x1b[");
    expect(await onTerminal(["discover"], { TERM: "dumb" })).not.toContain("\x1b[");
    expect(await onTerminal(["discover"], { TERM: "dumb", FORCE_COLOR: "1" })).toContain("\x1b[");
    expect((await run(["discover", "--socket", server.socket], { env: { FORCE_COLOR: "1" } })).stdout).not.toContain("\x1b[");
  });
});

describe("describe", () => {
  test("prints the schema, an example and a command of a type", async () => {
    const { stdout } = await acton("describe", "CountUp");
    expect(JSON.parse(stdout)).toMatchObject({
      message_type: "CountUp",
      kind: "stream",
      handled_by: ["counter"],
      replies: "Counted",
      schema: { properties: { from: { type: "integer" } } },
      reply_schema: { properties: { n: { type: "integer" } } },
      example: { from: 1 },
      command: `acton stream counter CountUp from=1 --socket ${server.socket}`,
    });
  });

  test("prints all that an agent takes, and what is broadcast", async () => {
    expect(JSON.parse((await acton("describe", "counter")).stdout)).toMatchObject({
      agent: "counter",
      messages: [{ message_type: "CountDown" }, {}],
    });
    expect(JSON.parse((await acton("describe", "Alarm")).stdout).command).toBe(`acton subscribe Alarm --socket ${server.socket}`);
    expect(JSON.parse((await acton("describe", "Order")).stdout).command).toBeUndefined();
  });

  test("prints commands that work", async () => {
    for (const type of ["PlaceOrder", "Burst", "CountDown"]) {
      const { command } = JSON.parse((await acton("describe", type)).stdout) as { readonly command: string };
      const child = Bun.spawn(["bash", "-c", command.replace(/^acton/, executable)], { stdio: ["ignore", "pipe", "pipe"] });
      expect({ type, exitCode: await child.exited, stderr: await new Response(child.stderr).text() }).toEqual({ type, exitCode: 0, stderr: "" });
    }
  });

  test.skipIf(!hasTerminal)("shows fields in a table on a terminal", async () => {
    const text = await onTerminal(["describe", "PlaceOrder"]);
    expect(text).toStartWith("PlaceOrder request, taken by orders\n");
    const rows = text.split("\n").map((line) => line.trim().split(/ {2,}/));
    expect(rows.slice(1, 14)).toEqual([
      ["item", "string", "required"],
      ["count", "integer", "required", "above 0"],
      ["price", "number", "optional"],
      ["express", "boolean", "default false"],
      ["colour", '"red" | "green" | "blue"', "optional"],
      ["address", "object", "optional"],
      ["address.city", "string", "required"],
      ["address.zip", "string", "optional"],
      ["tags", "string[]", "optional"],
      ["sizes", "integer[]", "optional"],
      ["note", "string | null", "optional"],
      ["labels", "object", "optional"],
      ["any", "any", "optional"],
    ]);
    expect(text).toContain("\n  answer Order\n");
    expect(text).toContain("\n  try     acton call orders PlaceOrder item=text count=1 --socket ");
  });
});

describe("stats", () => {
  test("prints the figures as one JSON object", async () => {
    const figures = JSON.parse((await acton("stats")).stdout);
    expect(figures).toMatchObject({ active_connections: 1, draining: false });
    expect(figures.connections_accepted).toBeGreaterThan(0);
  });

  test("--watch prints a line for each look, until --count or Ctrl-C", async () => {
    const { stdout, exitCode } = await acton("stats", "--watch", "--interval", "1", "--count", "3");
    const frames = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).frames_received);
    expect(frames).toEqual([frames[0], frames[0] + 1, frames[0] + 2]);
    expect(exitCode).toBe(0);
    await using watching = start(["stats", "--watch", "--socket", server.socket]);
    await watching.line();
    watching.signal("SIGINT");
    expect(await watching.exited).toBe(0);
  });

  test.skipIf(!hasTerminal)("is a table on a terminal, redrawn with --watch", async () => {
    expect(await onTerminal(["stats"])).toMatch(/^active connections +1\n/);
    const watched = await onTerminal(["stats", "--watch", "--interval", "1", "--count", "2"]);
    expect(watched.split("\x1b[H")).toHaveLength(3);
    expect(watched).toMatch(/frames received +\d+ +[\d,]+\/s/);
  });
});

describe("ping", () => {
  test("prints the round trip in milliseconds, as often as is asked", async () => {
    const lines = (await acton("ping", "--count", "3", "--interval", "1")).stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    for (const { ms } of lines) expect(ms).toBeGreaterThan(0);
  });

  test("gives up with 6 when the server does not answer in time", async () => {
    using deaf = Bun.listen({ unix: at("deaf.sock"), socket: { data() {} } });
    const { exitCode, stderr } = await run(["ping", "--timeout", "20", "--socket", at("deaf.sock")]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 6, stderr: "acton: Timeout: no reply within 20 ms\n" });
    expect(deaf.unix).toBe(at("deaf.sock"));
  });
});

test.skipIf(!hasTerminal)("what takes longer than half a second shows that it is waiting, on a terminal only", async () => {
  expect(await onTerminal(["call", "sleeper", "Wait", "--timeout", "700"])).toContain("waiting for sleeper 0.5 s");
  expect((await acton("call", "sleeper", "Wait", "--timeout", "700")).stderr).toBe("acton: Timeout: no reply within 700 ms\n");
});

test("a command that only talks to a socket takes no longer than it must", async () => {
  const commands = [["discover"], ["stream", "counter", "CountDown", "from=1"], ["ping"]];
  for (const times of await timesVersion(commands.map((words) => [...words, "--socket", server.socket]))) expect(times).toBeLessThan(3);
}, 60_000);
