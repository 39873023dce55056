// C1: user code that fails, place by place and in every way. The suite's combinations first, which look at agents, restarts and the log
// as well; then the executable, whose clients are told and whose process goes on.

import { join } from "node:path";
import { crimes } from "../support/crimes.ts";
import { type Fields, RawClient } from "../support/raw-client.ts";
import { request, streamRequest } from "../support/test-server.ts";
import { ways } from "../support/thrown.ts";
import type { SoakCheck } from "./check.ts";
import { bunTest } from "./parts/bun-test.ts";
import { Served } from "./parts/served.ts";

const suites = [
  "agent/crash-rules.test.ts",
  "agent/crash-rules-beside.test.ts",
  "ipc/server/crash-rules.test.ts",
  "ipc/server/crash-rules-process.test.ts",
];

const failed = (code: string, error: string): Fields => ({ error_code: code, error });

/** Each place in the executable, with what its asker must be told of a failure with this text; undefined is a success. */
const places: Readonly<Record<string, (text: string) => Fields>> = {
  Throw: (text) => failed("HANDLER_FAILED", `HandlerFailed: ${text}`),
  Reject: (text) => failed("HANDLER_FAILED", `HandlerFailed: ${text}`),
  Yielding: (text) => failed("HANDLER_FAILED", `HandlerFailed: ${text}`),
  Unwritable: (text) => failed("HANDLER_FAILED", `HandlerFailed: payload.a: ${text}`),
  Refined: () => failed("SERIALIZATION_ERROR", "SerializationError: payload: its schema failed"),
  Born: (text) => failed("HANDLER_FAILED", `HandlerFailed: the agent child did not start: ${text}`),
  Dying: () => ({ payload: "stopped" }),
  ...Object.fromEntries(Object.keys(crimes).map((crime) => [crime, () => ({ payload: "done" })])),
};

export interface Crashed {
  readonly combinations: number;
  /** What a client was told, where it should have been something else. */
  readonly wrong: readonly string[];
  /** The process has ended, or has not ended in order when it was told to. */
  readonly exits: number;
}

export async function crashed(): Promise<Crashed> {
  await using server = await Served.start({ module: join(import.meta.dir, "parts/crashing.ts") });
  await using client = await RawClient.connect(server.socket);
  const wrong: string[] = [];
  let combinations = 0;
  for (const [place, expected] of Object.entries(places)) {
    for (const [way, { text }] of Object.entries(ways)) {
      combinations += 1;
      const told = await answerTo(client, place, way);
      const is = Object.entries(expected(text)).every(([field, value]) => told[field] === value);
      if (!is) wrong.push(`${place}, ${way}: ${JSON.stringify(told).slice(0, 200)}`);
      const { payload } = await client.ask(request("culprit", "Ping", {}));
      if (payload !== "alive") wrong.push(`${place}, ${way}: then a call was answered ${JSON.stringify(payload)}`);
    }
  }
  const alive = server.isAlive;
  return { combinations, wrong, exits: alive && (await server.stop()) === 0 ? 0 : 1 };
}

async function answerTo(client: RawClient, place: string, way: string): Promise<Fields> {
  if (place in crimes) return client.ask(request("culprit", "Commit", { way, crime: place }));
  if (place !== "Yielding") return client.ask(request("culprit", place, { way }));
  const item = await client.ask(streamRequest("culprit", place, { way }, { request_id: "s" }));
  return item["is_final"] === true ? item : client.next();
}

export const checks: readonly SoakCheck[] = [
  {
    id: "C1",
    title:
      "Crashes: everything that can be thrown and a spent stack, in handlers, generators, schemas, replies, hooks, policies, timers and where nobody awaits it",
    pass: "40 combinations: 0 process exits, the right error to the asker, restarts as decided",
    async run() {
      const { passed, failures, status } = await bunTest(suites.map((name) => `./test/${name}`));
      const { combinations, wrong, exits } = await crashed();
      for (const each of [...failures, ...wrong].slice(0, 20)) console.error(each);
      const figure = `${passed.toLocaleString("en")} combinations in the suite: ${failures.length} wrong; ${combinations} in the executable: ${wrong.length} wrong, ${exits} exits`;
      return { figure, passed: status === 0 && passed >= 40 && wrong.length === 0 && exits === 0 };
    },
  },
];
