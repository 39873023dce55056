// `acton bench`: puts load on a server for a while, shows how it goes, and says how long answers took.

import { type Clock, SystemClock } from "../../clock.ts";
import { ActonError, isErrorCode } from "../../errors.ts";
import { CommandError, exitCodeOf, exitCodeOfError, exitCodes, usageError } from "../exit-codes.ts";
import { interruption } from "../interrupt.ts";
import { openClient } from "../open-client.ts";
import { pause } from "../pause.ts";
import { readPayload } from "../payload.ts";
import { didYouMean, discoveryOf, type RequestWords } from "../request.ts";
import { socketPath } from "../socket-path.ts";
import { stderrIsTerminal } from "../terminal.ts";
import { typedPayload } from "../typed-payload.ts";
import type { BenchOptions } from "./bench-options.ts";
import { formatFor, requestFrames, subscribeFrame } from "./frames.ts";
import { Load } from "./load.ts";
import { printReport, progressLine, type Run } from "./report.ts";

/** How long answers that are still out are waited for when the time is over. */
const drainMs = 2000;
const progressMs = 250;
const warmUpMsMax = 1000;

export async function bench(words: RequestWords, options: BenchOptions): Promise<void> {
  if (options.push !== undefined && (options.rate !== undefined || options.stream === true))
    throw usageError("--push sends nothing: it goes without --rate and --stream");
  const clock = new SystemClock();
  const interrupted = interruption();
  const load = await prepare(words, options, clock);
  const { path } = await socketPath(options);
  await load.connect(path).catch((thrown: unknown) => {
    throw new CommandError(
      exitCodes.noConnection,
      `cannot connect to ${path} ${options.connections} times: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
  });
  try {
    if (options.push !== undefined) load.broadcast(subscribeFrame(await formatFor(options.dialect, options.msgpack === true), options.push));
    await printReport(await measure(load, { options, clock, interrupted }), words, options);
  } finally {
    load.close();
  }
  judge(load);
}

async function prepare(words: RequestWords, options: BenchOptions, clock: SystemClock): Promise<Load> {
  const { connections, inFlight, rate, dialect, msgpack, stream = false, push } = options;
  const format = await formatFor(dialect, msgpack === true);
  const message = push === undefined ? { ...words, payload: await payloadOf(words, options), stream } : undefined;
  const frames = message === undefined ? [] : requestFrames(format, message, inFlight);
  return new Load({ clock, format, frames, connections, rate });
}

const defaultPayload = ["a=5", "b=3"];

// A server that does not know the question, or speaks acton only, gets what was written as it is.
async function payloadOf({ agent, type, payload }: RequestWords, options: BenchOptions): Promise<unknown> {
  const written = await readPayload(type === "AddRequest" && payload.length === 0 ? defaultPayload : payload);
  if ("whole" in written) return written.whole;
  const client = await openClient({ ...options, msgpack: false });
  const discovery = await discoveryOf(client).catch((thrown: unknown) => {
    if (thrown instanceof ActonError) return undefined;
    throw thrown;
  });
  client.close();
  const agents = discovery?.agents.map(({ name }) => name);
  if (agents?.includes(agent) === false) {
    throw new CommandError(exitCodes.agentNotFound, `AgentNotFound: ${agent} is not exposed${didYouMean(agent, agents, "there are")}`);
  }
  return typedPayload(written.pairs, type, discovery?.schemas[type]);
}

interface Measured {
  readonly options: BenchOptions;
  readonly clock: Clock;
  readonly interrupted: AbortSignal;
}

async function measure(load: Load, { options, clock, interrupted }: Measured): Promise<Run> {
  const { duration } = options;
  const ended = AbortSignal.any([interrupted, load.over]);
  load.start();
  await pause(clock, Math.min(duration / 10, warmUpMsMax), ended);
  load.tally = load.tally.fresh(options.push !== undefined);
  const started = clock.monotonic();
  const sentBefore = load.sent;
  const end = started + duration;
  const isWatched = stderrIsTerminal();
  for (let now = started; now < end && !ended.aborted; now = clock.monotonic()) {
    await pause(clock, Math.min(progressMs, end - now), ended);
    if (isWatched) progressLine(load.tally, clock.monotonic() - started, duration);
  }
  const elapsedMs = clock.monotonic() - started;
  const behind = load.behind;
  const { tally } = load;
  const counted = { answered: tally.answered, items: tally.items };
  load.stop();
  const sent = load.sent - sentBefore;
  for (const until = clock.monotonic() + drainMs; load.waiting > 0 && load.failure === undefined && clock.monotonic() < until;)
    await pause(clock, 5, load.over);
  if (isWatched) progressLine(undefined, 0, 0);
  return { tally, elapsedMs, behind, sent, counted, unanswered: load.failure === undefined ? load.waiting : 0 };
}

/** A run without a single answer has failed, with the status of what was answered instead. */
function judge(load: Load): void {
  const { failure, tally } = load;
  const [code] = tally.errors.keys();
  if (tally.answered > 0 && failure === undefined) return;
  if (failure !== undefined) throw new CommandError(exitCodes.noConnection, `the run was cut short: ${failure}`);
  if (code === undefined) return;
  throw new CommandError(isErrorCode(code) ? exitCodeOfError[code] : exitCodeOf(undefined), `nothing but errors came back: ${code}`);
}
