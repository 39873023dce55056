// Rates and restarts against models that are simpler and slower: exact arithmetic, and a list of all that has happened.

import { expect } from "bun:test";
import * as fc from "fast-check";
import type { RestartKind, Strategy } from "../../src/agent/definition.ts";
import { RateLimiter } from "../../src/ipc/server/rate-limiter.ts";
import { backoffOf, recentRestarts } from "../../src/supervision/intensity.ts";
import { type ChildState, type Incident, planFor } from "../../src/supervision/plan.ts";
import { property } from "./property.ts";

const rate = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 1_000_000 }));
const burst = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 1_000_000 }));
/** Milliseconds between one request and the next. */
const gaps = fc.array(fc.oneof(fc.constant(0), fc.nat(20), fc.nat(3_000)), { maxLength: 40 });

property("a rate limiter lets through what an exact bucket lets through", [rate, burst, gaps], (requestsPerSecond, burstSize, waits) => {
  const limiter = new RateLimiter({ requestsPerSecond, burstSize }, 0);
  // In thousandths of a token, so that all of it is whole.
  let tokens = 1_000n * BigInt(burstSize);
  let now = 0;
  for (const wait of waits) {
    now += wait;
    tokens += BigInt(wait) * BigInt(requestsPerSecond);
    if (tokens > 1_000n * BigInt(burstSize)) tokens = 1_000n * BigInt(burstSize);
    const expected = tokens >= 1_000n ? 0 : Number((999n - tokens + BigInt(requestsPerSecond)) / BigInt(requestsPerSecond));
    expect(limiter.take(now)).toBe(expected);
    if (expected === 0) tokens -= 1_000n;
  }
});

property("who waits as long as told gets a token, and not a millisecond sooner", [rate, burst, gaps], (requestsPerSecond, burstSize, waits) => {
  const limited = (): RateLimiter => new RateLimiter({ requestsPerSecond, burstSize }, 0);
  const [patient, hasty] = [limited(), limited()];
  let now = 0;
  for (const wait of waits) {
    now += wait;
    const told = patient.take(now);
    expect(hasty.take(now)).toBe(told);
    if (told === 0) continue;
    if (told > 1) expect(hasty.take(now + told - 1)).toBeGreaterThan(0);
    now += told;
    expect(patient.take(now)).toBe(0);
    expect(hasty.take(now)).toBe(0);
  }
});

property(
  "in no span of time pass more than the burst and what the rate adds",
  [fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 50 }), gaps],
  (requestsPerSecond, burstSize, waits) => {
    const limiter = new RateLimiter({ requestsPerSecond, burstSize }, 0);
    const passed: number[] = [];
    let now = 0;
    for (const wait of waits) {
      now += wait;
      if (limiter.take(now) === 0) passed.push(now);
    }
    for (const [first, from] of passed.entries()) {
      for (const [last, to] of passed.entries())
        if (last >= first) expect(last - first + 1).toBeLessThanOrEqual(burstSize + ((to - from) * requestsPerSecond) / 1_000);
    }
  },
);

property(
  "time between the milliseconds counts, and does no harm",
  [rate, burst, fc.array(fc.double({ min: 0, max: 2_000, noNaN: true }), { maxLength: 30 })],
  (requestsPerSecond, burstSize, waits) => {
    const limiter = new RateLimiter({ requestsPerSecond, burstSize }, 0);
    let now = 0;
    for (const wait of waits) {
      now += wait;
      const told = limiter.take(now);
      expect(Number.isInteger(told) && told >= 0 && told <= Math.ceil(1_000 / requestsPerSecond)).toBe(true);
    }
  },
);

const policies = fc.record({
  strategy: fc.constantFrom<Strategy>("oneForOne", "oneForAll", "restForOne"),
  escalation: fc.constant("notifyParent" as const),
  restartsMax: fc.nat(6),
  restartWindowMs: fc.integer({ min: 1, max: 500 }),
  backoffMs: fc.nat(200),
  backoffMaxMs: fc.nat(5_000),
});
const chances = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const times = fc.array(fc.nat(100), { maxLength: 12 }).map((waits) => waits.reduce<number[]>((at, wait) => [...at, (at.at(-1) ?? 0) + wait], []));

