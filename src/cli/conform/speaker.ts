// A connection that speaks: what a case means to say and hear, in the fields of whichever dialect the connection has. Cases
// that look at one field of one dialect use the frames below it.

import { absent, beginning, either, type Matching, someText } from "./expectation.ts";
import { Peer } from "./peer.ts";
import { actonCode, actonText, bareText, type RefusalCode } from "./refusals.ts";
import { acton2, type Fields, kinds, type Tongue, acton2Pack } from "./tongue.ts";

/** What the connection holds, as the answer to a subscription has it. */
export interface Held {
  readonly types?: readonly string[];
  readonly patterns?: readonly string[];
  /** Types that nobody has registered. */
  readonly unknown?: readonly string[] | Matching;
}

/** What else is expected of a refusal. */
export interface RefusalDetail {
  readonly text?: Matching;
  readonly shape?: "response" | "stream" | "types" | "patterns" | "discovery";
  readonly sequence?: number;
}

export class Speaker extends Peer {
  get isBare(): boolean {
    return this.tongue.dialect === "bare";
  }

  /** The field that has the correlation, with this in it. */
  id(id: unknown): Fields {
    return { [this.isBare ? "request_id" : "correlation_id"]: id };
  }

  /** A sum, unless the fields say otherwise. */
  ask(id: string, fields: Fields = {}): void {
    this.send({ ...this.id(id), ...sum, ...fields });
  }

  /** A list of so many items, as a stream. */
  list(id: string, count: number, fields: Fields = {}): void {
    this.send({ ...this.id(id), ...listOf(count), expects_stream: true, ...fields });
  }

  /** A stream that waits for credit, and so goes on until it is cancelled. */
  wait(id: string, fields: Fields = {}): void {
    this.list(id, 3, { stream_window: 0, ...fields });
  }

  cancel(id: string): void {
    if (this.isBare) this.send({ cancel: id });
    else this.send(this.id(id), { kind: kinds.cancel, tongue: this.extensionTongue });
  }

  credit(id: string, credit: number): void {
    if (this.isBare) this.send({ credit, stream_id: id });
    else this.send({ ...this.id(id), credit }, { kind: kinds.credit, tongue: this.extensionTongue });
  }

  subscribe(id: string, types: unknown): void {
    this.send({ ...this.id(id), message_types: types }, { kind: kinds.subscribe });
  }

  unsubscribe(id: string, types: unknown): void {
    this.send({ ...this.id(id), [this.isBare ? "unsubscribe" : "message_types"]: types }, { kind: kinds.unsubscribe });
  }

  subscribePatterns(id: string, patterns: unknown): void {
    this.send({ ...this.id(id), patterns }, { kind: kinds.subscribePatterns });
  }

  unsubscribePatterns(id: string, patterns: unknown): void {
    this.send({ ...this.id(id), [this.isBare ? "unsubscribe_patterns" : "patterns"]: patterns }, { kind: kinds.unsubscribePatterns });
  }

  discover(id: string, fields: Fields = {}): void {
    this.send({ ...this.id(id), ...(this.isBare ? { discover: true } : {}), ...fields }, { kind: kinds.discover });
  }

  stats(id: string): void {
    this.send({ ...this.id(id), ...(this.isBare ? { stats: true } : {}) }, { kind: kinds.stats });
  }

  watch(id: string, agent: unknown): void {
    this.send({ ...this.id(id), watch: agent }, { kind: kinds.watch });
  }

  async replies(id: string | null, payload: unknown): Promise<Fields> {
    const failure = this.isBare ? { error: null } : { error: absent };
    return await this.gets({ ...this.id(id), success: true, payload, ...failure }, { kind: kinds.response });
  }

  async delivered(id: string | null): Promise<void> {
    await this.replies(id, { status: "delivered" });
  }

  async item(id: string, sequence: number, payload: unknown = { id: sequence, name: `item-${sequence}` }): Promise<void> {
    const stream = this.isBare ? { stream_id: id } : {};
    await this.gets({ ...this.id(id), ...stream, sequence, payload, is_final: false, error: absent }, this.streamHeader);
  }

  /** The end of a stream that went well and ended without a value. */
  async final(id: string, sequence: number): Promise<void> {
    const expected = this.isBare ? { stream_id: id, payload: null } : { payload: either(undefined, null) };
    await this.gets({ ...this.id(id), ...expected, sequence, is_final: true, error: absent, error_code: absent }, this.streamHeader);
  }

