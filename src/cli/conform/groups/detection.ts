// Which dialect a connection speaks: decided by the byte after its first length, and kept for life.

import type { Group, Sentence } from "../case.ts";
import { Unmet } from "../expectation.ts";
import { connectionFailure, sum } from "../speaker.ts";
import { acton2, actonFrame, bareFrame, bareJson, barePack, bodyOf, kinds, type Tongue } from "../tongue.ts";

const tongues = [bareJson];

export const detection: Group = {
  name: "detection",
  section: "Frames",
  tongues,
  sentences: [
    ...[0x20, 0x09, 0x0a, 0x0d].map((space): Sentence => ({
      says: `JSON may begin with white space ${hex(space)}`,
      needs: ["calculator"],
      async run(peer) {
        peer.write(bareFrame(Buffer.concat([Buffer.of(space), bodyOf("json", { request_id: "1", ...sum })])));
        await peer.replies("1", { sum: 8 });
      },
    })),
    {
      says: "each of the bytes 80 to 8f begins MessagePack",
      tongues: [barePack],
      async run(_peer, { open }) {
        for (let byte = 0x80; byte <= 0x8f; byte++) {
          const peer = await open(barePack);
          peer.write(bareFrame(Buffer.of(byte)));
          await peer.gets({ request_id: null, success: false, error_code: "SERIALIZATION_ERROR" });
          peer.close();
        }
      },
    },
    ...[
      [0xde, 0x00],
      [0xdf, 0x00, 0x00, 0x00],
    ].map(([first = 0, ...rest]): Sentence => ({
      says: `a map may begin with ${hex(first)}`,
      tongues: [barePack],
      needs: ["calculator"],
      async run(peer) {
        const body = bodyOf("msgpack", { request_id: "1", ...sum });
        peer.write(bareFrame(Buffer.concat([Buffer.of(first, ...rest, (body[0] as number) & 0x0f), body.subarray(1)])));
        await peer.replies("1", { sum: 8 });
      },
    })),
    ...[0x00, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08].map((version): Sentence => ({
      says: `a first byte ${hex(version)} is a version that is not spoken`,
      tongues: [acton2],
      async run(peer) {
        peer.write(actonFrame([version, kinds.heartbeat, 1], "{}"));
        await peer.hangsUp("UNSUPPORTED_PROTOCOL_VERSION");
      },
    })),
    ...[
      [0x0b, 0x1f],
      [0x21, 0x7a],
      [0x7c, 0x7f],
      [0x90, 0xdd],
      [0xe0, 0xff],
    ].map(([from = 0, to = 0]): Sentence => ({
      says: `no first byte from ${hex(from)} to ${hex(to)} is of a dialect, and each is told so in bare JSON`,
      async run(_peer, { open }) {
        for (let byte = from; byte <= to; byte++) {
          if (byte === 0x0d || byte === 0x20) continue;
          const peer = await open(bareJson);
          peer.write(bareFrame(Buffer.of(byte, 0x20)));
          await peer.hangsUp("PROTOCOL_ERROR");
          peer.close();
        }
      },
    })),
    {
      says: "a client of HTTP is told that this is none of its dialects",
      async run(peer) {
        peer.write(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        await peer.hangsUp("PROTOCOL_ERROR");
      },
    },
    {
      says: "each frame has its own format, and its answer has the same",
      needs: ["messagepack", "calculator"],
      async run(peer) {
        for (const [n, tongue] of ([bareJson, barePack, barePack, bareJson, barePack] satisfies Tongue[]).entries()) {
          peer.send({ request_id: `${n}`, ...sum }, { tongue });
          await peer.gets({ request_id: `${n}`, success: true, payload: { sum: 8 } }, { tongue });
        }
      },
    },
    {
      says: "frames of both formats in one write are each answered in theirs",
      needs: ["messagepack", "calculator"],
      async run(peer) {
        const order = [bareJson, barePack, bareJson, barePack];
        peer.write(...order.map((tongue, n) => peer.frame({ request_id: `${n}`, ...sum }, { tongue })));
        for (const _ of order) {
          const { format, body } = await peer.frameOf("an answer");
          const id = String(/[0-3]/.exec(body.toString("latin1").slice(body.indexOf("request_id") + 10))?.[0]);
          const wanted = order[Number(id)]?.format;
          if (format !== wanted) throw new Unmet(`the answer ${id} in ${wanted}`, `it in ${format}`);
        }
      },
    },
    {
      says: "a connection that began in bare is never acton",
      needs: ["calculator"],
      async run(peer) {
        peer.ask("1");
        await peer.replies("1", { sum: 8 });
        peer.write(actonFrame([2, kinds.heartbeat, 1], "{}"));
        await peer.hangsUp("PROTOCOL_ERROR");
      },
    },
    {
      says: "a connection that began in acton is never bare",
      tongues: [acton2],
      async run(peer) {
        await peer.lives();
        peer.write(bareFrame('{"discover":true}'));
        await peer.gets(connectionFailure("UNSUPPORTED_PROTOCOL_VERSION"), { kind: kinds.error });
        await peer.ends();
      },
    },
    {
      says: "a later frame that begins with no byte of bare is refused, and ends the connection",
      needs: ["calculator"],
      async run(peer) {
        peer.ask("1");
        await peer.replies("1", { sum: 8 });
        peer.write(bareFrame("[1]"));
        await peer.hangsUp("PROTOCOL_ERROR");
      },
    },
  ],
};

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
