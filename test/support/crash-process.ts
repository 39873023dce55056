// A server whose user code fails where nobody awaits it. Writes each line of its log to standard output; ends on SIGTERM in order,
// or when asked to leave without a word.

import { ActonApp, agent, type Log, message } from "acton";
import { z } from "zod";
import { crimes } from "./crimes.ts";
import { ways } from "./thrown.ts";

const Done = message("Done", z.string());
const Commit = message("Commit", { crime: z.string(), way: z.string() }).replies(Done);
const Ping = message("Ping", {}).replies(Done);
const Wait = message("Wait", { way: z.string() }).replies(Done);
const Watch = message("Watch", { way: z.string() }).replies(Done);
const Leave = message("Leave", {}).replies(Done);

const line = (text: string, fields: object = {}): void => void process.stdout.write(`${JSON.stringify([text, fields])}\n`);
const log: Log = { debugOn: false, debug() {}, info() {}, warn: line, error: line, with: () => log };
const failIn = (way: string): (() => never) => ways[way]?.fail ?? (() => process.exit(3));

const runtime = ActonApp.launch({ log });
const culprit = agent("culprit", () => ({}))
  .mutateOn(Commit, ({ message: { crime, way }, clock }) => {
    crimes[crime]?.(failIn(way), { clock });
    return "done";
  })
  .actOn(Wait, ({ message: { way }, reply, signal }) => {
    signal.addEventListener("abort", failIn(way));
    reply.defer();
  })
  .actOn(Watch, async ({ message: { way } }) => {
    const watched = await runtime.start(agent("watched", () => ({})));
    watched.watch(async () => failIn(way)());
    await watched.stop();
    return "done";
  })
  .actOn(Ping, () => "alive")
  .actOn(Leave, () => {
    setImmediate(() => process.exit());
    return "done";
  })
  .onCrash("stop");
runtime.ipcExpose("culprit", await runtime.start(culprit));
await runtime.startIpcListener({ socketPath: process.argv[2] ?? "" });
process.stdout.write("serving\n");
await runtime.untilSignal();
await runtime.shutdownAll();
