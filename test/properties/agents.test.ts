// Who may run beside whom in an agent, and who hears of its life, against counts and lists.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { Activity } from "../../src/agent/activity.ts";
import type { Activation } from "../../src/agent/activation.ts";
import { Gate } from "../../src/agent/gate.ts";
import type { AgentStatus } from "../../src/agent/handle.ts";
import type { AgentServices } from "../../src/agent/services.ts";
import { Standing } from "../../src/agent/standing.ts";
import { type LogLine, recordingLog } from "../support/system.ts";
import { property } from "./property.ts";

const gateSteps = fc.array(
  fc.record({
    kind: fc.constantFrom("exclusive", "concurrent", "concurrent", "leave", "stepOut", "stepIn", "hold", "release", "expel" as const),
    which: fc.nat(10),
  }),
  { maxLength: 60 },
);

interface Runner {
  readonly activation: Activation;
  readonly exclusive: boolean;
  place: "inside" | "outside" | "returning";
}

function admitted(runners: readonly Runner[], held: boolean, exclusive: boolean, readersMax: number): boolean {
  const inside = runners.filter(({ place }) => place === "inside");
  if (held || inside.some((each) => each.exclusive)) return false;
  return exclusive ? inside.length === 0 : inside.length < readersMax;
}

property(
  "an exclusive handler runs alone, concurrent ones up to their limit, and those that return come first",
  [fc.integer({ min: 1, max: 4 }), gateSteps],
  (readersMax, steps) => {
    const gate = new Gate(readersMax, () => {});
    let held = true;
    let runners: Runner[] = [];
    let queue: Runner[] = [];
    let expelled = 0;
    for (const { kind, which } of steps) {
      const each = runners[which % Math.max(1, runners.length)];
      if (kind === "exclusive" || kind === "concurrent") {
        const exclusive = kind === "exclusive";
        expect(gate.admits(exclusive)).toBe(admitted(runners, held, exclusive, readersMax));
        if (!gate.admits(exclusive)) continue;
        const activation = { exclusive, expel: () => (expelled += 1) } as unknown as Activation;
        gate.enter(activation);
        runners.push({ activation, exclusive, place: "inside" });
      } else if (kind === "hold" || kind === "release") {
        gate[kind]();
        held = kind === "hold";
      } else if (kind === "expel") {
        expelled = 0;
        gate.expel({ code: "AGENT_STOPPED", message: "stopped" });
        expect(expelled).toBe(runners.length);
        [runners, queue] = [[], []];
      } else if (each === undefined) continue;
      else if (kind === "leave") {
        expect(gate.leave(each.activation)).toBe(true);
        expect(gate.leave(each.activation)).toBe(false);
        runners = runners.filter((other) => other !== each);
      } else if (!each.exclusive && kind === "stepOut" && each.place === "inside") {
        gate.stepOut(each.activation);
        each.place = "outside";
      } else if (!each.exclusive && kind === "stepIn" && each.place === "outside") {
        void gate.stepIn(each.activation);
        each.place = admitted(runners, held, false, readersMax) ? "inside" : "returning";
        if (each.place === "returning") queue.push(each);
      }
      gate.readmit();
      while (queue.length > 0 && admitted(runners, held, false, readersMax)) {
        const next = queue.shift() as Runner;
        if (runners.includes(next)) next.place = "inside";
      }
      expect(gate.idle).toBe(runners.length === 0);
      expect(gate.someoneReturns).toBe(queue.length > 0);
      for (const exclusive of [true, false]) expect(gate.admits(exclusive)).toBe(admitted(runners, held, exclusive, readersMax));
    }
  },
);

const statuses = fc.constantFrom<AgentStatus>("starting", "running", "restarting", "stopping", "stopped");
const standingSteps = fc.array(
  fc.oneof(
    statuses,
    fc.record({ kind: fc.constantFrom("change", "gone", "undo", "throws" as const), which: fc.nat(9) }),
    fc.constant("gone" as const),
  ),
  { maxLength: 40 },
);

property("whoever watches an agent hears of each change while it watches, and of the end once", [standingSteps], (steps) => {
  const lines: LogLine[] = [];
  const standing = new Standing("a", { activity: new Activity(), log: recordingLog(lines) } as unknown as AgentServices);
  const heard: string[] = [];
  const expected: string[] = [];
  let watchers: { readonly id: number; readonly of: "change" | "gone" | "throws"; readonly undo: () => void }[] = [];
  let gone = false;
  let thrown = 0;
  for (const [id, step] of steps.entries()) {
    if (step === "gone") {
      standing.setGone();
      gone = true;
      for (const each of watchers) if (each.of === "gone") expected.push(`${each.id} gone`);
      watchers = watchers.filter((each) => each.of !== "gone");
    } else if (typeof step === "string") {
      standing.set(step);
      gone = false;
      for (const each of watchers) if (each.of === "change") expected.push(`${each.id} ${step}`);
      thrown += watchers.filter((each) => each.of === "throws").length;
      expect(standing.status).toBe(step);
    } else if (step.kind === "undo") {
      const each = watchers[step.which];
      each?.undo();
      watchers = watchers.filter((other) => other !== each);
    } else if (step.kind === "gone") {
      const undo = standing.onGone(() => heard.push(`${id} gone`));
      if (gone) expected.push(`${id} gone`);
      else watchers.push({ id, of: "gone", undo });
    } else {
      const fails = step.kind === "throws";
      const undo = standing.onChange((status) => {
        if (fails) throw new Error("a watcher failed");
        heard.push(`${id} ${status}`);
      });
      watchers.push({ id, of: step.kind, undo });
    }
    expect(heard).toEqual(expected);
    expect(lines.filter(({ message }) => message === "watcher failed")).toHaveLength(thrown);
  }
});
