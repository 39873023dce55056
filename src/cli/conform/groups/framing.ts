// Frames: how bytes may be split and joined, how long they may be, and what an empty one means.

import type { Group } from "../case.ts";
import { containing, expectThat, Lacking } from "../expectation.ts";
import { getValue, setValue, sum } from "../speaker.ts";
import { acton1, acton2, acton2Pack, all, bare, bareFrame, bareJson, barePack, kinds, lengthOf } from "../tongue.ts";

const framesAtOnce = 100;

/** No server may take more than 16 MiB − 1. */
const tooLong = 2 ** 24;

const acton = [acton1, acton2, acton2Pack];

export const framing: Group = {
  name: "framing",
  section: "Frames",
  tongues: all,
  needs: ["calculator"],
  sentences: [
    {
      says: "a request that comes byte by byte is answered",
      async run(peer) {
        const frame = peer.frame({ ...peer.id("1"), ...sum });
        for (let at = 0; at < frame.length; at++) {
          peer.write(frame.subarray(at, at + 1));
          // What is written in one turn may come as one.
          await Bun.sleep(0);
        }
        await peer.replies("1", { sum: 8 });
      },
    },
    {
      says: "a hundred requests in one write are all answered",
      async run(peer) {
        peer.write(
          Buffer.concat(Array.from({ length: framesAtOnce }, (_, n) => peer.frame({ ...peer.id(`${n}`), ...sum, payload: { a: n, b: 0 } }))),
        );
        const ids: unknown[] = [];
        for (let n = 0; n < framesAtOnce; n++) {
          const { fields } = await peer.next({ kind: kinds.response });
          const id = fields[peer.isBare ? "request_id" : "correlation_id"];
          expectThat(fields, { success: true, payload: { sum: Number(id) } });
          ids.push(Number(id));
        }
        expectThat(
          ids.sort((one, other) => Number(one) - Number(other)),
          [...Array(framesAtOnce).keys()],
        );
        await peer.lives();
      },
    },
    {
      says: "thousands of requests that wait for no answer are all answered",
      tongues: [bareJson, acton2],
      async run(peer) {
        const requests = 5000;
        peer.write(Buffer.concat(Array.from({ length: requests }, (_, n) => peer.frame({ ...peer.id(`${n}`), ...sum, payload: { a: n, b: 0 } }))));
        const waiting = new Set(Array.from({ length: requests }, (_, n) => n));
        while (waiting.size > 0) {
          const { fields } = await peer.next({ kind: kinds.response });
          const id = Number(fields[peer.isBare ? "request_id" : "correlation_id"]);
          expectThat({ due: waiting.delete(id), ...fields }, { due: true, success: true, payload: { sum: id } });
        }
        await peer.lives();
      },
    },
    {
      says: "a frame whose header comes in two pieces is read",
      async run(peer) {
        const frame = peer.frame({ ...peer.id("1"), ...sum });
        peer.write(frame.subarray(0, 2));
        await Bun.sleep(1);
        peer.write(frame.subarray(2));
        await peer.replies("1", { sum: 8 });
      },
    },
    {
      says: "the end of one frame and the beginning of the next may come together",
      async run(peer) {
        const frames = Buffer.concat(["1", "2", "3"].map((id) => peer.frame({ ...peer.id(id), ...sum, payload: { a: Number(id), b: 0 } })));
        const third = Math.floor(frames.length / 3);
        for (const piece of [frames.subarray(0, third + 5), frames.subarray(third + 5, 2 * third + 9), frames.subarray(2 * third + 9)]) {
          peer.write(piece);
          await Bun.sleep(1);
        }
        for (const id of [1, 2, 3]) await peer.replies(String(id), { sum: id });
      },
    },
    {
      says: "an empty frame keeps the connection alive, and is not answered",
      section: "Keep-alive",
      tongues: bare,
      async run(peer) {
        peer.ask("1");
        await peer.replies("1", { sum: 8 });
        peer.write(...Array.from({ length: framesAtOnce }, () => bareFrame("")));
        peer.ask("2");
        await peer.replies("2", { sum: 8 });
      },
    },
    {
      says: "a heartbeat comes back with the same body",
      section: "acton heartbeat",
      tongues: acton,
      async run(peer) {
        peer.send({ n: 1, text: "é" }, { kind: kinds.heartbeat });
        await peer.gets({ n: 1, text: "é" }, { kind: kinds.heartbeat });
      },
    },
    {
      says: "a length beyond every limit is refused before a byte of the body has come",
      section: "When a connection ends",
      needs: [],
      async run(peer) {
        await peer.lives();
        peer.write(lengthOf(tooLong), header(peer.tongue.version, peer.tongue.format === "json" ? 1 : 2));
        await peer.hangsUp("PROTOCOL_ERROR", containing(String(tooLong)));
      },
    },
    {
      says: "the longest length that there is is refused, and nothing is made of it",
      section: "When a connection ends",
      tongues: [bareJson, acton2],
      needs: [],
      async run(peer) {
        await peer.lives();
        peer.write(lengthOf(2 ** 32 - 1), header(peer.tongue.version, 1));
        await peer.hangsUp("PROTOCOL_ERROR", containing(String(2 ** 32 - 1)));
      },
    },
    {
      says: "a first frame that is too long is refused in its own dialect",
      section: "When a connection ends",
      needs: [],
      tongues: [bareJson, acton2],
      async run(peer) {
        peer.write(lengthOf(tooLong), peer.isBare ? Buffer.from("{") : header(2, 1));
        await peer.hangsUp("PROTOCOL_ERROR", containing(String(tooLong)));
      },
    },
    {
      says: "requests before a frame that is too long are answered",
      section: "When a connection ends",
      tongues: [bareJson, acton2],
      async run(peer) {
        await peer.lives();
        peer.write(peer.frame({ ...peer.id("1"), ...sum }), lengthOf(tooLong), header(peer.tongue.version, 1));
        const answers = [await peer.next(), await peer.next()].map(({ fields }) => fields["success"]);
        if (answers.includes(true) && answers.includes(false)) await peer.ends();
        else await peer.gets("the sum, and a refusal");
      },
    },
    {
      says: "a body of 1 MiB is taken, and one byte more is refused",
      section: "Limits",
      tongues: [bareJson, acton2],
      async run(peer) {
        const body = Buffer.from(JSON.stringify({ ...peer.id("1"), ...sum }));
        peer.write(peer.around(Buffer.concat([body, Buffer.alloc(2 ** 20 - body.length, 0x20)])));
        await peer.replies("1", { sum: 8 });
        peer.write(peer.around(Buffer.concat([body, Buffer.alloc(2 ** 20 + 1 - body.length, 0x20)])));
        const { fields } = await peer.next({});
        if (fields["success"] === true) throw new Lacking("no limit of 1 MiB on what comes in");
        expectThat(fields, { success: false, error: containing(String(2 ** 20 + 1), String(2 ** 20)), error_code: "PROTOCOL_ERROR" });
        await peer.ends();
      },
    },
    {
      says: "a body of half a mebibyte goes in and comes out whole",
      section: "Limits",
      tongues: [bareJson, barePack, acton2, acton2Pack],
      needs: ["kv_store"],
      async run(peer) {
        const value = "0123456789abcdef".repeat(2 ** 15);
        const key = `conform-long-${peer.tongue.name}`;
        peer.send({ ...peer.id("1"), ...setValue(key, value) });
        await peer.replies("1", { key });
        peer.send({ ...peer.id("2"), ...getValue(key) });
        await peer.replies("2", { key, value, found: true });
        peer.send({ ...peer.id("3"), ...setValue(key, null) });
        await peer.replies("3", { key });
      },
    },
  ],
};

/** What stands between an acton frame's length and its body; in bare, nothing. */
function header(version: number, format: number): Buffer {
  return Buffer.from(version === 0 ? [] : version === 1 ? [1, kinds.request] : [2, kinds.request, format]);
}
