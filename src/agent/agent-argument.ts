// What hooks and handlers of one agent share: its handle, log, clock, children and schedules. Made once per agent,
// and only when some of its code asks for it.

import { Envelope } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";
import type { AgentArgument } from "./blueprint.ts";
import type { AnyBlueprint, StartOptions } from "./definition.ts";
import type { AgentHandle } from "./handle.ts";
import type { LifeCycle } from "./life-cycle.ts";
import type { Living } from "./living.ts";
import { Schedule } from "./schedule.ts";
import { afterDelay, atTime, every, type SchedulePlan } from "./schedule-plan.ts";
import type { AgentServices } from "./services.ts";

export interface ArgumentOwner extends Living {
  readonly handle: AgentHandle<MessageType>;
  readonly life: LifeCycle;
}

export function makeArgument(owner: ArgumentOwner, services: AgentServices): AgentArgument<unknown> {
  const { clock, random } = services;
  const { handle, life } = owner;
  const schedule = (plan: SchedulePlan, type: MessageType, payload: unknown): Schedule => {
    const made = new Schedule(clock, handle.recipient, new Envelope(type, payload, null, handle, undefined), plan);
    life.belongings.keep(made).begin(services.checkLocal(type, payload), () => life.belongings.drop(made));
    return made;
  };
  return {
    get model() {
      return owner.model;
    },
    self: handle,
    log: services.log.with({ agent: handle.name }),
    clock,
    random,
    broker: services.publisherFor(handle.name),
    start: (blueprint: AnyBlueprint, options?: StartOptions): Promise<AgentHandle<MessageType>> => life.family.start(blueprint, options),
    sendAfter: (delayMs, type, payload) => schedule(afterDelay(clock, delayMs), type, payload),
    sendAt: (timeMs, type, payload) => schedule(atTime(timeMs), type, payload),
    sendEvery: (rhythm, type, payload, options) => schedule(every(clock, rhythm, options), type, payload),
  };
}
