// A client without ids, which matches answers first in, first out, as the guide's simplest clients do.

import type { SimulatedProcess, World } from "acton/testing";
import type { Fields } from "../support/raw-client.ts";
import { path, type Servers } from "./server.ts";
import { slackMs } from "./wire-caller.ts";
import { WireClient, type WireOwner } from "./wire-client.ts";

interface Expected {
  readonly n: number;
  readonly what: "reply" | "ping" | "stats" | "stream" | "unknown type";
  sequence: number;
}

export class OrderedCaller implements WireOwner {
  readonly wire: WireClient;
  readonly expected: Expected[] = [];
  readonly #world: World;
  readonly #servers: Servers;
  readonly #nextN: () => number;
  #refused = false;
  #heard = false;
  /** The longest silence before one of those that are not answered. */
  #gapMs = 0;
  #mayBeAnswer = false;

  constructor(world: World, servers: Servers, { process, nextN }: { readonly process: SimulatedProcess; readonly nextN: () => number }) {
    this.#world = world;
    this.#servers = servers;
    this.#nextN = nextN;
    const speech = world.choices.pick(["bare json", "bare msgpack"] as const);
    this.wire = new WireClient(world, path, { speech, owner: this, process });
  }

  send(): void {
    const { choices } = this.#world;
    const n = this.#nextN();
    const expect = (what: Expected["what"], fields: Fields): void => {
      this.expected.push({ n, what, sequence: 0 });
      if (this.expected.length === 1) this.#gapMs = 0;
      this.wire.send(fields);
      this.#gapMs = Math.max(this.#gapMs, this.wire.gapMs);
    };
    const kind = choices.below(7);
    if (kind === 0) expect("ping", { ping: true });
    else if (kind === 1) expect("stats", { stats: true });
    else if (kind === 2) expect("unknown type", { target: "echo", message_type: "Nothing", payload: { n }, expects_reply: true });
    else if (kind === 3) {
      const items = choices.below(4);
      const type = choices.pick(["Count", "Burst"]);
      expect("stream", { target: "streams", message_type: type, payload: { n, items, ms: choices.pick([0, 20]), size: 0 }, expects_stream: true });
    } else if (kind < 6) {
      const [target, type, more] = choices.pick([
        ["echo", "Echo", {}],
        ["slow", "Slow", { ms: choices.between(0, 80) }],
        ["slow", "Later", { ms: choices.between(0, 80) }],
      ] as const);
      const timeoutMs = choices.pick([undefined, 40]);
      const limit = timeoutMs === undefined ? {} : { timeout_ms: timeoutMs };
      expect("reply", { target, message_type: type, payload: { n, ...more }, expects_reply: true, ...limit });
    } else if (this.#heard) {
      // Not as the first frame: the dialect shows in one with a body.
      this.wire.write(Buffer.alloc(4));
    }
  }

  body(fields: Fields): void {
    // It was no refusal of the connection: more came after it.
    if (this.#refused && this.#mayBeAnswer) this.expected.shift();
    this.#refused = false;
    const first = this.expected[0];
    const code = fields["error_code"] as string | undefined;
    const isFirst = !this.#heard;
    this.#heard = true;
    this.#mayBeAnswer = code === "SHUTTING_DOWN" && first?.what !== "stream";
    // A connection is refused as such in the form of a response, whatever it has asked.
    if (
      code === "CONNECTION_LIMIT_REACHED" ||
      "unreadable" in fields ||
      (isFirst && code === "SHUTTING_DOWN" && !("stream_id" in fields)) ||
      (code === "PROTOCOL_ERROR" && this.wire.link?.wasDisturbed === true)
    ) {
      this.#refused = true;
      return;
    }
    const { link } = this.wire;
    if (code === "AGENT_STOPPED" && !this.#servers.isPastDrain(this.#servers.lifeOf(link?.socket("server").pid)))
      this.#fail(`it was cut off before the drain was over`);
    if (first === undefined) return this.#fail(`an answer to nothing: ${JSON.stringify(fields)}`);
    const isStreamFrame = "stream_id" in fields;
    if (isStreamFrame !== (first.what === "stream")) this.#fail(`the answer to ${first.what} ${first.n} is ${JSON.stringify(fields)}`);
    if (isStreamFrame) {
      if (fields["sequence"] !== first.sequence) this.#fail(`frame ${String(fields["sequence"])} of a stream came as number ${first.sequence}`);
      first.sequence += 1;
      if (fields["is_final"] !== true) return;
    } else if (first.what === "reply" && code === undefined) {
      const { n } = fields["payload"] as { readonly n: number };
      if (n !== first.n) this.#fail(`the answer to ${first.n} is that to ${n}`);
    } else if (first.what === "ping" && (code !== undefined || fields["payload"] !== null)) {
      this.#fail(`a ping was answered ${JSON.stringify(fields)}`);
    } else if (first.what === "stats" && code === undefined && !("connections_accepted" in (fields["payload"] as Fields))) {
      this.#fail("figures are missing");
    } else if (first.what === "unknown type" && code === undefined) {
      this.#fail("an unknown type was answered");
    }
    this.expected.shift();
  }

  over(): void {
    const { link, left } = this.wire;
    const life = this.#servers.lifeOf(link?.socket("server").pid);
    if (left || link === undefined || link.wasDisturbed || life === undefined || life.killed || this.#refused) return;
    // It may have been closed for its idleness while the next frame was on its way.
    const wasIdle = this.#gapMs > (this.#servers.settings.listener.connectionTimeoutMs ?? 0) - slackMs;
    for (const { n, what } of this.expected) {
      if (wasIdle && !life.ledger.hasBegun(n)) continue;
      if (life.ledger.hasBegun(n) || life.state === "serving") this.#fail(`the connection ended without an answer to ${what} ${n}`);
    }
  }

  #fail(what: string): void {
    this.#world.fail(`client ${this.wire.process.pid} without ids: ${what}`);
  }
}
