// What a server says of itself: discovery, figures, ping and heartbeat; and the end of an agent, which is watched for.

import type { Group } from "../case.ts";
import { absent, containing, expectThat, including, Matching, someList, someText, Unmet, wholeNumber } from "../expectation.ts";
import { acton1, acton2, acton2Pack, bare, type Fields, full, isFields, kinds } from "../tongue.ts";

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
      needs: ["discovery", "calculator"],
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
      needs: ["discovery", "calculator", "list_service", "price_feed"],
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
      needs: ["discovery", "calculator"],
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
        await peer.gets({ correlation_id: "1", success: false, error: containing("include_actors") }, { kind: kinds.error });
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

const counters = ["active_connections", "connections_accepted", "messages_processed", "frames_received", "frames_sent", "errors"];

export const figures: Group = {
  name: "stats, ping",
  section: "Stats",
  tongues: full,
  sentences: [
    {
      says: "stats are answered with the listener's figures",
      section: "Figures",
      needs: ["stats"],
      async run(peer) {
        peer.stats("1");
        await peer.replies("1", { ...Object.fromEntries(counters.map((counter) => [counter, wholeNumber])), draining: false });
      },
    },
    {
      says: "what is done shows in the figures",
      section: "Figures",
      needs: ["stats", "calculator"],
      async run(peer) {
        peer.stats("1");
        const { payload: before } = await peer.replies("1", { messages_processed: wholeNumber });
        peer.ask("2");
        await peer.replies("2", { sum: 8 });
        peer.ask("3", { target: "nobody-here" });
        await peer.refuses("3", "ACTOR_NOT_FOUND");
        peer.stats("4");
        const more = (counter: string, by: number): Matching => {
          const least = Number((before as Fields)[counter]) + by;
          return new Matching(`${least} or more`, (value) => Number(value) >= least);
        };
        await peer.replies("4", {
          messages_processed: more("messages_processed", 1),
          errors: more("errors", 1),
          frames_received: more("frames_received", 3),
        });
      },
    },
    {
      says: "a ping is answered by a response whose payload is null",
      section: "Ping",
      tongues: bare,
      async run(peer) {
        peer.send({ request_id: "1", ping: true });
        await peer.replies("1", null);
        peer.send({ ping: true });
        await peer.replies(null, null);
      },
    },
    {
      says: "a heartbeat without a body comes back without one",
      section: "acton heartbeat",
      tongues: [acton1, ...acton],
      async run(peer) {
        const frame = peer.frame({}, { kind: kinds.heartbeat });
        peer.write(Buffer.from(frame.subarray(0, peer.tongue.version + 5).fill(0, 0, 4)));
        const { kind, version, body } = await peer.frameOf("a heartbeat");
        expectThat({ kind, version, bytes: body.length }, { kind: kinds.heartbeat, version: peer.tongue.version, bytes: 0 });
      },
    },
    {
      says: "a heartbeat's body need not be of its format, and comes back byte for byte",
      section: "acton heartbeat",
      tongues: [acton1, ...acton],
      async run(peer) {
        const bytes = Buffer.from("not JSON \u0000\u00ff", "latin1");
        peer.write(peer.around(bytes, kinds.heartbeat));
        const { bytes: came } = await peer.frameOf("the heartbeat");
        if (!came.equals(peer.around(bytes, kinds.heartbeat))) throw new Unmet("the same frame", came.toString("hex"));
      },
    },
  ],
};

export const watch: Group = {
  name: "watch",
  section: "Watch",
  tongues: full,
  needs: ["watch", "calculator"],
  sentences: [
    {
      says: "an agent that is not there is AgentNotFound at once",
      async run(peer) {
        peer.watch("1", "nobody-here");
        await peer.refuses("1", "ACTOR_NOT_FOUND", { text: containing("nobody-here") });
        await peer.lives();
      },
    },
    {
      says: "it is silent while the agent lives, holds nothing up, and can be cancelled",
      async run(peer) {
        peer.watch("1", "calculator");
        peer.ask("2");
        await peer.replies("2", { sum: 8 });
        peer.cancel("1");
        await peer.refuses("1", "CANCELLED");
        await peer.lives();
      },
    },
    {
      says: "its id is in use meanwhile",
      async run(peer) {
        peer.watch("1", "calculator");
        peer.ask("1");
        await peer.refuses("1", "PROTOCOL_ERROR");
        peer.cancel("1");
        await peer.refuses("1", "CANCELLED");
      },
    },
    {
      says: "without an id, or with a name that is no text, it is refused",
      async run(peer) {
        peer.send({ watch: "calculator" }, { kind: kinds.watch });
        await peer.refuses(null, "SERIALIZATION_ERROR");
        peer.watch("1", 5);
        await peer.refuses("1", "SERIALIZATION_ERROR", { text: containing("watch") });
        await peer.lives();
      },
    },
  ],
};

function isSorted(value: unknown): boolean {
  return Array.isArray(value) && value.every((name: unknown, at) => at === 0 || String(value[at - 1]) < String(name));
}
