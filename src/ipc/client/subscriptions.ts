// All subscriptions of one client, by what they subscribe to. Local subscriptions to the same type or pattern share one on
// the wire, which begins with the first of them, ends with the last, and is made again on each new connection.

import { ActonError, quoted } from "../../errors.ts";
import type { Connection } from "./connection.ts";
import type { Body } from "./open-call.ts";
import { PendingQuery } from "./pending-call.ts";
import { type Push, PushStream, type SubscribeOptions } from "./push-stream.ts";

/** One type or pattern, and who reads it. */
interface Topic {
  /** As on the wire: a type's name, or a prefix and `*`. */
  readonly name: string;
  readonly prefix: string | undefined;
  readonly streams: Set<PushStream>;
  taken: boolean;
}

export class Subscriptions {
  readonly #timeoutMs: number;
  readonly #topics = new Map<string, Topic>();
  readonly #seqOfType = new Map<string, number>();
  #connection: Connection | undefined;
  #over: ActonError | undefined;

  /** `timeoutMs` bounds the wait for the server's word on a subscription. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  add(name: string, options: SubscribeOptions): PushStream {
    const stream = new PushStream(options, (left) => this.#leave(name, left));
    if (this.#over !== undefined) stream.finish(this.#over);
    if (stream.ended) return stream;
    const topic = this.#topics.get(name);
    if (topic === undefined) {
      const prefix = name.endsWith("*") ? name.slice(0, -1) : undefined;
      const added: Topic = { name, prefix, streams: new Set([stream]), taken: false };
      this.#topics.set(name, added);
      this.#ask(added);
    } else {
      topic.streams.add(stream);
      if (topic.taken) stream.taken();
    }
    return stream;
  }

  /** Subscribes on a new connection to everything that somebody still reads. */
  connected(connection: Connection): void {
    this.#connection = connection;
    this.#seqOfType.clear();
    for (const topic of this.#topics.values()) this.#ask(topic);
  }

  lost(): void {
    this.#connection = undefined;
  }

  /** No connection will come any more. What is subscribed to ends with `error`, or well; who comes later is told why. */
  finish(why: ActonError, error: ActonError | undefined): void {
    this.#over = why;
    const topics = [...this.#topics.values()];
    this.#topics.clear();
    for (const { streams } of topics) for (const stream of streams) stream.finish(error);
  }

  push(body: Body): void {
    const { message_type: type, payload = null, timestamp, source_agent: source } = body;
    if (typeof type !== "string") return;
    const { seq, lost } = this.#count(type, body);
    const push: Push = {
      type,
      payload,
      timestamp: typeof timestamp === "number" ? timestamp : 0,
      source: typeof source === "string" ? source : undefined,
      seq,
      dropped: 0,
    };
    const exact = this.#topics.get(type);
    if (exact !== undefined) for (const stream of exact.streams) stream.push(push, lost);
    for (const { prefix, streams } of this.#topics.values()) {
      if (prefix !== undefined && type.startsWith(prefix)) for (const stream of streams) stream.push(push, lost);
    }
  }

  // What the server calls dropped may have been of any type; the gap in a type's own count is exact. Before there is one to
  // compare with, and from a server that does not count, its figure has to do.
  #count(type: string, body: Body): { readonly seq: number; readonly lost: number } {
    const told = typeof body["dropped"] === "number" ? body["dropped"] : 0;
    const seq = body["seq"];
    if (typeof seq !== "number") return { seq: 0, lost: told };
    const last = this.#seqOfType.get(type);
    this.#seqOfType.set(type, seq);
    return { seq, lost: last === undefined || seq <= last ? told : seq - last - 1 };
  }

  #ask(topic: Topic): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    topic.taken = false;
    const question = topic.prefix === undefined ? { message_types: [topic.name] } : { patterns: [topic.name] };
    const settled = (error: ActonError | undefined): void => {
      // The answer may come when nobody is left to hear it, or when others have subscribed anew.
      if (this.#topics.get(topic.name) !== topic || this.#connection !== connection) return;
      if (error === undefined) this.#taken(topic);
      else this.#refused(topic, error, connection);
    };
    const call = new PendingQuery(connection, this.#timeoutMs, (body) => settled(rejection(topic, body as Body)), settled);
    try {
      connection.query(call, question);
      call.began(undefined);
    } catch (error) {
      settled(error as ActonError);
    }
  }

  #taken(topic: Topic): void {
    topic.taken = true;
    for (const stream of topic.streams) stream.taken();
  }

  // A connection that ended is the session's matter: it may come again.
  #refused(topic: Topic, error: ActonError, connection: Connection): void {
    if (connection.failure !== undefined) return;
    this.#topics.delete(topic.name);
    if (error.code === "TIMEOUT") this.#unsubscribe(topic);
    for (const stream of topic.streams) stream.finish(error);
  }

  #leave(name: string, stream: PushStream): void {
    const topic = this.#topics.get(name);
    if (topic === undefined || !topic.streams.delete(stream) || topic.streams.size > 0) return;
    this.#topics.delete(name);
    this.#unsubscribe(topic);
  }

  #unsubscribe(topic: Topic): void {
    this.#connection?.tell(topic.prefix === undefined ? { unsubscribe: [topic.name] } : { unsubscribe_patterns: [topic.name] });
  }
}

function rejection(topic: Topic, body: Body): ActonError | undefined {
  const rejected = body["rejected_types"];
  if (!Array.isArray(rejected) || !rejected.includes(topic.name)) return undefined;
  return new ActonError("UNKNOWN_MESSAGE_TYPE", `${quoted(topic.name)} is not registered`, { subject: topic.name });
}
