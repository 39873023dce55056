// What an acton client learns from discovery, and that nothing in it keeps acton's own reader from the rest.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { ActonApp, agent, app, message } from "acton";
import { silentLog } from "../../../src/log.ts";
import { RunningApplication } from "../../../src/running-application.ts";
import { type Fields, RawClient } from "../../support/raw-client.ts";
import { TemporaryDirectory, TestServer } from "../../support/test-server.ts";
import { ActonClient, connectActon, formats, kinds, type Spelling } from "./support.ts";

async function discover(server: TestServer, wanted: Fields, format: Spelling = "json"): Promise<Fields> {
  const client = await connectActon(server, format);
  const answer = await client.ask(kinds.discover, { correlation_id: "d", ...wanted });
  expect(answer).toMatchObject({ version: 2, kind: kinds.response, format });
  return answer.fields;
}

test.each([
  [{}, true, true],
  [{ include_actors: true, include_message_types: true }, true, true],
  [{ include_actors: false }, false, true],
  [{ include_message_types: false }, true, false],
  [{ include_actors: false, include_message_types: false }, false, false],
])("%j: what is not asked for is left out, not null", async (wanted, actors, types) => {
  await using server = await TestServer.start();
  for (const format of formats) {
    const answer = await discover(server, wanted, format);
    expect(answer).toMatchObject({ correlation_id: "d", success: true, product: { name: "acton" } });
    expect("actors" in answer).toBe(actors);
    expect("message_types" in answer).toBe(types);
    expect("error" in answer).toBe(false);
  }
});

test("actors have a name and an ern and nothing else; message types are sorted names", async () => {
  await using server = await TestServer.start();
  for (const format of formats) {
    const answer = await discover(server, {}, format);
    const actors = answer["actors"] as Fields[];
    expect(new Set(actors.map(({ name }) => name))).toEqual(new Set(["alone", "echo", "holder", "notes", "streams"]));
    for (const actor of actors) expect(actor).toEqual({ name: actor["name"], ern: expect.stringMatching(/^ern:/) as unknown });
    const types = answer["message_types"] as string[];
    expect(types).toEqual(types.toSorted());
    expect(types).toContain("Echo");
    expect(types).toContain("Price");
  }
});

test("the protocol version has the range, a description, and capabilities that are booleans only", async () => {
  await using server = await TestServer.start();
  for (const format of formats) {
    const version = (await discover(server, {}, format))["protocol_version"] as Fields;
    const { capabilities, description, ...range } = version;
    expect(range).toEqual({ current: 2, min_supported: 1, max_supported: 2 });
    expect(typeof description).toBe("string");
    const listed = capabilities as Fields;
    for (const key of ["messagepack", "streaming", "push", "discovery", "cancel", "credit", "trace", "reply_to", "patterns"])
      expect(listed[key]).toBe(true);
    for (const [key, value] of Object.entries(listed)) {
      expect(typeof value).toBe("boolean");
      expect(key).toMatch(/^[\x21-\x7e]+$/);
    }
  }
});

test("each message type has its kind, schema, reply and an example that its schema takes", async () => {
  await using server = await TestServer.start();
  for (const format of formats) {
    const schemas = (await discover(server, {}, format))["schemas"] as Record<string, Fields>;
    expect(schemas["Add"]).toMatchObject({ kind: "request", replies: "Sum", schema: { type: "object" } });
    expect(schemas["Count"]).toMatchObject({ kind: "stream", replies: "Item" });
    expect(schemas["Price"]).toMatchObject({ kind: "push" });
    const client = await connectActon(server, format);
    const example = schemas["Add"]?.["example"];
    const answer = await client.ask(kinds.request, {
      correlation_id: "x",
      target: "echo",
      message_type: "Add",
      payload: example,
      expects_reply: true,
    });
    expect(answer.fields["success"]).toBe(true);
  }
});

test("a type that JSON Schema cannot describe keeps nobody from discovering the others", async () => {
  await using server = await TestServer.start();
  const Wide = message("Wide", { value: z.bigint(), at: z.date().optional() }).replies(message("WideAnswer", z.bigint()));
  server.runtime.ipcExpose("wide", await server.runtime.start(agent("wide", () => ({})).actOn(Wide, ({ message: { value } }) => value)));
  for (const format of formats) {
    const answer = await discover(server, {}, format);
    expect(answer["success"]).toBe(true);
    expect(answer["message_types"]).toContain("Wide");
    expect((answer["schemas"] as Record<string, Fields>)["Add"]).toMatchObject({ kind: "request" });
  }
});

test("of the application that is served, discovery says name and version, in every dialect", async () => {
  using directory = new TemporaryDirectory();
  const socketPath = join(directory.path, "s.sock");
  const Ping = message("Ping", {}).replies(message("Pong", {}));
  const application = app({ name: "shop", version: "4.5.6", agents: [agent("pinger", () => ({})).actOn(Ping, () => ({}))] });
  await using runtime = ActonApp.launch({ log: silentLog, application });
  await RunningApplication.start(application, runtime, silentLog);
  await runtime.startIpcListener({ socketPath });
  for (const format of formats) {
    await using raw = await RawClient.connect(socketPath, { uncut: true });
    const { fields } = await new ActonClient(raw, format).ask(kinds.discover, { correlation_id: "d" });
    expect(fields).toMatchObject({ success: true });
    expect(fields["application"]).toEqual({ name: "shop", version: "4.5.6" });
  }
  await using bare = await RawClient.connect(socketPath);
  expect((await bare.ask({ discover: true, request_id: "d" }))["application"]).toEqual({ name: "shop", version: "4.5.6" });
});

test("an answer beyond the frame limit is a refusal in the shape of discovery, and the connection lives", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 1_000 } });
  for (const format of formats) {
    const client = await connectActon(server, format);
    const answer = await client.ask(kinds.discover, { correlation_id: "d" });
    expect(answer).toMatchObject({ kind: kinds.error, fields: { correlation_id: "d", success: false } });
    await client.expectNothingElse();
  }
});
