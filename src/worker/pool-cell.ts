// Several threads behind one handle: gives each message to one of them, and keeps none itself. It supervises them, so that
// one that goes down comes back; when one is given up, the pool goes down as a whole.

import { type AnyBlueprint, type BlueprintDefinition, childOf } from "../agent/definition.ts";
import type { StartContext } from "../agent/living.ts";
import { type Settled, targetBusy } from "../agent/mailbox.ts";
import { onWorker, pool } from "../agent/placement.ts";
import { Receiver } from "../agent/receiver.ts";
import type { AgentServices } from "../agent/services.ts";
import { detailOf, type Failure } from "../errors.ts";
import type { Envelope } from "../message/envelope.ts";
import { ThreadCell } from "./thread-cell.ts";

export class PoolCell extends Receiver {
  #members: readonly ThreadCell[] = [];
  #next = 0;
  /** Broadcasts wait for its first members. */
  readonly #roomed: Array<() => void> = [];

  constructor(definition: BlueprintDefinition, services: AgentServices, context: StartContext) {
    super(poolOf(definition), services, context);
  }

  get argument(): this {
    return this;
  }

  override localOf(definition: BlueprintDefinition): BlueprintDefinition {
    return poolOf(definition);
  }

  override offer(envelope: Envelope): Failure | undefined {
    const member = this.#memberFor(envelope);
    return member instanceof Receiver ? (this.refusal(envelope) ?? member.offer(envelope)) : member;
  }

  override post(envelope: Envelope, settled: Settled): void {
    const member = this.#memberFor(envelope);
    if (!(member instanceof Receiver)) return settled(member);
    const refusal = this.refusal(envelope);
    if (refusal === undefined) member.post(envelope, settled);
    else settled(refusal);
  }

  override offerBroadcast(envelope: Envelope, roomed: () => void): "taken" | "full" | "gone" {
    if (this.#members.length === 0) {
      this.#roomed.push(roomed);
      return "full";
    }
    const member = this.#memberFor(envelope);
    if (member instanceof Receiver) return member.offerBroadcast(envelope, roomed);
    this.services.deadLetter(envelope, this.name, member.message);
    this.services.log.error("broadcast lost", { agent: this.name, type: envelope.type.name, error: member.message });
    return "gone";
  }

  askCycle(): undefined {
    return undefined;
  }

  // Its members have mailboxes that wait for them.
  hold(): void {}

  release(): void {
    // While its code is exchanged, members that are about to end are children still.
    const names = this.definition.children.map(({ name }) => name);
    const members = this.life.family.children.map(({ handle }) => handle.recipient).filter((member) => member instanceof ThreadCell);
    this.#members = members.filter(({ name }) => names.includes(name));
    for (const roomed of this.#roomed.splice(0)) roomed();
  }

  quiet(): Promise<void> {
    return Promise.resolve();
  }

  drain(drained: () => void): void {
    drained();
  }

  abandon(): void {}

  protected wake(): void {}

  #memberFor(envelope: Envelope): ThreadCell | Failure {
    if (this.#members.length === 0) return targetBusy;
    const { route } = this.definition.placement ?? pool({ size: 1 });
    switch (route.kind) {
      case "roundRobin":
        return this.#ready((this.#next = (this.#next + 1) % this.#members.length));
      case "leastLoaded":
        return this.#leastLoaded();
      case "byKey":
        return this.#byKey(route.keyOf, envelope);
    }
  }

  /** The first from this place on that is up; the one at the place when none is. */
  #ready(from: number): ThreadCell {
    const members = this.#members;
    for (let step = 0; step < members.length; step++) {
      const member = members[(from + step) % members.length] as ThreadCell;
      if (isUp(member)) return member;
    }
    return members[from] as ThreadCell;
  }

  // Begins behind the one that was last, so that idle ones take turns.
  #leastLoaded(): ThreadCell {
    const members = this.#members;
    this.#next = (this.#next + 1) % members.length;
    let best = this.#ready(this.#next);
    for (let step = 0; step < members.length && best.load > 0; step++) {
      const member = members[(this.#next + step) % members.length] as ThreadCell;
      if (isUp(member) && member.load < best.load) best = member;
    }
    return best;
  }

  #byKey(keyOf: (payload: unknown, type: string) => string | number, { payload, type }: Envelope): ThreadCell | Failure {
    try {
      const key = this.services.activity.within(undefined, () => String(keyOf(payload, type.name)), undefined);
      return this.#members[hashOf(key) % this.#members.length] as ThreadCell;
    } catch (thrown) {
      return { code: "HANDLER_FAILED", message: `the key of the message was not found: ${detailOf(thrown)}`, ran: "no" };
    }
  }
}

function poolOf(definition: BlueprintDefinition): BlueprintDefinition {
  // Made already.
  if (definition.children.some(({ blueprint }) => blueprint instanceof PoolMember)) return definition;
  const { size, stuckMs, heapBytesMax } = definition.placement ?? pool({ size: 1 });
  const member = new PoolMember({ ...definition, subscriptions: new Set(), placement: onWorker({ stuckMs, heapBytesMax }) });
  const children = Array.from({ length: size }, (_, at) => childOf(member, { name: `${definition.name}-${at + 1}` }));
  return { ...definition, model: () => undefined, carryOver: undefined, hooks: {}, children, supervision: { escalation: "stopSupervisor" } };
}

class PoolMember implements AnyBlueprint {
  readonly definition: BlueprintDefinition;

  constructor(definition: BlueprintDefinition) {
    this.definition = definition;
  }
}

function isUp(member: ThreadCell): boolean {
  return member.handle.status === "running";
}

/** FNV-1a: short, and even enough to spread keys over a few threads. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
