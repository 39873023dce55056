// A well-behaved client without a library: it asks with ids in any dialect, and knows what each answer may be. What the
// server owes it at any time is checked against what the agents have done.

import type { SimulatedProcess, World } from "acton/testing";
import type { Fields } from "../support/raw-client.ts";
import { type Life, path, type Servers } from "./server.ts";
import { type Speech, WireClient, type WireOwner } from "./wire-client.ts";

type Kind = "reply" | "delivery" | "stream" | "ping" | "stats" | "subscription" | "wrong body";

interface Asked {
  readonly n: number;
  readonly kind: Kind;
  readonly at: number;
  /** How long the connection had been idle before. */
  gapMs: number;
  /** Infinity is no limit. */
  readonly timeoutMs: number;
  /** Nothing may keep its answer back for long: no slow agent, no full mailbox. */
  readonly prompt: boolean;
  /** The agent may pass on a failure that it met itself. */
  readonly relayed: boolean;
  /** Items that are there at once: only credit holds them back. */
  readonly itemsReady: number;
  /** Items that a stream has when nothing goes wrong. */
  readonly items: number;
  /** The agent may restart with it. */
  readonly mayRestart: boolean;
  /** Frames that may come before the client gives credit. */
  allowed: number;
  received: number;
  cancelled: boolean;
}

/** Codes that say that no handler ran. */
const notRun = new Set([
  "TARGET_BUSY",
  "RATE_LIMITED",
  "SHUTTING_DOWN",
  "ACTOR_NOT_FOUND",
  "UNKNOWN_MESSAGE_TYPE",
  "SERIALIZATION_ERROR",
  "ACCESS_DENIED",
]);
/** How much later than it is due something may be seen: events wait while a little time passes. */
export const slackMs = 600;
const acton = { request: 1, push: 5, heartbeat: 4, subscribe: 6, unsubscribe: 7, cancel: 0x40, credit: 0x41, stats: 0x42 };

export class WireCaller implements WireOwner {
  readonly wire: WireClient;
  readonly open = new Map<string, Asked>();
  /** Pings under the ids of other requests. */
  readonly #twice = new Map<string, number>();
  readonly #world: World;
  readonly #servers: Servers;
  #nextN: () => number;
  #lastId = 0;
  /** Frames that cost a token: how many were sent, and when those that were answered with anything but RATE_LIMITED. */
  #charged = 0;
  readonly #served: number[] = [];
  #refused = false;
  #subscribed = false;
  /** Pushes: where each type's count stands, the gaps seen, the losses owned up to. */
  readonly #seq = new Map<string, { seq: number; n: number }>();
  #gaps = 0;
  #told = 0;

  constructor(
    world: World,
    servers: Servers,
    options: { readonly speech: Speech; readonly process: SimulatedProcess; readonly nextN: () => number },
  ) {
    this.#world = world;
    this.#servers = servers;
    this.#nextN = options.nextN;
    this.wire = new WireClient(world, path, { ...options, owner: this });
  }

  get life(): Life | undefined {
    return this.#servers.lifeOf(this.wire.link?.socket("server").pid);
  }

