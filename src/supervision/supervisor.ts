// Carries out what plan.ts decides for the children of one agent: who goes down, who comes up again and when. In a
// group nothing comes up before all that has to is down, and nobody before those that started earlier.

import { type AnyBlueprint, childOf, type ChildOptions, type StartOptions } from "../agent/definition.ts";
import type { AgentHandle, SupervisedChild } from "../agent/handle.ts";
import type { Departure, Household, Living, Within } from "../agent/living.ts";
import type { AgentServices } from "../agent/services.ts";
import type { Timer } from "../clock.ts";
import { detailOf } from "../errors.ts";
import type { MessageType, PayloadOf } from "../message/message-type.ts";
import { escalate } from "./escalation.ts";
import { AgentRestarted, AgentTerminated } from "./events.ts";
import { Exchange } from "./exchange.ts";
import { Group } from "./group.ts";
import { recentRestarts } from "./intensity.ts";
import { Lane } from "./lane.ts";
import { Member, type MemberOwner } from "./member.ts";
import { Nursery } from "./nursery.ts";
import { type Plan, planFor } from "./plan.ts";
import { policyOf, type SupervisionPolicy } from "./policy.ts";

const reasons = { stopped: "stopped", crashed: "crashed", startFailed: "start_failed" } as const;

export class Supervisor implements Household, MemberOwner, Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #parent: Living;
  readonly #services: AgentServices;
  readonly #lane = new Lane();
  readonly #group: Group;
  readonly #nursery: Nursery;
  readonly #exchange: Exchange;

  constructor(parent: Living, services: AgentServices) {
    this.#parent = parent;
    this.#services = services;
    this.#group = new Group(parent.name);
    this.#nursery = new Nursery(parent, services, this.#group, this);
    this.#exchange = new Exchange(parent, this.#group, ({ handle }) => this.unsupervise(handle.id));
  }

  get #policy(): SupervisionPolicy {
    return policyOf(this.#parent.definition.supervision, this.#services.limits);
  }

  get children(): readonly SupervisedChild[] {
    const now = this.#services.clock.monotonic();
    return this.#group.members.map(({ handle, definition: { restart }, restarts }) => {
      return { handle, restart, recentRestarts: recentRestarts(restarts, now, this.#policy).length };
    });
  }

  start(blueprint: AnyBlueprint, options: StartOptions | undefined): Promise<AgentHandle<MessageType>> {
    return this.#nursery.start(blueprint, options);
  }

  async supervise(blueprint: AnyBlueprint, options: ChildOptions | undefined): Promise<AgentHandle<MessageType>> {
    const { handle } = await this.#nursery.startMember(childOf(blueprint, options), false);
    return handle;
  }

  async unsupervise(id: string): Promise<void> {
    const { life } = this.#group.dismiss(id);
    this.#broadcast(AgentTerminated, { supervisor: this.#parent.id, agent: id, reason: "unsupervised", error: null });
    await life.end();
  }

  release(id: string): void {
    const { life, handle } = this.#group.dismiss(id);
    life.release();
    this.#services.orphaned(handle);
  }

  rise(): Promise<void> {
    return this.#lane.run(async (isCurrent) => {
      for (const definition of this.#parent.definition.children) {
        if (!isCurrent()) return;
        const member = await this.#exchange.memberFor(definition);
        if (member === undefined) await this.#nursery.startMember(definition, true);
        else await this.#raiseLaid(member);
      }
    });
  }

  finish(within: Within): Promise<void> {
    return this.#exchange.finish(within);
  }

  resume(): void {
    this.#exchange.resume();
  }

  settle(): Promise<void> {
    return this.#exchange.settle();
  }

  async fall(within: Within): Promise<void> {
    this.#abandonPlans();
    for (const child of this.#group.reversed()) {
      if (!this.#group.has(child)) continue;
      if (!(child instanceof Member)) await within(child.stop());
      else if (child.lasting) await within(this.#layDown(child));
      else await within(this.#group.dismiss(child.handle.id).life.end());
    }
  }

  async end(within: Within): Promise<void> {
    this.#abandonPlans();
    for (const child of this.#group.reversed()) {
      if (!this.#group.has(child)) continue;
      await within(child instanceof Member ? this.#group.dismiss(child.handle.id).life.end() : child.stop());
    }
  }

  cameUp(member: Member): void {
    const { handle, life, backoffMs } = member;
    member.state = "up";
    this.#broadcast(AgentRestarted, { supervisor: this.#parent.id, agent: handle.id, generation: life.generation, backoff_ms: backoffMs });
  }

  departed(member: Member, departure: Departure): void {
    if (!this.#group.has(member)) return;
    const { id } = member.handle;
    const error = "error" in departure ? detailOf(departure.error) : null;
    const laid = member.state === "laid";
    if (!laid) member.state = "down";
    this.#broadcast(AgentTerminated, { supervisor: this.#parent.id, agent: id, reason: reasons[departure.kind], error });
    // The parent's way up decides.
    if (laid || this.#parent.life.era === undefined) return;
    // A restart of the whole group is on its way already, and brings back whatever did not want to end.
    if (member.dueAt !== undefined && departure.kind !== "stopped") return;
    const { clock, random } = this.#services;
    const incident = { id, reason: departure.kind, now: clock.monotonic(), chance: random.next() };
    this.#carryOut(planFor(incident, this.#group.states, this.#policy), member, error);
  }

  /** A child is due to come up. */
  expire(): void {
    if (this.#policy.strategy === "oneForOne") void this.#raiseEachDue();
    else void this.#lane.run((isCurrent) => this.#raiseGroupDue(isCurrent));
  }

  #carryOut(plan: Plan, member: Member, error: string | null): void {
    switch (plan.kind) {
      case "leave":
        this.#letGo(member);
        break;
      case "escalate":
        this.#letGo(member);
        escalate(this.#parent, { agent: member.handle.id, restarts: plan.restarts, error }, this.#policy, this.#services);
        break;
      case "restart":
        member.restarts = plan.restarts;
        this.#services.log.warn("child restarts", { agent: member.handle.id, supervisor: this.#parent.id, afterMs: Math.round(plan.afterMs) });
        for (const id of plan.raise) this.#group.find(id)?.isDue(this.#services.clock.monotonic() + plan.afterMs, plan.afterMs);
        if (plan.lower.length > 0) void this.#lane.run(() => this.#lowerGroup(plan.lower, plan.end));
        this.#arm();
    }
  }

  async #lowerGroup(lower: readonly string[], end: readonly string[]): Promise<void> {
    for (const id of lower) {
      const sibling = this.#group.find(id);
      if (sibling === undefined || sibling.state !== "up") continue;
      // Brought up again before this had its turn: it has had what was planned for it.
      if (sibling.dueAt === undefined && !end.includes(id)) continue;
      sibling.state = "down";
      await (end.includes(id) ? this.#group.dismiss(id).life.end() : sibling.life.lower());
    }
  }

  async #raiseEachDue(): Promise<void> {
    const now = this.#services.clock.monotonic();
    const due = this.#group.waiting.filter(({ dueAt = Infinity }) => dueAt <= now);
    const raised = Promise.all(due.map((member) => this.#raise(member)));
    this.#arm();
    await raised;
  }

  async #raiseGroupDue(isCurrent: () => boolean): Promise<void> {
    for (const member of this.#group.waiting) {
      if (member.dueAt === undefined) continue;
      if (member.dueAt > this.#services.clock.monotonic() || !(await this.#raise(member)) || !isCurrent()) break;
    }
    if (isCurrent()) this.#arm();
  }

  /** False when it is not up. */
  async #raise(member: Member): Promise<boolean> {
    member.dueAt = undefined;
    try {
      await member.life.raise();
    } catch (error) {
      this.departed(member, { kind: "startFailed", error });
    }
    return member.state === "up";
  }

  #arm(): void {
    const next = this.#group.nextDue(this.#policy.strategy);
    if (next === undefined) this.#services.clock.disarm(this);
    else this.#services.clock.armAt(this, next);
  }

  // The blueprint's own children get another chance when their parent starts anew.
  #letGo(member: Member): void {
    member.state = "gone";
    member.dueAt = undefined;
    if (!member.lasting) this.#group.dismiss(member.handle.id);
    void member.life.end();
  }

  async #layDown(member: Member): Promise<void> {
    const { state, life } = member;
    member.forget();
    member.state = "laid";
    if (state !== "gone") return life.lower();
    await life.end();
    life.guardian = member;
  }

  async #raiseLaid(member: Member): Promise<void> {
    member.state = "down";
    await member.life.raise();
  }

  #abandonPlans(): void {
    this.#lane.leave();
    this.#services.clock.disarm(this);
  }

  #broadcast<T extends MessageType>(type: T, payload: PayloadOf<T>): void {
    this.#services.publisherFor(this.#parent.name).broadcast(type, payload);
  }
}
