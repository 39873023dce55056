import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { run, type RunResult, type Server, serve, temporaryDirectory } from "./executable.ts";
import { start } from "./executable-lines.ts";

const directory = temporaryDirectory();
const at = (name: string): string => join(directory.path, name);
let demo: Server;
let services: Server;
beforeAll(async () => {
  demo = await serve(at("demo.sock"));
  services = await serve(at("services.sock"), [join(import.meta.dir, "services.ts")]);
});
afterAll(async () => {
  await demo[Symbol.asyncDispose]();
  await services[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const bench = (...words: string[]): Promise<RunResult> => run(["bench", "--duration", "100", "--socket", demo.socket, ...words]);

interface Report {
  readonly answered: number;
  readonly sent: number;
  readonly behind: number;
  readonly items: number;
  readonly latency_us: Readonly<Record<"p50" | "p90" | "p99" | "p999" | "max", number>>;
}

async function measured(...words: string[]): Promise<Report> {
  const { stdout, stderr, exitCode } = await bench(...words);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return JSON.parse(stdout);
}

describe("a closed loop", () => {
  test.each([
    [["--dialect", "bare"]],
    [["--dialect", "bare", "--msgpack"]],
    [["--dialect", "acton"]],
    [["--dialect", "acton", "--msgpack"]],
    [["--connections", "4", "--in-flight", "3"]],
  ])("%j gets every request answered, and says how long it took", async (words) => {
    const report = await measured(...words);
    expect(report).toMatchObject({ mode: "closed", agent: "calculator", message_type: "AddRequest", errors: {}, unanswered: 0 });
    expect(report.answered).toBeGreaterThan(100);
    const { p50, p90, p99, p999, max } = report.latency_us;
    expect([p50, p90, p99, p999, max]).toEqual([p50, p90, p99, p999, max].toSorted((a, b) => a - b));
    expect(p50).toBeGreaterThan(0);
  });

  test("sends any message, with its payload typed by the schema", async () => {
    expect(await measured("kv_store", "SetValue", "key=5", "value=7", "--in-flight", "1")).toMatchObject({ message_type: "SetValue", errors: {} });
    expect((await run(["call", "kv_store", "GetValue", "key=5", "--socket", demo.socket])).stdout).toBe('{"key":"5","value":7,"found":true}\n');
  });
});

test("a server that speaks acton only, and writes its answers otherwise than ours, can be measured too", async () => {
  using other = Bun.listen<{ bytes: Buffer }>({
    unix: at("other.sock"),
    socket: {
      open: (socket) => void (socket.data = { bytes: Buffer.alloc(0) }),
      data(socket, chunk) {
        const { data } = socket;
        data.bytes = Buffer.concat([data.bytes, chunk]);
        if (data.bytes.length > 4 && data.bytes[4] !== 2) return void socket.end();
        while (data.bytes.length >= 7 && data.bytes.length >= 7 + data.bytes.readUInt32BE(0)) {
          const end = 7 + data.bytes.readUInt32BE(0);
          const { correlation_id, payload } = JSON.parse(data.bytes.toString("utf8", 7, end));
          const body = Buffer.from(JSON.stringify({ took: Math.random(), payload, correlation_id, success: true }));
          const header = Buffer.from([0, 0, 0, 0, 2, 2, 1]);
          header.writeUInt32BE(body.length);
          socket.write(Buffer.concat([header, body]));
          data.bytes = data.bytes.subarray(end);
        }
      },
    },
  });
  const { stdout, exitCode } = await run([
    "bench",
    "--dialect",
    "acton",
    "--in-flight",
    "4",
    "--duration",
    "50",
    "--socket",
    at("other.sock"),
    "any",
    "Thing",
    "a=5",
  ]);
  expect({ exitCode, ...JSON.parse(stdout) }).toMatchObject({ exitCode: 0, errors: {}, unanswered: 0 });
  expect(JSON.parse(stdout).answered).toBeGreaterThan(10);
  expect(other.unix).toBe(at("other.sock"));
});

test("an open loop sends at the rate that is asked for", async () => {
  const report = await measured("--rate", "500", "--duration", "400");
  expect(report).toMatchObject({ mode: "open", rate: 500, errors: {}, unanswered: 0 });
  expect(report.sent).toBeGreaterThan(150);
  expect(report.sent).toBeLessThan(250);
});

test("an open loop counts the time for which a request could not even be sent", async () => {
  // One slot, and a rate that it cannot keep: the longer it goes on, the later each answer is.
  const report = await measured("--rate", "1000000", "--in-flight", "1", "--duration", "200");
  expect(report.behind).toBeGreaterThan(1000);
  expect(report.latency_us.p99).toBeGreaterThan(50_000);
});

test("streams are counted by their ends and their items", async () => {
  for (const dialect of ["bare", "acton"]) {
    const report = await measured("--stream", "list_service", "ListRequest", "page_size=10", "--in-flight", "2", "--dialect", dialect);
    expect(report).toMatchObject({ mode: "stream", errors: {} });
    expect(report.items).toBeGreaterThan(report.answered * 9);
  }
});

test("pushes are counted on each connection", async () => {
  await using running = start(["bench", "--push", "Alarm", "--connections", "3", "--duration", "1000", "--socket", services.socket]);
  let subscriptions = 0;
  while (subscriptions < 3) subscriptions = JSON.parse((await run(["stats", "--socket", services.socket])).stdout).subscriptions;
  // The warming up is not counted: bursts go on until the end.
  let ended = false;
  const report = running.line().finally(() => (ended = true));
  while (!ended) await run(["call", "siren", "Burst", "count=2", "--socket", services.socket]);
  expect(JSON.parse((await report) ?? "")).toMatchObject({ mode: "push", message_type: "Alarm", connections: 3, errors: {} });
  expect(JSON.parse((await report) ?? "").answered).toBeGreaterThan(5);
});

describe("errors", () => {
  test("are counted by their code, and nothing else is a failure with that code's status", async () => {
    const { stdout, stderr, exitCode } = await bench("calculator", "AddRequest", '{"a":1}');
    expect(JSON.parse(stdout)).toMatchObject({ answered: 0, errors: { SERIALIZATION_ERROR: expect.any(Number) }, latency_us: null });
    expect({ stderr, exitCode }).toEqual({ stderr: "acton: nothing but errors came back: SERIALIZATION_ERROR\n", exitCode: 1 });
    expect((await bench("calculator", "NoSuch", "{}")).exitCode).toBe(4);
    expect((await bench("--push", "NoSuch")).exitCode).toBe(4);
  });

  test("name the nearest agent before anything is sent", async () => {
    expect(await bench("calculater", "AddRequest", "a=1", "b=2")).toEqual({
      exitCode: 3,
      stdout: "",
      stderr: "acton: AgentNotFound: calculater is not exposed, did you mean calculator?\n",
    });
  });

  test("of the connection end the run with 7", async () => {
    const server = await serve(at("going.sock"));
    await using running = start(["bench", "--duration", "60000", "--socket", server.socket]);
    await processed(10, server);
    server.signal("SIGKILL");
    expect(await running.exited).toBe(7);
    expect(await running.stderr).toMatch(/^acton: the run was cut short: [^\n]+\n$/);
    expect((await run(["bench", "--socket", at("none.sock")])).exitCode).toBe(7);
  });
});

test("Ctrl-C ends the run early, with its report", async () => {
  await using server = await serve(at("early.sock"));
  await using running = start(["bench", "--duration", "600000", "--socket", server.socket]);
  await processed(10, server);
  running.signal("SIGINT");
  expect(JSON.parse((await running.line()) ?? "")).toMatchObject({ message_type: "AddRequest", errors: {}, unanswered: 0 });
  expect(await running.exited).toBe(0);
});

/** Resolves when the server has taken up so many requests. */
async function processed(count: number, { socket }: Server): Promise<void> {
  for (;;) {
    const { stdout } = await run(["stats", "--socket", socket]);
    if (JSON.parse(stdout).messages_processed >= count) return;
  }
}
