// Children for tests of supervision: they note their lives in a diary, and crash, stop or hang when told to.

import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import type { ManualClock } from "../../src/clock.ts";
import { message, type MessageType } from "../../src/message/message-type.ts";
import { turns } from "../support/system.ts";

const Count = message("Count", z.int());
export const Add = message("Add", {}).replies(Count);
export const Crash = message("Crash", {});
export const Quit = message("Quit", {});
export const Hang = message("Hang", {}).replies(Count);
export const Note = message("Note", {});

export type Worker = ReturnType<typeof worker>;

/** Counts; its diary gets `+name` and `-name` as it comes up and goes down in order. `fails` is asked before each start. */
export function worker(name: string, diary: string[] = [], fails: () => boolean = () => false) {
  return agent(name, () => ({ count: 0 }))
    .mutateOn(Add, ({ model }) => (model.count += 1))
    .mutateOn(Crash, () => {
      throw new Error(`${name} crashed`);
    })
    .mutateOn(Quit, ({ self }) => void self.stop())
    .actOn(Hang, () => new Promise<number>(() => {}))
    .beforeStart(() => {
      if (fails()) throw new Error(`${name} does not start`);
      diary.push(`+${name}`);
    })
    .afterStop(() => void diary.push(`-${name}`));
}

export async function crash(child: AgentHandle<typeof Crash> | undefined): Promise<void> {
  await child?.send(Crash, {});
  await turns();
}

/** Time passes, and everything that is then ready runs. */
export async function pass(clock: ManualClock, ms: number): Promise<void> {
  clock.advance(ms);
  await turns();
}

export function childOf<Handled extends MessageType>(
  parent: AgentHandle,
  blueprint: Parameters<typeof parent.child<Handled>>[0],
): AgentHandle<Handled> {
  const child = parent.child(blueprint);
  if (child === undefined) throw new Error(`there is no child ${blueprint.definition.name}`);
  return child;
}
