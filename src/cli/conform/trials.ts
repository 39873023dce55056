// Runs cases: some at a time, each on connections of its own and within its time, and those that must be alone at the end.

import { after, type Clock } from "../../clock.ts";
import { detailOf } from "../../errors.ts";
import type { Case, Need } from "./case.ts";
import { Lacking, Unmet } from "./expectation.ts";
import { Speaker } from "./speaker.ts";
import { shownBytes, type Tongue } from "./tongue.ts";

export interface Failed {
  readonly expected: string;
  readonly came: string;
  /** What was sent last before that, on the connection where it showed, and what came last. */
  readonly sent: string | null;
  readonly received: string | null;
}

export type Verdict =
  | { readonly verdict: "passed" }
  | { readonly verdict: "failed"; readonly failure: Failed }
  | { readonly verdict: "skipped"; readonly reason: string };

export interface TrialOptions {
  readonly path: string;
  readonly clock: Clock;
  /** How long a case may take. */
  readonly timeoutMs: number;
}

const atATime = 12;

/** `told` hears each verdict as it comes. */
export async function runCases(
  cases: readonly Case[],
  has: ReadonlySet<Need>,
  options: TrialOptions & { told(done: number): void },
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let done = 0;
  const judge = async (index: number): Promise<void> => {
    const one = cases[index] as Case;
    const lacking = one.needs.filter((need) => !has.has(need));
    verdicts[index] = lacking.length > 0 ? { verdict: "skipped", reason: `no ${lacking.join(", no ")}` } : await tryCase(one, options);
    options.told(++done);
  };
  const together = [...cases.keys()].filter((index) => cases[index]?.alone !== true);
  const next = together.values();
  const lane = async (): Promise<void> => {
    for (const index of next) await judge(index);
  };
  await Promise.all(Array.from({ length: atATime }, lane));
  for (const [index, { alone }] of cases.entries()) if (alone) await judge(index);
  return verdicts;
}

async function tryCase(one: Case, options: TrialOptions): Promise<Verdict> {
  return await inTime(options, async (open, peers) => {
    try {
      await one.run(await open(one.tongue), { open });
      return { verdict: "passed" };
    } catch (thrown) {
      if (thrown instanceof Lacking) return { verdict: "skipped", reason: thrown.message };
      return { verdict: "failed", failure: failureOf(thrown, peers) };
    }
  });
}

/** Whatever `steps` open waits no longer than the time that there is, and is closed at the end. */
export async function inTime<T>(
  { path, clock, timeoutMs }: TrialOptions,
  steps: (open: (tongue: Tongue) => Promise<Speaker>, peers: readonly Speaker[]) => Promise<T>,
): Promise<T> {
  const peers: Speaker[] = [];
  let late = false;
  const timer = after(clock, timeoutMs, () => {
    late = true;
    for (const peer of peers) peer.expire();
  });
  const open = async (tongue: Tongue): Promise<Speaker> => {
    const peer = new Speaker(path, tongue);
    peers.push(peer);
    await peer.connect().catch((thrown: unknown) => {
      throw new Unmet("a connection", detailOf(thrown));
    });
    if (late) peer.expire();
    return peer;
  };
  try {
    return await steps(open, peers);
  } finally {
    clock.disarm(timer);
    for (const peer of peers) peer.close();
  }
}

function failureOf(thrown: unknown, peers: readonly Speaker[]): Failed {
  // Whatever else a case throws, it has met something in an answer for which it has no words.
  const { expected, came, talk } =
    thrown instanceof Unmet ? thrown : { expected: "an answer of this shape", came: detailOf(thrown), talk: undefined };
  const { sent, received } = talk ?? peers.at(-1)?.talk ?? { sent: undefined, received: undefined };
  return { expected, came, sent: sent === undefined ? null : shownBytes(sent), received: received === undefined ? null : shownBytes(received) };
}
