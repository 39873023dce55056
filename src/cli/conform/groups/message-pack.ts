// MessagePack to the letter: which types may come, that integers stay integers both ways, string keys, and bounds. What comes
// back is held to the same by the reader of all cases.

import type { Group, Sentence } from "../case.ts";
import { either } from "../expectation.ts";
import { packed, Raw } from "../message-pack.ts";
import { getValue, listOf, setValue, sum } from "../speaker.ts";
import { acton2Pack, barePack } from "../tongue.ts";

/** Values that are not of this protocol, in the place of `a` or of any field. */
const refused: Readonly<Record<string, string>> = {
  "an extension of one byte": "d4 05 00",
  "an extension of sixteen bytes": `d8 05 ${"00".repeat(16)}`,
  "an extension with a length": "c7 02 05 00 00",
  "a timestamp": "d6 ff 00 00 00 00",
  "the type that is never used": "c1",
  "a map with an integer for a key": "81 01 02",
  "a map with nil for a key": "81 c0 02",
  "a map with binary for a key": "81 c4 01 78 02",
  "a string that is not UTF-8": "a2 c0 af",
  "a string with a surrogate in it": "a3 ed a0 80",
  "an array that claims 2^32−1 items": "dd ff ff ff ff",
  "a map that claims 2^32−1 members": "df ff ff ff ff",
  "a string that claims 2^32−1 bytes": "db ff ff ff ff",
  "binary that claims 2^32−1 bytes": "c6 ff ff ff ff",
};

/** Three in every width that an integer may have. */
const threes = ["03", "cc 03", "cd 00 03", "ce 00 00 00 03", "cf 00 00 00 00 00 00 00 03", "d0 03", "d1 00 03", "d2 00 00 00 03"];

const sums = [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];

const depthMax = 127;

