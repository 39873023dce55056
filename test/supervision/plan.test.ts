import { describe, expect, test } from "bun:test";
import type { RestartKind, Strategy } from "../../src/agent/definition.ts";
import { type ChildState, type Incident, type Plan, planFor } from "../../src/supervision/plan.ts";
import type { SupervisionPolicy } from "../../src/supervision/policy.ts";

const policy: SupervisionPolicy = {
  strategy: "oneForOne",
  escalation: "notifyParent",
  restartsMax: 5,
  restartWindowMs: 60_000,
  backoffMs: 100,
  backoffMaxMs: 30_000,
};

/** Children a, b, c …, of the kinds given, without restarts unless `restarts` says so for all of them. */
function group(kinds: readonly RestartKind[], restarts: readonly number[] = []): ChildState[] {
  return kinds.map((restart, place) => ({ id: "abcdef"[place] as string, restart, restarts }));
}

function plan(children: readonly ChildState[], incident: Partial<Incident>, options: Partial<SupervisionPolicy> = {}): Plan {
  return planFor({ id: "b", reason: "crashed", now: 1_000, chance: 0, ...incident }, children, { ...policy, ...options });
}

describe("whether a child comes back", () => {
  test.each<[RestartKind, Incident["reason"], Plan["kind"]]>([
    ["permanent", "stopped", "restart"],
    ["permanent", "crashed", "restart"],
    ["permanent", "startFailed", "restart"],
    ["transient", "stopped", "leave"],
    ["transient", "crashed", "restart"],
    ["transient", "startFailed", "restart"],
    ["temporary", "stopped", "leave"],
    ["temporary", "crashed", "leave"],
    ["temporary", "startFailed", "leave"],
  ])("a %s one that has %s: %s", (kind, reason, expected) => {
    expect(plan(group(["permanent", kind, "permanent"]), { reason }).kind).toBe(expected);
    expect(plan(group(["permanent", kind, "permanent"]), { reason }, { strategy: "oneForAll" }).kind).toBe(expected);
  });

  test("one that the group does not have does not", () => {
    expect(plan(group(["permanent"]), { id: "x" })).toEqual({ kind: "leave" });
  });
});

describe("whom it concerns", () => {
  test.each<[Strategy, string, readonly RestartKind[], { lower: string; raise: string; end: string }]>([
    ["oneForOne", "b", ["permanent", "permanent", "permanent"], { lower: "", raise: "b", end: "" }],
    ["oneForAll", "b", ["permanent", "permanent", "permanent"], { lower: "ca", raise: "abc", end: "" }],
    ["oneForAll", "a", ["permanent", "transient", "temporary"], { lower: "cb", raise: "ab", end: "c" }],
    ["restForOne", "b", ["permanent", "permanent", "permanent", "permanent"], { lower: "dc", raise: "bcd", end: "" }],
    ["restForOne", "a", ["permanent", "temporary", "transient"], { lower: "cb", raise: "ac", end: "b" }],
    ["restForOne", "c", ["permanent", "permanent", "permanent"], { lower: "", raise: "c", end: "" }],
    ["restForOne", "c", ["temporary", "permanent", "permanent"], { lower: "", raise: "c", end: "" }],
  ])("%s when %s goes down", (strategy, id, kinds, { lower, raise, end }) => {
    expect(plan(group(kinds), { id }, { strategy })).toEqual({
      kind: "restart",
      lower: lower.split(""),
      raise: raise.split(""),
      end: end.split(""),
      afterMs: 100,
      restarts: [1_000],
    });
  });
});

describe("how often", () => {
  test("each restart counts for the child that went down, and waits twice as long as the one before", () => {
    expect(plan(group(["permanent", "permanent"], [500, 700]), {})).toMatchObject({ afterMs: 400, restarts: [500, 700, 1_000] });
    expect(plan(group(["permanent", "permanent"], [500, 700]), { chance: 1 })).toMatchObject({ afterMs: 200 });
  });

  test("restarts that the window has passed are forgotten", () => {
    expect(plan(group(["permanent", "permanent"], [500, 700]), { now: 60_600 })).toMatchObject({ afterMs: 200, restarts: [700, 60_600] });
  });

  test("five within a minute are allowed, a sixth is given up", () => {
    const four = [1, 2, 3, 4];
    expect(plan(group(["permanent", "permanent"], four), { now: 60_000 }).kind).toBe("restart");
    expect(plan(group(["permanent", "permanent"], [...four, 5]), { now: 60_000 })).toEqual({ kind: "escalate", restarts: 5 });
    expect(plan(group(["permanent", "permanent"], [...four, 5]), { now: 60_001 }).kind).toBe("restart");
  });

  test("none are allowed where the limit is 0", () => {
    expect(plan(group(["permanent", "permanent"]), {}, { restartsMax: 0 })).toEqual({ kind: "escalate", restarts: 0 });
  });

  test("a child that would not come back anyway is not given up", () => {
    expect(plan(group(["permanent", "temporary"], [1, 2, 3, 4, 5]), { now: 6 }).kind).toBe("leave");
  });
});