  async refuses(id: string | null, code: RefusalCode, { text, shape = "response", sequence = 0 }: RefusalDetail = {}): Promise<Fields> {
    if (this.isBare) {
      const common = { ...this.id(id), payload: null, error: text ?? bareText(code), error_code: code };
      if (shape === "stream") return await this.gets({ ...common, sequence, is_final: true });
      const held = shape === "types" || shape === "patterns" ? { subscribed_types: [], rejected_types: [], subscribed_patterns: [] } : {};
      return await this.gets({ ...common, success: false, ...held });
    }
    const correlation = this.id(id ?? "unknown");
    const failure = { error: text ?? (shape === "stream" && code === "TIMEOUT" ? someText : actonText(code)), error_code: actonCode(code) };
    if (shape === "stream") return await this.gets({ ...correlation, sequence, is_final: true, ...failure }, this.streamHeader);
    if (shape === "response") return await this.gets({ ...correlation, success: false, ...failure }, { kind: kinds.error });
    // What it replaces has no field for a code.
    const error = text ?? beginning(`${actonCode(code)}: `);
    if (shape === "patterns") return await this.gets({ ...correlation, success: false, error, subscribed_patterns: [] }, { kind: kinds.response });
    const held = shape === "types" ? { subscribed_types: [] } : {};
    return await this.gets({ ...correlation, success: false, error, ...held }, { kind: kinds.error });
  }

  /** The answer to subscribe and unsubscribe. Acton tells types and patterns apart, as `of` says. */
  async holds(id: string, { types = [], patterns = [], unknown = [] }: Held, of: "types" | "patterns" = "types"): Promise<Fields> {
    const answer = { ...this.id(id), success: true };
    if (this.isBare) {
      return await this.gets({ ...answer, subscribed_types: types, rejected_types: unknown, subscribed_patterns: patterns });
    }
    const held = of === "types" ? { subscribed_types: types } : { subscribed_patterns: patterns };
    const unregistered = of === "types" ? { unregistered_types: Array.isArray(unknown) && unknown.length === 0 ? absent : unknown } : {};
    return await this.gets({ ...answer, ...held, ...unregistered, error: absent }, { kind: kinds.response });
  }

  /** The connection is alive, and nothing else was on its way here. */
  async lives(): Promise<void> {
    const { isBare } = this;
    this.send(isBare ? { ping: true, request_id: "alive?" } : { alive: "?" }, { kind: kinds.heartbeat });
    await this.gets(isBare ? { request_id: "alive?" } : { alive: "?" }, { kind: kinds.heartbeat });
  }

  /** The frame is taken for none: said as the dialect says what is about the connection, which then ends. */
  async hangsUp(code: RefusalCode, text?: Matching): Promise<void> {
    if (this.isBare) await this.gets({ request_id: null, success: false, payload: null, error: text ?? bareText(code), error_code: code });
    else await this.gets(connectionFailure(code, text), { kind: kinds.error, tongue: acton2 });
    await this.ends();
  }

  // Version 1 has neither streams nor extensions: they are spoken of in version 2.
  get extensionTongue(): Tongue {
    return this.tongue.version === 1 ? acton2 : this.tongue;
  }

  get streamHeader(): { readonly kind?: number; readonly tongue: Tongue } {
    if (this.isBare) return { tongue: this.tongue };
    return { kind: kinds.stream, tongue: this.tongue.format === "json" ? acton2 : acton2Pack };
  }
}

export function connectionFailure(code: RefusalCode, text: Matching = actonText(code)): Fields {
  return { correlation_id: "__acton_connection_rejected__", success: false, error: text, error_code: code };
}

export const sum: Fields = { target: "calculator", message_type: "AddRequest", payload: { a: 5, b: 3 }, expects_reply: true };

export function listOf(count: number): Fields {
  return { target: "list_service", message_type: "ListRequest", payload: { page_size: count } };
}

export function setValue(key: string, value: unknown): Fields {
  return { target: "kv_store", message_type: "SetValue", payload: { key, value }, expects_reply: true };
}

export function getValue(key: string): Fields {
  return { target: "kv_store", message_type: "GetValue", payload: { key }, expects_reply: true };
}
