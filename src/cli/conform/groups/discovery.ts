// What a server says of itself when it is asked: who is there, which types, and what each takes.

import type { Group } from "../case.ts";
import { absent, beginning, expectThat, including, Matching, someList, someText, wholeNumber } from "../expectation.ts";
import { acton2, acton2Pack, bare, type Fields, full, isFields, kinds } from "../tongue.ts";

const acton = [acton2, acton2Pack];

const flags = new Matching("an object of booleans", (value) => isFields(value) && Object.values(value).every((flag) => typeof flag === "boolean"));
const sorted = new Matching("a sorted array of texts", (value) => isSorted(value));
const product = { name: someText, version: someText };

export const discovery: Group = {
  name: "discovery",
  section: "Discover",
  tongues: full,
  needs: ["discovery"],
  sentences: [
    {
      says: "it tells the product, the application, the agents and the types",
      section: "Discovery answer",
      needs: ["discovery", "schemas", "calculator"],
      async run(peer) {
        peer.discover("1");
        const actors = including({
          name: "calculator",
          ern: someText,
          ...(peer.isBare ? { handles: including("AddRequest") } : { handles: absent }),
        });
        const answer = { ...peer.id("1"), success: true, product, application: product, actors, message_types: including("AddRequest") };
        const { message_types } = await peer.gets(answer, { kind: kinds.response });
        expectThat(message_types, sorted);
      },
    },
    {
      says: "it tells the version and the capabilities, each a boolean",
      section: "Capabilities",
      async run(peer) {
        peer.discover("1");
        const version = { current: 2, min_supported: 1, max_supported: 2, description: someText, capabilities: flags };
        await peer.gets(peer.isBare ? { protocol_version: 1, capabilities: flags } : { protocol_version: version });
      },
    },
    {
      says: "it has a schema, a kind and an example of each type",
      section: "Discovery answer",
      needs: ["discovery", "schemas", "calculator", "list_service", "price_feed"],
      async run(peer) {
        peer.discover("1");
        const schema = new Matching("a JSON Schema", isFields);
        const schemas = {
          AddRequest: { kind: "request", schema, replies: someText, example: { a: wholeNumber, b: wholeNumber } },
          ListRequest: { kind: "stream", schema, replies: someText, example: { page_size: wholeNumber } },
          PriceUpdate: { kind: "push", schema, replies: absent },
        };
        const { schemas: all, message_types } = await peer.gets({ schemas });
        expectThat(message_types, including(...Object.keys(all as Fields)));
      },
    },
    {
      says: "an example is a payload that the schema takes",
      section: "Discovery answer",
      needs: ["discovery", "schemas", "calculator"],
      async run(peer) {
        peer.discover("1");
        const { schemas } = await peer.gets({ schemas: { AddRequest: { example: new Matching("an example", isFields) } } });
        const { example } = (schemas as Readonly<Record<string, Fields>>)["AddRequest"] as { readonly example: unknown };
        peer.ask("2", { payload: example });
        await peer.replies("2", { sum: wholeNumber });
      },
    },
    {
      says: "agents and types are left out when they are not asked for",
      section: "acton discover",
      tongues: acton,
      async run(peer) {
        peer.discover("1", { include_actors: false });
        await peer.gets({ success: true, actors: absent, message_types: someList });
        peer.discover("2", { include_message_types: false });
        await peer.gets({ success: true, actors: someList, message_types: absent });
        peer.discover("3", { include_actors: false, include_message_types: false });
        await peer.gets({ success: true, actors: absent, message_types: absent, protocol_version: { current: 2 } });
      },
    },
    {
      says: "what to include must be a boolean",
      section: "acton discover",
      tongues: acton,
      async run(peer) {
        peer.discover("1", { include_actors: "yes" });
        await peer.gets({ correlation_id: "1", success: false, error: beginning("SERIALIZATION_ERROR: ") }, { kind: kinds.error });
        await peer.lives();
      },
    },
    {
      says: "an id that is in use is refused to it",
      section: "Rules",
      needs: ["discovery", "list_service", "streaming", "credit"],
      async run(peer) {
        peer.wait("1");
        peer.discover("1");
        await peer.refuses("1", "PROTOCOL_ERROR", { shape: "discovery" });
        await peer.lives();
      },
    },
    {
      says: "without an id it is answered under the id null",
      tongues: bare,
      async run(peer) {
        peer.send({ discover: true });
        await peer.gets({ request_id: null, success: true, actors: someList });
      },
    },
    {
      says: "discover that is not true asks for nothing",
      tongues: bare,
      async run(peer) {
        peer.send({ request_id: "1", discover: false });
        await peer.refuses("1", "SERIALIZATION_ERROR");
      },
    },
    {
      says: "it is not held up by a stream that waits",
      needs: ["discovery", "list_service", "streaming", "credit"],
      async run(peer) {
        peer.wait("slow");
        peer.discover("1");
        await peer.gets({ ...peer.id("1"), success: true });
      },
    },
  ],
};

function isSorted(value: unknown): boolean {
  return Array.isArray(value) && value.every((name: unknown, at) => at === 0 || String(value[at - 1]) < String(name));
}