property("restarts count until the window has passed, and no longer", [times, fc.nat(1_500), policies], (restarts, now, policy) => {
  const expected: number[] = [];
  for (const at of restarts) if (at + policy.restartWindowMs > now) expected.push(at);
  expect(recentRestarts(restarts, now, policy)).toEqual(expected);
});

property("a backoff doubles up to its bound, less at most half of it", [fc.nat(2_000), chances, policies], (recent, chance, policy) => {
  const backoff = backoffOf(recent, chance, policy);
  const whole = Math.min(policy.backoffMaxMs, policy.backoffMs * 2 ** Math.min(recent, 60));
  expect(backoff).toBeLessThanOrEqual(whole);
  expect(backoff).toBeGreaterThanOrEqual(whole / 2);
  expect(backoffOf(recent + 1, chance, policy)).toBeGreaterThanOrEqual(backoff);
});

const kinds = fc.constantFrom<RestartKind>("permanent", "transient", "temporary");
const reasons = fc.constantFrom<Incident["reason"]>("stopped", "crashed", "startFailed");
const groups = fc
  .array(kinds, { minLength: 1, maxLength: 6 })
  .map((all) => all.map((restart, place): ChildState => ({ id: `c${place}`, restart, restarts: [] })));

property(
  "a plan concerns whom its strategy says, and nobody twice",
  [groups, fc.nat(6), reasons, policies, chances],
  (group, place, reason, policy, chance) => {
    const id = `c${place}`;
    const plan = planFor({ id, reason, now: 5, chance }, group, policy);
    const child = group[place];
    const back = child !== undefined && (child.restart === "permanent" || (child.restart === "transient" && reason !== "stopped"));
    if (!back) return expect(plan).toEqual({ kind: "leave" });
    if (policy.restartsMax === 0) return expect(plan).toEqual({ kind: "escalate", restarts: 0 });
    if (plan.kind !== "restart") throw new Error(plan.kind);
    const from = policy.strategy === "oneForAll" ? 0 : place;
    const to = policy.strategy === "oneForOne" ? place + 1 : group.length;
    const concerned = group.map((each) => each.id).filter((_, at) => at >= from && at < to);
    expect([...plan.lower, id].sort()).toEqual([...concerned].sort());
    expect([...plan.raise, ...plan.end].sort()).toEqual([...concerned].sort());
    expect(plan.raise).toContain(id);
    const order = (ids: readonly string[]): boolean =>
      ids.every((each, at) => at === 0 || Number(each.slice(1)) > Number((ids[at - 1] as string).slice(1)));
    expect(order(plan.raise) && order(plan.lower.toReversed())).toBe(true);
    for (const each of plan.end) expect(group.find((other) => other.id === each)?.restart).toBe("temporary");
  },
);

const incidents = fc.array(fc.tuple(fc.nat(3), reasons, fc.oneof(fc.constant(0), fc.nat(120)), chances), { maxLength: 60 });

property(
  "over any run of incidents children come back as a list of all their restarts allows",
  [groups, policies, incidents],
  (group, policy, run) => {
    let living: ChildState[] = group;
    const restarted = new Map<string, number[]>();
    let now = 0;
    for (const [place, reason, wait, chance] of run) {
      now += wait;
      const child = living[place];
      if (child === undefined) continue;
      const plan = planFor({ id: child.id, reason, now, chance }, living, policy);
      const all = restarted.get(child.id) ?? [];
      const counting = all.filter((at) => at > now - policy.restartWindowMs).length;
      const returns = child.restart === "permanent" || (child.restart === "transient" && reason !== "stopped");
      expect(plan.kind).toBe(!returns ? "leave" : counting >= policy.restartsMax ? "escalate" : "restart");
      if (plan.kind === "escalate") expect(plan.restarts).toBe(counting);
      if (plan.kind === "restart") {
        expect(plan.restarts).toHaveLength(counting + 1);
        restarted.set(child.id, [...all, now]);
        living = living.map((each) => (each === child ? { ...each, restarts: plan.restarts } : each)).filter(({ id }) => !plan.end.includes(id));
      } else living = living.filter((each) => each !== child);
    }
    for (const all of restarted.values()) {
      for (const at of all)
        expect(all.filter((other) => other <= at && other > at - policy.restartWindowMs).length).toBeLessThanOrEqual(Math.max(1, policy.restartsMax));
    }
  },
);
