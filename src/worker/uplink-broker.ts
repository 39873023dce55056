// The broker of a thread, whose topics are kept by the one that started it: what is broadcast here goes there first, and
// comes back like everybody's broadcasts, to those agents of this thread that want it.

import type { BroadcastTarget } from "../agent/living.ts";
import { Broker, type BrokerServices } from "../broker/broker.ts";
import type { Subscriber } from "../broker/publication.ts";
import type { MessageType } from "../message/message-type.ts";
import type { Speaker } from "./line.ts";
import type { BroadcastPacket, Report } from "./packets.ts";
import type { Uplink } from "./uplink.ts";

export class UplinkBroker extends Broker {
  readonly #line: Speaker<Report>;
  readonly #uplink: Uplink;
  readonly #resident: string;
  readonly #types = new Map<string, MessageType>();
  readonly #subscribers = new Map<string, number>();

  /** `resident` is the id of the agent whose mailbox, and with it its subscriptions, is there. */
  constructor(services: BrokerServices, line: Speaker<Report>, uplink: Uplink, resident: string) {
    super(services);
    this.#line = line;
    this.#uplink = uplink;
    this.#resident = resident;
  }

  override broadcastFrom(source: string | undefined, type: MessageType, payload: unknown): void {
    this.#uplink.notify({ kind: "broadcast", type: type.name, payload, source });
  }

  override subscribeAgent(type: MessageType, target: BroadcastTarget): () => void {
    if (target.id === this.#resident) return () => {};
    this.#types.set(type.name, type);
    return super.subscribeAgent(type, target);
  }

  override join(topic: string, subscriber: Subscriber): () => void {
    const leave = super.join(topic, subscriber);
    this.#count(topic, 1, "subscribe");
    return () => {
      leave();
      this.#count(topic, -1, "unsubscribe");
    };
  }

  /** Somebody broadcast this, here or elsewhere. */
  arrived({ type, payload, source }: BroadcastPacket): void {
    const known = this.#types.get(type);
    if (known !== undefined) super.broadcastFrom(source, known, payload);
    this.#line.send({ kind: "heard", notices: 1 });
  }

  #count(topic: string, change: 1 | -1, kind: "subscribe" | "unsubscribe"): void {
    const before = this.#subscribers.get(topic) ?? 0;
    this.#subscribers.set(topic, before + change);
    if ((before === 0) !== (before + change === 0)) this.#line.send({ kind, type: topic });
  }
}
