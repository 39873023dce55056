// A client of acton made of frames: writes whatever it is told, in either version and format, and collects what comes.

import { expect } from "bun:test";
import { packed, type Fields, type RawClient } from "../../support/raw-client.ts";
import type { TestServer } from "../../support/test-server.ts";
import { type ActonFrame, cutFrame } from "./recorded.ts";

export const kinds = {
  request: 0x01,
  response: 0x02,
  error: 0x03,
  heartbeat: 0x04,
  push: 0x05,
  subscribe: 0x06,
  unsubscribe: 0x07,
  discover: 0x08,
  stream: 0x09,
  subscribePatterns: 0x0a,
  unsubscribePatterns: 0x0b,
  cancel: 0x40,
  credit: 0x41,
  stats: 0x42,
  watch: 0x43,
} as const;

export const rejected = "__acton_connection_rejected__";

export type Spelling = "v1" | "json" | "msgpack";
export const spellings: readonly Spelling[] = ["v1", "json", "msgpack"];
/** The spellings of version 2, which has the kinds that version 1 lacks. */
export const formats: readonly Spelling[] = ["json", "msgpack"];

/** What the header of a frame in this spelling says. */
export function headerOf(spelling: Spelling): Pick<ActonFrame, "version" | "format"> {
  return { version: spelling === "v1" ? 1 : 2, format: spelling === "msgpack" ? "msgpack" : "json" };
}

/** One frame. A body of bytes goes as it is. */
export function actonFrame(kind: number, body: unknown, spelling: Spelling = "json"): Buffer {
  const bytes = body instanceof Uint8Array ? Buffer.from(body) : spelling === "msgpack" ? packed(body) : Buffer.from(jsonOf(body));
  const head = spelling === "v1" ? [0x01, kind] : [0x02, kind, spelling === "json" ? 0x01 : 0x02];
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, Buffer.from(head), bytes]);
}

/** JSON in which a bigint is bare digits. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) => (typeof held === "bigint" ? JSON.rawJSON(String(held)) : held));
}

export class ActonClient {
  readonly raw: RawClient;
  readonly spelling: Spelling;
  #taken = 0;

  constructor(raw: RawClient, spelling: Spelling) {
    this.raw = raw;
    this.spelling = spelling;
  }

  write(bytes: Uint8Array): void {
    this.raw.write(bytes);
  }

  send(kind: number, body: unknown, spelling = this.spelling): void {
    this.write(actonFrame(kind, body, spelling));
  }

  /** Sends one frame and gives the next one that comes. */
  ask(kind: number, body: unknown, spelling = this.spelling): Promise<ActonFrame> {
    this.send(kind, body, spelling);
    return this.next();
  }

  /** A request that wants its reply. */
  request(envelope: Fields, spelling = this.spelling): Promise<ActonFrame> {
    return this.ask(kinds.request, { expects_reply: true, ...envelope }, spelling);
  }

  /** Frames that have come and were not taken. */
  get waiting(): number {
    let count = 0;
    for (let cut = cutFrame(this.raw.bytes, this.#taken); cut !== undefined; cut = cutFrame(this.raw.bytes, cut.end)) count += 1;
    return count;
  }

  async next(): Promise<ActonFrame> {
    await this.raw.until(() => this.raw.ended || cutFrame(this.raw.bytes, this.#taken) !== undefined);
    const cut = cutFrame(this.raw.bytes, this.#taken);
    if (cut === undefined) throw new Error("the connection ended, and no frame came");
    this.#taken = cut.end;
    return cut.frame;
  }

  async take(count: number): Promise<ActonFrame[]> {
    const frames: ActonFrame[] = [];
    while (frames.length < count) frames.push(await this.next());
    return frames;
  }

  /** The frames up to the server's end. */
  async rest(): Promise<ActonFrame[]> {
    await this.raw.until(() => this.raw.ended);
    return this.take(this.waiting);
  }

  /** Resolves when everything sent before is answered: no frame came but the answer to this. */
  async expectNothingElse(): Promise<void> {
    const beat = await this.ask(kinds.heartbeat, Buffer.from("nothing else"));
    if (beat.kind !== kinds.heartbeat) throw new Error(`a frame of kind ${beat.kind} came: ${JSON.stringify(beat.fields)}`);
  }
}

export async function connectActon(server: TestServer, spelling: Spelling = "json"): Promise<ActonClient> {
  return new ActonClient(await server.connect({ uncut: true }), spelling);
}

export function echo(correlation: string, payload: unknown): Fields {
  return { correlation_id: correlation, target: "echo", message_type: "Echo", payload };
}

export function envelope(correlation: string, target: string, type: string, payload: unknown, more: Fields = {}): Fields {
  return { correlation_id: correlation, target, message_type: type, payload, ...more };
}

export const stream = { expects_stream: true };
export const reply = { expects_reply: true };

/** Asks in every spelling, and expects the same failure in each; then the connection lives. */
export async function expectFailure(client: ActonClient, request: Fields, failure: Fields): Promise<void> {
  for (const spelling of spellings) {
    const answer = await client.request(request, spelling);
    expect(answer).toMatchObject({ ...headerOf(spelling), kind: kinds.error });
    expect(answer.fields).toEqual({ correlation_id: request["correlation_id"], success: false, ...failure });
  }
  await client.expectNothingElse();
}

/** The same for a stream: one final frame. */
export async function expectStreamFailure(client: ActonClient, request: Fields, failure: Fields): Promise<void> {
  for (const spelling of spellings) {
    const answer = await client.ask(kinds.request, { ...request, ...stream }, spelling);
    expect(answer).toMatchObject({ version: 2, kind: kinds.stream, format: spelling === "msgpack" ? "msgpack" : "json" });
    expect(answer.fields).toEqual({ correlation_id: request["correlation_id"], sequence: 0, is_final: true, ...failure });
  }
  await client.expectNothingElse();
}

export async function subscribe(client: ActonClient, message_types: readonly string[], spelling = client.spelling): Promise<Fields> {
  return (await client.ask(kinds.subscribe, { correlation_id: "sub", message_types }, spelling)).fields;
}

export async function subscribePatterns(client: ActonClient, patterns: readonly string[], spelling = client.spelling): Promise<Fields> {
  return (await client.ask(kinds.subscribePatterns, { correlation_id: "psub", patterns }, spelling)).fields;
}
