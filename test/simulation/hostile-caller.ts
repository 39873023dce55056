// Clients that do what no client should. The server owes them little: not to keep them for ever, and not to let
// anybody else feel them.

import type { Link, SimulatedProcess, World } from "acton/testing";
import { frameOf, jsonFrame } from "../support/raw-client.ts";
import { firstBytesMs } from "../../src/ipc/wire/detect.ts";
import { path, type Servers } from "./server.ts";
import { slackMs } from "./wire-caller.ts";
import { WireClient, type WireOwner } from "./wire-client.ts";

const kinds = ["half a frame", "garbage", "a frame too long", "never reads", "says nothing", "connects and leaves", "half-closes"] as const;

export class HostileCaller implements WireOwner {
  readonly wire: WireClient;
  readonly kind: (typeof kinds)[number];
  readonly #world: World;
  readonly #servers: Servers;
  readonly #nextN: () => number;
  /** Bytes of half a frame. */
  #sent = 0;

  constructor(world: World, servers: Servers, { process, nextN }: { readonly process: SimulatedProcess; readonly nextN: () => number }) {
    this.#world = world;
    this.#servers = servers;
    this.#nextN = nextN;
    this.kind = world.choices.pick(kinds);
    this.wire = new WireClient(world, path, { speech: "bare json", owner: this, process });
    this.#act();
  }

  body(): void {}

  over(): void {}

  /** It goes on as it began. */
  more(): void {
    if (this.kind === "never reads" && this.wire.isOpen) this.#askForMuch();
  }

  checkAtRest(): void {
    const { link } = this.wire;
    if (!this.wire.isCalm || link === undefined || this.#servers.lifeOf(link.socket("server").pid)?.state !== "serving") return;
    const { frameTimeoutMs = 0, connectionTimeoutMs = 0 } = this.#servers.settings.listener;
    const quietMs = this.#world.now - Math.max(this.wire.sentAt, this.wire.heardAt, this.wire.calmSince);
    // Refused, too, it may be asked to show its first bytes for a while.
    const halfMs = this.#sent < 5 ? Math.max(frameTimeoutMs, firstBytesMs) : frameTimeoutMs;
    const most = { "half a frame": halfMs, garbage: 0, "a frame too long": frameTimeoutMs, "says nothing": connectionTimeoutMs }[this.kind as string];
    if (most !== undefined && quietMs > most + slackMs / 2) this.#world.fail(`a client that sent ${this.kind} is kept for ${quietMs} ms`);
  }

  #act(): void {
    const { wire } = this;
    const { choices } = this.#world;
    const whole = jsonFrame({ request_id: "1", ping: true });
    switch (this.kind) {
      case "half a frame":
        this.#sent = choices.between(1, whole.length - 1);
        return wire.write(whole.subarray(0, this.#sent));
      case "garbage":
        return wire.write(choices.once(2) ? frameOf("[1, 2]") : Buffer.from([0, 0, 0, 9, 0xc1, 1, 2, 3]));
      case "a frame too long":
        return wire.write(Buffer.concat([Buffer.from([0x7f, 0xff, 0xff, 0xff]), Buffer.from("{")]));
      case "never reads":
        wire.setReading(false);
        return this.#askForMuch();
      case "says nothing":
        return;
      case "connects and leaves":
        wire.write(whole);
        return wire.hangUp();
      case "half-closes":
        wire.write(whole);
        return wire.shut();
    }
  }

  #askForMuch(): void {
    for (let i = 0; i < 4; i++) {
      const n = this.#nextN();
      this.wire.send({ request_id: String(n), target: "echo", message_type: "Echo", payload: { n, size: 2000 }, expects_reply: true });
    }
    this.wire.setReading(false);
  }
}

const patienceMs = 2500;

/** Connections, seen from the kernel: whether the server lets go of those that are dead or do not read. */
export class LinkWatch {
  readonly #world: World;
  readonly #servers: Servers;
  readonly #seen = new Map<Link, { written: number; progressAt: number; goneAt: number | undefined }>();

  constructor(world: World, servers: Servers) {
    this.#world = world;
    this.#servers = servers;
  }

  check(): void {
    const { now } = this.#world;
    const { writeTimeoutMs = 0 } = this.#servers.settings.listener;
    for (const link of this.#world.machine.links) {
      const server = link.socket("server");
      let seen = this.#seen.get(link);
      if (seen === undefined) this.#seen.set(link, (seen = { written: 0, progressAt: now, goneAt: undefined }));
      if (!server.isBlocked || server.written !== seen.written) {
        seen.written = server.written;
        seen.progressAt = now;
      } else if (now - seen.progressAt > writeTimeoutMs) {
        this.#world.fail(`a client has read nothing for ${now - seen.progressAt} ms`);
      }
      if (server.isClosed || !link.socket("client").isClosed || !link.isCalm) seen.goneAt = undefined;
      else if (seen.goneAt === undefined) seen.goneAt = now;
      else if (this.#world.isIdle && now - seen.goneAt > patienceMs) this.#world.fail(`a dead client is kept for ${now - seen.goneAt} ms`);
    }
  }
}
