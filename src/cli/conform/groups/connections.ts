// Connections: what is answered before one ends, that others notice nothing of it, and the limits of one and of all.

import type { Group } from "../case.ts";
import { beginning, either, expectThat, Lacking, Unmet, wholeNumber } from "../expectation.ts";
import { connectionFailure, getValue, setValue, type Speaker, sum } from "../speaker.ts";
import { acton2, all, bareJson, barePack, type Fields, kinds } from "../tongue.ts";

const two = [bareJson, acton2];

/** More than a server of this protocol lets be open at a time, unless it is told to. */
const streamsTried = 129;
const connectionsTried = 128;

export const connections: Group = {
  name: "connections",
  section: "When a connection ends",
  tongues: all,
  needs: ["calculator"],
  sentences: [
    {
      says: "what was sent before the client shut its write side is answered, then the server ends",
      async run(peer) {
        for (const id of ["1", "2"]) peer.ask(id, { payload: { a: Number(id), b: 0 } });
        peer.shutdown();
        await peer.gets(either({ ...peer.id("1"), payload: { sum: 1 } }, { ...peer.id("2"), payload: { sum: 2 } }));
        await peer.gets(either({ ...peer.id("1"), payload: { sum: 1 } }, { ...peer.id("2"), payload: { sum: 2 } }));
        await peer.ends();
      },
    },
    {
      says: "a stream goes on to its end after the client has shut its write side",
      needs: ["list_service", "streaming"],
      async run(peer) {
        peer.list("1", 2000);
        peer.shutdown();
        for (let sequence = 0; sequence < 2000; sequence++) await peer.item("1", sequence);
        await peer.final("1", 2000);
        await peer.ends();
      },
    },
    {
      says: "thousands of requests are answered in full after the client has shut its write side",
      tongues: two,
      async run(peer) {
        const requests = 3000;
        peer.write(Buffer.concat(Array.from({ length: requests }, (_, n) => peer.frame({ ...peer.id(`${n}`), ...sum }))));
        peer.shutdown();
        for (let n = 0; n < requests; n++) await peer.gets({ success: true, payload: { sum: 8 } });
        await peer.ends();
      },
    },
    {
      says: "what a client has left open when it hangs up is over",
      tongues: two,
      needs: ["stats", "list_service", "streaming", "credit"],
      alone: true,
      async run(peer, { open }) {
        const other = await open(peer.tongue);
        const openStreams = async (): Promise<number> => {
          peer.stats("stats");
          const { payload } = await peer.replies("stats", { streams_open: wholeNumber });
          return Number((payload as Fields)["streams_open"]);
        };
        while ((await openStreams()) !== 0);
        for (const id of ["1", "2", "3"]) other.wait(id);
        await other.lives();
        expectThat(await openStreams(), 3);
        other.close();
        while ((await openStreams()) !== 0);
      },
    },
    {
      says: "a client that shuts its write side with nothing sent gets the end",
      tongues: [bareJson],
      needs: [],
      async run(peer) {
        peer.shutdown();
        await peer.ends();
      },
    },
    {
      says: "subscriptions do not keep a connection whose client has shut its write side",
      tongues: two,
      needs: ["push", "price_feed"],
      async run(peer) {
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        peer.shutdown();
        await peer.ends();
      },
    },
    {
      says: "half a frame before the client's end is not answered, and what came before it is",
      tongues: two,
      async run(peer) {
        peer.ask("1");
        peer.write(peer.frame({ ...peer.id("2") }).subarray(0, 9));
        peer.shutdown();
        await peer.replies("1", { sum: 8 });
        await peer.ends();
      },
    },
    {
      says: "a client that hangs up in the middle of a frame disturbs nobody",
      async run(peer, { open }) {
        const other = await open(peer.tongue);
        other.write(other.frame({ ...other.id("1"), target: "calculator" }).subarray(0, 20));
        other.close();
        peer.ask("1");
        await peer.replies("1", { sum: 8 });
        await peer.lives();
      },
    },
    {
      says: "a client that hangs up in the middle of its streams disturbs nobody else's",
      needs: ["list_service", "streaming"],
      async run(peer, { open }) {
        const other = await open(peer.tongue);
        peer.list("1", 1000);
        for (const id of ["1", "2", "3"]) other.list(id, 100_000);
        await other.item("1", 0).catch(() => undefined);
        other.close();
        for (let sequence = 0; sequence < 1000; sequence++) await peer.item("1", sequence);
        await peer.final("1", 1000);
      },
    },
    {
      says: "a frame that ends one connection ends no other",
      tongues: two,
      async run(peer, { open }) {
        const other = await open(bareJson);
        await peer.lives();
        other.write(Buffer.from("ffffffffff", "hex"));
        await other.gets({ success: false, error_code: "PROTOCOL_ERROR" });
        await other.ends();
        peer.ask("1");
        await peer.replies("1", { sum: 8 });
      },
    },
    {
      says: "a client that does not read holds up itself, and no other",
      tongues: two,
      needs: ["calculator", "list_service", "streaming"],
      async run(peer, { open }) {
        const slow = await open(peer.tongue);
        slow.stopReading();
        slow.list("1", 15_000);
        for (let n = 0; n < 20; n++) {
          peer.ask(`${n}`);
          await peer.replies(`${n}`, { sum: 8 });
        }
        slow.readOn();
        for (let sequence = 0; sequence < 15_000; sequence++) await slow.item("1", sequence);
        await slow.final("1", 15_000);
      },
    },
    {
      says: "a bad body between good ones costs its own request only",
      async run(peer) {
        peer.ask("1");
        await peer.replies("1", { sum: 8 });
        for (let n = 0; n < 10; n++) {
          peer.ask("bad", { payload: n });
          await peer.refuses("bad", "SERIALIZATION_ERROR");
        }
        peer.ask("2");
        await peer.replies("2", { sum: 8 });
      },
    },
    {
      says: "a reply that no frame can hold is HandlerFailed, and the connection lives",
      section: "Limits",
      tongues: two,
      needs: ["kv_store", "messagepack"],
      async run(peer, { open }) {
        const writer = await open(barePack);
        // Six bytes each in JSON, and one in MessagePack.
        const value = "\u0001".repeat(400_000);
        const key = `conform-too-long-${peer.tongue.name}`;
        writer.send({ request_id: "1", ...setValue(key, value) });
        await writer.replies("1", { key });
        peer.send({ ...peer.id("2"), ...getValue(key) });
        const answer = await peer.gets({ ...peer.id("2"), success: either(true, false) });
        writer.send({ request_id: "3", ...setValue(key, null) });
        await writer.replies("3", { key });
        if (answer["success"] === true) throw new Lacking("no limit of a mebibyte on what goes out");
        const said = peer.isBare ? "HandlerFailed: " : "I/O error: HandlerFailed: ";
        await peer.lives();
        if (!beginning(said).holds(answer["error"])) throw new Unmet(`an error that begins with ${said}`, String(answer["error"]));
      },
    },
    {
      says: "past the most streams that may be open it is TargetBusy, and the others go on",
      section: "Limits",
      tongues: two,
      needs: ["list_service", "streaming", "credit"],
      async run(peer) {
        for (let n = 0; n < streamsTried; n++) peer.wait(`s${n}`);
        peer.send(peer.isBare ? { ping: true, request_id: "last" } : { last: true }, { kind: kinds.heartbeat });
        const last = peer.isBare ? { request_id: "last" } : { last: true };
        const busy = { is_final: true, error_code: "TARGET_BUSY" };
        const answer = await peer.gets(either(last, busy));
        if (answer["error_code"] === undefined) throw new Lacking(`no limit up to ${streamsTried} streams`);
        for (let waiting = true; waiting;) waiting = (await peer.gets(either(last, busy)))["is_final"] === true;
        peer.credit("s0", 3);
        for (const sequence of [0, 1, 2]) await peer.item("s0", sequence);
        await peer.final("s0", 3);
      },
    },
    {
      says: "too many connections are refused one by one, each in its own dialect, one that is silent in acton, and then there is room again",
      section: "Refusals",
      tongues: two,
      needs: [],
      alone: true,
      async run(peer, { open }) {
        await peer.lives();
        const held: Speaker[] = [];
        for (let full = false; !full;) {
          if (held.length === connectionsTried) throw new Lacking(`no limit up to ${connectionsTried} connections`);
          const next = await open(peer.tongue);
          const answer = await greeted(next);
          full = answer["success"] === false;
          if (full) expectThat(answer, refusal(next));
          if (full) await next.ends();
          else held.push(next);
        }
        const silent = await open(acton2);
        await silent.gets(refusal(silent), { kind: kinds.error });
        for (const one of held) one.close();
        while ((await greeted(await open(peer.tongue)))["success"] === false);
        await peer.lives();
      },
    },
  ],
};

/** Says something, and gives what comes back. */
async function greeted(peer: Speaker): Promise<Fields> {
  peer.send(peer.isBare ? { ping: true, request_id: "1" } : { alive: "?" }, { kind: kinds.heartbeat });
  return (await peer.next()).fields;
}

function refusal(peer: Speaker): Fields {
  const error_code = "CONNECTION_LIMIT_REACHED";
  if (peer.isBare) return { request_id: null, success: false, payload: null, error: beginning("ConnectionLimitReached: "), error_code };
  return { ...connectionFailure(error_code), payload: { limit: wholeNumber } };
}
