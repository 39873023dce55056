// One connection in either dialect and format, with the extensions that both have: the same test for all of them.

import { expect } from "bun:test";
import type { Fields } from "../../support/raw-client.ts";
import type { TestServer } from "../../support/test-server.ts";
import { connectActon, kinds, type Spelling } from "./support.ts";

/** What a client of either dialect can do here; answers come as fields. */
export interface Caller {
  readonly idField: "correlation_id" | "request_id";
  request(id: string, target: string, type: string, payload: unknown, more?: Fields): void;
  cancel(id: string): void;
  credit(id: string, credit: number): void;
  stats(id: string): void;
  watch(id: string, agent: unknown): void;
  next(): Promise<Fields>;
  nothingElse(): Promise<void>;
}

async function actonCaller(server: TestServer, spelling: Spelling): Promise<Caller> {
  const client = await connectActon(server, spelling);
  return {
    idField: "correlation_id",
    request: (id, target, type, payload, more = {}) =>
      client.send(kinds.request, { correlation_id: id, target, message_type: type, payload, ...more }),
    cancel: (id) => client.send(kinds.cancel, { correlation_id: id }),
    credit: (id, credit) => client.send(kinds.credit, { correlation_id: id, credit }),
    stats: (id) => client.send(kinds.stats, { correlation_id: id }),
    watch: (id, name) => client.send(kinds.watch, { correlation_id: id, watch: name }),
    next: async () => (await client.next()).fields,
    nothingElse: () => client.expectNothingElse(),
  };
}

async function bareCaller(server: TestServer, format: "json" | "msgpack"): Promise<Caller> {
  const client = await server.connect();
  const send = (body: Fields): void => (format === "json" ? client.send(body) : client.sendPacked(body));
  return {
    idField: "request_id",
    request: (id, target, type, payload, more = {}) => send({ request_id: id, target, message_type: type, payload, ...more }),
    cancel: (id) => send({ cancel: id }),
    credit: (id, credit) => send({ credit, stream_id: id }),
    stats: (id) => send({ stats: true, request_id: id }),
    watch: (id, name) => send({ watch: name, request_id: id }),
    next: () => client.next(),
    nothingElse: async () => {
      send({ ping: true, request_id: "nothing else" });
      expect(await client.next()).toMatchObject({ request_id: "nothing else" });
    },
  };
}

export const callers: ReadonlyArray<readonly [dialect: string, connect: (server: TestServer) => Promise<Caller>]> = [
  ["acton JSON", (server) => actonCaller(server, "json")],
  ["acton MessagePack", (server) => actonCaller(server, "msgpack")],
  ["bare JSON", (server) => bareCaller(server, "json")],
  ["bare MessagePack", (server) => bareCaller(server, "msgpack")],
];