export const messagePack: Group = {
  name: "MessagePack",
  section: "Frames",
  tongues: [barePack, acton2Pack],
  needs: ["calculator"],
  sentences: [
    ...Object.entries(refused).map(([what, hex]): Sentence => ({
      says: `${what} is SerializationError, and the connection lives`,
      async run(peer) {
        peer.ask("1", { field: new Raw(hex) });
        await peer.gets({ success: false, error_code: "SERIALIZATION_ERROR" });
        await peer.lives();
      },
    })),
    {
      says: "bytes after the value are SerializationError",
      async run(peer) {
        for (const extra of [[0xc0], [0x80], [0x00, 0x00]]) {
          peer.write(peer.around(Buffer.concat([packed({ ...peer.id("1"), ...sum }), Buffer.from(extra)])));
          await peer.refuses(null, "SERIALIZATION_ERROR");
        }
        await peer.lives();
      },
    },
    {
      says: "an end within the value is SerializationError",
      async run(peer) {
        const body = packed({ ...peer.id("1"), ...sum });
        for (const length of [1, 5, body.length - 1]) {
          peer.write(peer.around(body.subarray(0, length)));
          await peer.refuses(null, "SERIALIZATION_ERROR");
        }
        await peer.lives();
      },
    },
    {
      says: "integers are read in every width",
      async run(peer) {
        for (const hex of [...threes, "d3 00 00 00 00 00 00 00 03"]) {
          peer.ask("1", { payload: { a: 5, b: new Raw(hex) } });
          await peer.replies("1", { sum: 8 });
        }
        for (const hex of ["ff", "d0 ff", "d1 ff ff", "d2 ff ff ff ff", "d3 ff ff ff ff ff ff ff ff"]) {
          peer.ask("1", { payload: { a: 5, b: new Raw(hex) } });
          await peer.replies("1", { sum: 4 });
        }
      },
    },
    {
      says: "whole numbers within ±2^53−1 come back as integers, never as floats",
      async run(peer) {
        for (const whole of sums.flatMap((value) => [value, -value])) {
          if (Object.is(whole, -0)) continue;
          peer.ask("1", { payload: { a: whole, b: 0 } });
          await peer.replies("1", { sum: whole });
        }
      },
    },
    {
      says: "the numbers of a stream's frames are integers",
      section: "Stream frame",
      needs: ["list_service", "streaming"],
      async run(peer) {
        peer.send({ ...peer.id("1"), ...listOf(300), expects_stream: true });
        for (let sequence = 0; sequence < 300; sequence++) await peer.item("1", sequence);
        await peer.final("1", 300);
      },
    },
    {
      says: "fractions come back as they went in",
      needs: ["kv_store"],
      async run(peer) {
        const key = `conform-floats-${peer.tongue.name}`;
        const value = [0.5, -1.25, 1e-300, 3.25];
        peer.send({ ...peer.id("1"), ...setValue(key, value) });
        await peer.replies("1", { key });
        peer.send({ ...peer.id("2"), ...getValue(key) });
        await peer.replies("2", { value: value });
      },
    },
    {
      says: "an integer beyond ±2^53−1 is exact or refused, and never rounded",
      needs: ["kv_store"],
      async run(peer) {
        for (const value of [2n ** 53n + 1n, -(2n ** 63n), 2n ** 64n - 1n]) {
          const key = `conform-big-${peer.tongue.name}`;
          peer.send({ ...peer.id("1"), ...setValue(key, value) });
          const answer = await peer.gets(either({ success: true }, { success: false, error_code: "SERIALIZATION_ERROR" }));
          if (answer["success"] !== true) continue;
          peer.send({ ...peer.id("2"), ...getValue(key) });
          await peer.replies("2", { value });
        }
      },
    },
    {
      says: "strings, arrays and maps are read in every width",
      async run(peer) {
        const wide = {
          text: new Raw("da 00 01 78"),
          long: new Raw("db 00 00 00 01 78"),
          list: new Raw("dc 00 01 05"),
          longer: new Raw("dd 00 00 00 01 05"),
        };
        peer.ask("1", { ...wide, map: new Raw("de 00 01 d9 01 78 05"), wider: new Raw("df 00 00 00 01 da 00 01 78 05") });
        await peer.replies("1", { sum: 8 });
        peer.ask("2", { payload: new Raw("df 00 00 00 02 d9 01 61 05 da 00 01 62 03") });
        await peer.replies("2", { sum: 8 });
      },
    },
    {
      says: "binary is read, and refused only where the schema takes none",
      async run(peer) {
        peer.ask("1", { field: new Uint8Array([1, 2, 3]) });
        await peer.replies("1", { sum: 8 });
        peer.ask("2", { payload: { a: new Uint8Array([5]), b: 3 } });
        await peer.refuses("2", "SERIALIZATION_ERROR");
        await peer.lives();
      },
    },
    {
      says: "nil, booleans, texts and containers go in and come out",
      needs: ["kv_store"],
      async run(peer) {
        const key = `conform-values-${peer.tongue.name}`;
        const value = [
          null,
          true,
          false,
          "",
          "é🙂",
          "x".repeat(300),
          [],
          {},
          { a: [{ b: null }] },
          -1,
          1000,
          Array.from({ length: 20 }, (_, n) => n),
        ];
        peer.send({ ...peer.id("1"), ...setValue(key, value) });
        await peer.replies("1", { key });
        peer.send({ ...peer.id("2"), ...getValue(key) });
        await peer.replies("2", { key, value, found: true });
      },
    },
    {
      says: "the key __proto__ gives neither an envelope nor a payload any fields",
      async run(peer) {
        const { target, ...others } = sum;
        peer.send({ ...peer.id("1"), ...others, ["__proto__"]: { target } });
        await peer.refuses("1", "SERIALIZATION_ERROR");
        peer.ask("2", { payload: { a: 5, ["__proto__"]: { b: 3 } } });
        await peer.refuses("2", "SERIALIZATION_ERROR");
      },
    },
    {
      says: "127 containers inside one another are taken, and 128 are not",
      section: "Limits",
      async run(peer) {
        peer.ask("1", { field: new Raw(`${"91".repeat(depthMax - 2)}90`) });
        await peer.replies("1", { sum: 8 });
        peer.ask("2", { field: new Raw(`${"91".repeat(depthMax - 1)}90`) });
        await peer.gets({ success: false, error_code: "SERIALIZATION_ERROR" });
        await peer.lives();
      },
    },
    {
      says: "what is no map costs its request only",
      tongues: [acton2Pack],
      async run(peer) {
        for (const hex of ["c0", "05", "90", "a1 78"]) {
          peer.write(peer.around(new Raw(hex).bytes));
          await peer.refuses(null, "SERIALIZATION_ERROR");
        }
        await peer.lives();
      },
    },
  ],
};