  /** A request for the reply, the delivery or the stream of an agent. */
  ask(kind: "reply" | "delivery" | "stream", target: string, type: string, payload: Fields, prompt: boolean): void {
    const { choices } = this.#world;
    const n = this.#nextN();
    const timeoutMs = choices.pick([undefined, undefined, 30, 200, 400]);
    const window = kind === "stream" && choices.once(2) ? choices.between(0, 5) : undefined;
    const expects = kind === "reply" ? { expects_reply: true } : kind === "stream" ? { expects_stream: true } : {};
    const more = { ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }), ...(window === undefined ? {} : { stream_window: window }) };
    const limit =
      kind === "delivery"
        ? Infinity
        : (timeoutMs ??
          (kind === "stream" && !this.#isActon ? Infinity : this.#isActon ? 30_000 : (this.#servers.settings.listener.requestTimeoutMs ?? 30_000)));
    const asked = {
      ...this.#asked(n, kind, limit, prompt, window ?? Infinity),
      relayed: target === "relay",
      mayRestart: target === "crasher",
      itemsReady: type === "Burst" ? Number(payload["items"]) : 0,
      items: Number(payload["items"] ?? 0),
    };
    this.#charged += 1;
    if (this.#isActon)
      this.#send(
        asked,
        {
          target,
          message_type: type,
          payload: { n, ...payload },
          response_timeout_ms: timeoutMs ?? 30_000,
          ...expects,
          ...(window === undefined ? {} : { stream_window: window }),
        },
        acton.request,
      );
    else this.#send(asked, { target, message_type: type, payload: { n, ...payload }, ...expects, ...more }, acton.request);
  }

  ping(): void {
    if (this.#isActon) return this.wire.send({ heartbeat: true }, acton.heartbeat);
    this.#send(this.#asked(this.#nextN(), "ping", Infinity, true), { ping: true }, 0);
  }

  /** Answered by a refusal; costs a token all the same. */
  sendWrongBody(): void {
    this.#charged += 1;
    this.#send(this.#asked(this.#nextN(), "wrong body", Infinity, true), { target: 7, message_type: "Echo" }, acton.request);
  }

  stats(): void {
    this.#send(this.#asked(this.#nextN(), "stats", Infinity, true), { stats: true }, acton.stats);
  }

  subscribe(): void {
    if (this.#subscribed) return;
    this.#subscribed = true;
    this.#charged += 1;
    this.#send(this.#asked(this.#nextN(), "subscription", Infinity, true), { message_types: ["NewsOne", "NewsTwo"] }, acton.subscribe);
  }

  cancelOne(): void {
    const [id, asked] = this.#pickOpen((each) => each.kind === "reply" || each.kind === "stream");
    if (asked === undefined) return;
    this.#cancel(id, asked);
  }

  /** Nothing more is asked of streams that wait for credit. */
  finish(): void {
    for (const [id, asked] of this.open) if (asked.kind === "stream" && !asked.cancelled) this.#cancel(id, asked);
  }

  creditOne(): void {
    const [id, asked] = this.#pickOpen((each) => each.kind === "stream" && each.allowed !== Infinity);
    if (asked === undefined) return;
    const credit = this.#world.choices.between(1, 4);
    asked.allowed += credit;
    this.wire.send(this.#isActon ? { correlation_id: id, credit } : { credit, stream_id: id }, acton.credit);
  }

  /** The same id again while it is in use: the second one is refused. */
  askTwice(): void {
    const [id] = this.#pickOpen((each) => each.kind === "reply" && !each.prompt);
    if (id === undefined || this.#isActon || this.#twice.has(id)) return;
    this.#twice.set(id, 1);
    const isPing = this.#servers.settings.listener.rateLimit !== null || this.#world.choices.once(2);
    const echo = { target: "echo", message_type: "Echo", payload: { n: this.#nextN() }, expects_reply: true };
    this.wire.send({ request_id: id, ...(isPing ? { ping: true } : echo) }, 0);
  }

  body(fields: Fields, kind: number): void {
    if (this.#isActon && kind === acton.heartbeat) return;
    if (fields["notification_type"] === "subscription" || (this.#isActon && kind === acton.push)) return this.#pushed(fields);
    const id = (this.#isActon ? fields["correlation_id"] : (fields["request_id"] ?? fields["stream_id"])) as string | null | undefined;
    if (id === null || id === undefined || id.startsWith("__")) return this.#connectionFailed(fields);
    const asked = this.open.get(id);
    const code = codeOf(fields);
    const second = this.#twice.get(id) ?? 0;
    const isSecond = asked === undefined || code === "PROTOCOL_ERROR" || (code === "SHUTTING_DOWN" && this.life?.ledger.hasBegun(asked.n) === true);
    if (second > 0 && isSecond) {
      this.#twice.set(id, second - 1);
      if (asked === undefined && code === "PROTOCOL_ERROR") this.#fail(`the second ${id} was answered ${JSON.stringify(fields)}`);
      return;
    }
    if (asked === undefined) return this.#fail(`an answer to ${id}, which was answered: ${JSON.stringify(fields)}`);
    if (asked.kind === "stream") this.#streamed(id, asked, fields, code);
    else this.#answered(id, asked, fields, code);
  }

  over(): void {
    const { link, left } = this.wire;
    const { life } = this;
    if (left || link === undefined || link.wasDisturbed || life === undefined || life.killed) return;
    const ending = life.state !== "serving" && life.state !== "starting";
    if (this.#refused) return;
    const { writeTimeoutMs = 0 } = this.#servers.settings.listener;
    const idleMax = this.#idleMsMax;
    for (const [id, { n }] of this.open) {
      const work = life.ledger.works.get(n);
      const slow = this.wire.notReadMs >= writeTimeoutMs - slackMs / 4;
      if (work?.answered === true && !work.signal.aborted && !slow)
        this.#servers.unanswered.push({ life, what: `the answer to ${id} of client ${this.wire.process.pid}` });
    }
    // Who does not read for too long is given up.
    if (this.wire.notReadMs >= writeTimeoutMs - slackMs / 4) return;
    // It may have been closed for its idleness while this was on its way.
    const wasIdle = [...this.open.values()].some(({ gapMs }) => gapMs > idleMax - slackMs);
    for (const [id, asked] of this.open) {
      if (life.ledger.hasBegun(asked.n) && asked.kind !== "delivery")
        this.#fail(`the connection ended without an answer to ${id}, which an agent had`);
      else if (!ending && !wasIdle) this.#fail(`the connection ended without an answer to ${id}`);
    }
    if (ending || wasIdle) return;
    const idleMs = Math.max(
      this.#world.now - Math.max(this.wire.sentAt, this.wire.connectedAt),
      this.#world.now - this.wire.sentAt < slackMs ? this.wire.gapMs + slackMs : 0,
    );
    if (idleMs < idleMax) this.#fail(`a ${this.#subscribed ? "subscriber" : "client"} was hung up on after ${idleMs} idle ms`);
  }

  /** What is owed when nothing is left to happen before time passes. */
  checkAtRest(): void {
    const { wire, life } = this;
    if (!wire.isCalm || life === undefined || life.state !== "serving" || this.#refused) return;
    const waiting = life.stats?.requestsWaiting ?? 0;
    const now = this.#world.now;
    for (const [id, asked] of this.open) {
      const isQuery = asked.kind === "ping" || asked.kind === "stats" || asked.kind === "subscription" || asked.kind === "wrong body";
      if (isQuery || (asked.prompt && waiting === 0)) this.#fail(`${asked.kind} ${id} is not answered`);
      if (now > Math.max(asked.at, wire.calmSince) + asked.timeoutMs + slackMs)
        this.#fail(`${asked.kind} ${id} has had no outcome ${now - asked.at} ms after it was sent`);
      const owed = life.ledger.hasBegun(asked.n) ? Math.min(asked.itemsReady, asked.allowed) : 0;
      if (asked.received < owed) this.#fail(`stream ${id} has got ${asked.received} of ${owed} items that there was credit for`);
      if (asked.cancelled && waiting === 0) this.#fail(`${asked.kind} ${id} was cancelled and has no outcome`);
    }
    const patience = this.#idleMsMax * (this.#isActon && !this.#subscribed ? 2 : 1);
    const busyAt = Math.max(wire.sentAt, wire.heardAt, wire.connectedAt, wire.calmSince);
    if (this.open.size === 0 && now > busyAt + patience + slackMs / 4) this.#fail(`nothing was heard for ${now - busyAt} ms`);
  }

  /** A drain that ends before its time has handed every answer to the kernel. */
  checkDrained(): void {
    const { life, wire } = this;
    if (life?.state !== "stopping" || life.listener?.isClosed !== true || this.#servers.isPastDrain(life)) return;
    if (wire.link?.socket("server").isBlocked !== true || wire.sentAt >= life.stoppingAt) return;
    const works = [...this.open].map(([id, { n }]) => ({ id, work: life.ledger.works.get(n) }));
    // What is answered without an agent, a ping for one, may have come after the drain, and be what blocks.
    if (works.some(({ work }) => work?.answered !== true)) return;
    for (const { id, work } of works) {
      if (work?.signal.aborted === false) this.#fail(`the drain was over before the answer to ${id} had left`);
    }
  }

  /** Losses are told in full once a push of each type came after them. */
  checkLosses(): void {
    if (!this.#subscribed || this.#seq.size < 2 || !this.wire.isCalm) return;
    if (this.#gaps !== this.#told) this.#fail(`${this.#gaps} pushes were lost, and ${this.#told} owned up to`);
  }

  get isSubscriber(): boolean {
    return this.#subscribed;
  }

  /** For how long the server lets it say nothing at least. */
  get #idleMsMax(): number {
    const { connectionTimeoutMs = 0, subscriptionTimeoutMs = 0 } = this.#servers.settings.listener;
    return !this.#subscribed ? connectionTimeoutMs : subscriptionTimeoutMs === 0 ? Infinity : subscriptionTimeoutMs;
  }

  get #isActon(): boolean {
    return this.wire.speech === "acton";
  }

  #asked(n: number, kind: Kind, timeoutMs: number, prompt: boolean, allowed = Infinity): Asked {
    return {
      n,
      kind,
      at: this.#world.now,
      gapMs: 0,
      timeoutMs,
      prompt,
      relayed: false,
      mayRestart: false,
      itemsReady: 0,
      items: 0,
      allowed,
      received: 0,
      cancelled: false,
    };
  }

  #send(asked: Asked, fields: Fields, kind: number): void {
    this.#lastId += 1;
    const id = String(this.#lastId);
    this.open.set(id, asked);
    this.wire.send(this.#isActon ? { correlation_id: id, ...fields } : { request_id: id, ...fields }, kind);
    asked.gapMs = this.wire.gapMs;
  }

  #cancel(id: string, asked: Asked): void {
    asked.cancelled = true;
    this.wire.send(this.#isActon ? { correlation_id: id } : { cancel: id }, acton.cancel);
  }

  #pickOpen(fits: (asked: Asked) => boolean): readonly [string, Asked] | readonly [undefined, undefined] {
    const fitting = [...this.open].filter(([, asked]) => fits(asked) && !asked.cancelled);
    return fitting.length === 0 ? [undefined, undefined] : this.#world.choices.pick(fitting);
  }

  #answered(id: string, asked: Asked, fields: Fields, code: string | undefined): void {
    this.open.delete(id);
    this.#account(asked, code);
    if (code !== undefined) return this.#failedWith(id, asked, code);
    if (asked.kind === "wrong body") this.#fail(`a wrong body was answered ${JSON.stringify(fields)}`);
    if (fields["success"] !== true) return this.#fail(`${id} has neither success nor failure: ${JSON.stringify(fields)}`);
    const payload = fields["payload"] as Fields | null;
    if (asked.kind === "reply") {
      if (payload?.["n"] !== asked.n) this.#fail(`${id} got the answer of another: ${JSON.stringify(payload)} for ${asked.n}`);
      if (this.life?.ledger.works.get(asked.n)?.answered !== true) this.#fail(`${id} got an answer that nobody gave`);
    }
    if (asked.kind === "delivery" && payload?.["status"] !== "delivered") this.#fail(`${id} was not delivered: ${JSON.stringify(fields)}`);
  }

  #streamed(id: string, asked: Asked, fields: Fields, code: string | undefined): void {
    if (fields["is_final"] === undefined && code !== undefined) {
      this.open.delete(id);
      this.#account(asked, code);
      return this.#failedWith(id, asked, code);
    }
    if (fields["sequence"] !== asked.received) this.#fail(`frame ${String(fields["sequence"])} of stream ${id} came as number ${asked.received}`);
    asked.received += 1;
    if (fields["is_final"] === true) {
      this.open.delete(id);
      this.#account(asked, code);
      if (code !== undefined) this.#failedWith(id, asked, code);
      else if (asked.received !== asked.items + 1) this.#fail(`stream ${id} ended after ${asked.received - 1} of ${asked.items} items`);
      return;
    }
    if (asked.received > asked.allowed) this.#fail(`item ${asked.received} of stream ${id} came without credit (${asked.allowed})`);
    const running = [...this.open.values()].filter(({ kind, received }) => kind === "stream" && received > 0).length;
    const { streamsMax = 0 } = this.#servers.settings.listener;
    if (running > streamsMax) this.#fail(`${running} streams are open, at most ${streamsMax} may be`);
    const payload = fields["payload"] as Fields | null;
    if (payload?.["i"] !== asked.received - 1) this.#fail(`item ${asked.received - 1} of stream ${id} is ${JSON.stringify(payload)?.slice(0, 80)}`);
    const held = (this.life?.ledger.works.get(asked.n)?.produced ?? 0) - asked.received;
    if (held < 0) this.#fail(`stream ${id} has more items than were made`);
  }

  #failedWith(id: string, asked: Asked, code: string): void {
    const { life } = this;
    const begun = life?.ledger.hasBegun(asked.n) === true;
    if (notRun.has(code) && begun) this.#fail(`${id} failed with ${code}, but an agent had it`);
    if (code === "TIMEOUT" && this.#world.now < asked.at + asked.timeoutMs && asked.kind !== "stream" && !asked.relayed)
      this.#fail(`${id} timed out too early`);
    if (code === "TIMEOUT" && asked.timeoutMs === Infinity && asked.kind !== "stream") this.#fail(`${id} timed out without a limit`);
    if (code === "CANCELLED" && !asked.cancelled) this.#fail(`${id} was cancelled by nobody`);
    if (code === "AGENT_STOPPED" && !asked.relayed && !asked.mayRestart && !this.#servers.isPastDrain(life))
      this.#fail(`${id} was cut off before the drain was over`);
    if (code === "SHUTTING_DOWN" && life?.state === "serving") this.#fail(`${id} was refused by a server that serves`);
    if (
      code === "CANCELLED" &&
      begun &&
      life?.ledger.works.get(asked.n)?.over === false &&
      life.ledger.works.get(asked.n)?.signal.aborted === false
    ) {
      this.#fail(`${id} was cancelled, and its handler does not know`);
    }
    if (code === "CONNECTION_LIMIT_REACHED" || code === "ADDRESS_IN_USE") this.#fail(`${id} failed with ${code}`);
  }

  // Tokens: at most the burst and what has flowed in since; and never a refusal within the burst.
  #account(asked: Asked, code: string | undefined): void {
    const limit = this.#servers.settings.listener.rateLimit;
    const isFree = asked.kind === "ping" || asked.kind === "stats";
    if (isFree && code === "RATE_LIMITED") this.#fail(`${asked.kind} is free, and was refused`);
    if (isFree) return;
    if (code === "RATE_LIMITED") {
      if (limit === null || limit === undefined) this.#fail("rate limited without a limit");
      else if (this.#charged <= (limit.burstSize ?? limit.requestsPerSecond)) this.#fail("rate limited within the burst");
      return;
    }
    if (code === "SHUTTING_DOWN" || code === "CONNECTION_LIMIT_REACHED") return;
    if (limit === null || limit === undefined) return;
    this.#served.push(asked.at);
    this.#served.sort((one, other) => one - other);
    // However the frames were spaced: those of any span of time had to find a token each.
    for (const [index, from] of this.#served.entries()) {
      const count = this.#served.length - index;
      const most = (limit.burstSize ?? 0) + ((this.#world.now - from) * limit.requestsPerSecond) / 1000;
      if (count > most + 0.001) this.#fail(`${count} frames were served within ${this.#world.now - from} ms, and the rate limit allows ${most}`);
    }
  }

  #pushed(fields: Fields): void {
    const type = fields["message_type"] as string;
    const seq = fields["seq"] as number;
    const { n } = fields["payload"] as { readonly n: number };
    const before = this.#seq.get(type);
    this.#told += (fields["dropped"] as number | undefined) ?? 0;
    if (before !== undefined && seq - before.seq !== n - before.n)
      this.#fail(`push ${n} of ${type} has seq ${seq}; before it ${before.n} had ${before.seq}`);
    if (before !== undefined && seq <= before.seq) this.#fail(`push ${seq} of ${type} came after ${before.seq}`);
    this.#gaps += seq - (before?.seq ?? -1) - 1;
    this.#seq.set(type, { seq, n });
    if (this.#gaps > this.#told) this.#fail(`${this.#gaps} pushes are missing, and ${this.#told} were owned up to`);
    if (!this.#subscribed) this.#fail("a push that was not asked for");
  }

  #connectionFailed(fields: Fields): void {
    const code = codeOf(fields) ?? "";
    if (code === "CONNECTION_LIMIT_REACHED" || (code === "SHUTTING_DOWN" && this.life?.state !== "serving")) this.#refused = true;
    else if (code === "PROTOCOL_ERROR" && this.wire.link?.wasDisturbed === true) this.#refused = true;
    else if (!("unreadable" in fields)) this.#fail(`the connection failed: ${JSON.stringify(fields)}`);
    else this.#refused = true;
  }

  #fail(what: string): void {
    this.#world.fail(`${this.wire.speech} client ${this.wire.process.pid}: ${what}`);
  }
}

function codeOf(fields: Fields): string | undefined {
  const code = fields["error_code"];
  if (typeof code === "string") return code;
  const error = fields["error"];
  return typeof error === "string" ? (/^([A-Z_]+): /.exec(error)?.[1] ?? "UNKNOWN") : undefined;
}
