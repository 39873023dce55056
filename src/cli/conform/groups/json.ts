// JSON to the letter: UTF-8, one value and nothing after it, whole numbers exact, keys that are data, and bounds on depth.

import type { Group, Sentence } from "../case.ts";
import { containing, either, Matching, shown } from "../expectation.ts";
import { getValue, setValue } from "../speaker.ts";
import { acton1, acton2, bareJson } from "../tongue.ts";

/** The text of a sum's body, with this in the place of one part. */
function text({ id = '"1"', a = "5", more = "", after = "" }): string {
  const head = `"request_id":${id},"correlation_id":${id},"target":"calculator","message_type":"AddRequest","expects_reply":true`;
  return `{${head},"payload":{"a":${a},"b":3}${more}}${after}`;
}

/** Bodies that are not JSON, by what is wrong with them. */
const broken: Readonly<Record<string, string | Uint8Array>> = {
  "a byte after the value": text({ after: "x" }),
  "a second value": text({ after: "{}" }),
  "a NUL after the value": text({ after: "\u0000" }),
  "an end within the value": text({}).slice(0, -2),
  "a comma at the end": text({ more: "," }),
  "a comment": text({ more: " /* no */" }),
  "single quotes": text({ more: ",'x':1" }),
  "a key without quotes": text({ more: ",x:1" }),
  NaN: text({ a: "NaN" }),
  Infinity: text({ a: "Infinity" }),
  "a number with a plus": text({ a: "+5" }),
  "a number with a leading zero": text({ a: "05" }),
  "a number in hexadecimal": text({ a: "0x5" }),
  "a line feed within a string": text({ more: ',"x":"\n"' }),
  "an escape that is none": text({ more: ',"x":"\\x41"' }),
  "white space and no value": "   ",
  "an array behind white space": " [1]",
  "a text behind white space": ' "text"',
};

const notUtf8: Readonly<Record<string, readonly number[]>> = {
  "a lone continuation byte": [0x80],
  "an overlong form": [0xc0, 0xaf],
  "a surrogate": [0xed, 0xa0, 0x80],
  "a code point beyond the last": [0xf4, 0x90, 0x80, 0x80],
  "a sequence that is cut off": [0xe2, 0x82],
};

const depthMax = 127;

export const json: Group = {
  name: "JSON",
  section: "Frames",
  tongues: [bareJson, acton2],
  needs: ["calculator"],
  sentences: [
    ...Object.entries(broken).map(([what, body]): Sentence => ({
      says: `${what} is SerializationError, and the connection lives`,
      async run(peer) {
        peer.write(peer.around(body));
        await peer.refuses(null, "SERIALIZATION_ERROR");
        await peer.lives();
      },
    })),
    {
      says: "bytes that are not UTF-8 are SerializationError, wherever they are",
      tongues: [bareJson, acton1, acton2],
      async run(peer) {
        for (const bytes of Object.values(notUtf8)) {
          const [before = "", after = ""] = text({ more: ',"x":"|"' }).split("|");
          peer.write(peer.around(Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])));
          await peer.refuses(null, "SERIALIZATION_ERROR");
        }
        await peer.lives();
      },
    },
    {
      says: "a byte order mark is no JSON",
      async run(peer) {
        await peer.lives();
        peer.write(peer.around(Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(text({}))])));
        // To bare it is a frame that begins with no byte of its own.
        if (peer.isBare) await peer.hangsUp("PROTOCOL_ERROR");
        else await peer.refuses(null, "SERIALIZATION_ERROR");
      },
    },
    {
      says: "white space around the value and within it is none of its business",
      async run(peer) {
        peer.write(peer.around(` \t\r\n${text({}).replaceAll(":", " :\n\t").replaceAll(",", " ,\r")} \n`));
        await peer.replies("1", { sum: 8 });
      },
    },
    {
      says: "escapes are read, in keys, too",
      async run(peer) {
        peer.write(peer.around(text({ id: '"\\u0031\\u00e9\\ud83d\\ude42\\/"' }).replace('"payload"', '"pa\\u0079load"')));
        await peer.replies("1é🙂/", { sum: 8 });
      },
    },
    {
      says: "a lone surrogate in an id cannot be told, and is refused",
      async run(peer) {
        peer.write(peer.around(text({ id: '"\\ud800"' })));
        await peer.refuses(null, "SERIALIZATION_ERROR");
        await peer.lives();
      },
    },
    {
      says: "of a key that is written twice the last one counts",
      async run(peer) {
        peer.write(peer.around(text({ more: ',"payload":{"a":1,"b":1,"b":2}' })));
        await peer.replies("1", { sum: 3 });
      },
    },
    {
      says: "the key __proto__ is data: it gives an envelope no fields",
      async run(peer) {
        peer.write(peer.around(text({}).replace('"target":"calculator"', '"__proto__":{"target":"calculator"}')));
        await peer.refuses("1", "SERIALIZATION_ERROR");
        peer.write(peer.around(text({ more: ',"__proto__":{"expects_reply":false},"constructor":{"prototype":{"target":"x"}}' })));
        await peer.replies("1", { sum: 8 });
      },
    },
    {
      says: "the key __proto__ gives a payload no fields",
      async run(peer) {
        peer.write(peer.around(text({ more: ',"payload":{"a":5,"__proto__":{"b":3}}' })));
        await peer.refuses("1", "SERIALIZATION_ERROR");
      },
    },
    {
      says: "the key constructor goes in and comes out",
      needs: ["kv_store"],
      async run(peer) {
        const value = { constructor: { prototype: 1 }, toString: "text", hasOwnProperty: [null] };
        peer.send({ ...peer.id("1"), ...setValue("conform-keys", value) });
        await peer.replies("1", { key: "conform-keys" });
        peer.send({ ...peer.id("2"), ...getValue("conform-keys") });
        await peer.replies("2", { key: "conform-keys", value, found: true });
      },
    },
    {
      says: "a text with a lone surrogate is refused, or goes out to acton as something that its clients can read",
      section: "Frames",
      tongues: [acton2],
      needs: ["bare", "kv_store"],
      async run(peer, { open }) {
        const writer = await open(bareJson);
        writer.send({ request_id: "1", ...setValue("conform-surrogate", "\ud800") });
        await writer.gets({ request_id: "1", success: either(true, false) });
        peer.send({ ...peer.id("2"), ...getValue("conform-surrogate") });
        const wellFormed = new Matching("well-formed texts", (payload) => !/\\ud[89a-f]/i.test(shown(payload)));
        await peer.gets(either({ success: true, payload: wellFormed }, { success: false }));
        await peer.lives();
      },
    },
    {
      says: "whole numbers up to 2^53−1 are exact, and come back whole",
      async run(peer) {
        for (const [a, sum] of [
          ["9007199254740988", 9007199254740991],
          ["-9007199254740991", -9007199254740988],
          ["0", 3],
          ["-0", 3],
        ] as const) {
          peer.write(peer.around(text({ a })));
          await peer.replies("1", { sum });
        }
      },
    },
    {
      says: "a whole number beyond 2^53−1 is exact or refused, and never rounded",
      needs: ["kv_store"],
      async run(peer) {
        const value = 2n ** 53n + 1n;
        const key = `conform-big-${peer.tongue.name}`;
        peer.send({ ...peer.id("1"), ...setValue(key, value) });
        const answer = await peer.gets(either({ success: true }, { success: false, error_code: "SERIALIZATION_ERROR" }));
        if (answer["success"] !== true) return;
        peer.send({ ...peer.id("2"), ...getValue(key) });
        await peer.replies("2", { value });
      },
    },
    {
      says: "numbers beyond every range are refused",
      async run(peer) {
        for (const a of ["1e400", "-1e400", "9".repeat(400), "18446744073709551616"]) {
          peer.write(peer.around(text({ a })));
          await peer.gets({ success: false, error_code: "SERIALIZATION_ERROR" });
        }
        await peer.lives();
      },
    },
    {
      says: "127 containers inside one another are taken, and 128 are not",
      section: "Limits",
      async run(peer) {
        const nested = (depth: number): string => text({ more: `,"x":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}` });
        peer.write(peer.around(nested(depthMax)));
        await peer.replies("1", { sum: 8 });
        peer.write(peer.around(nested(depthMax + 1)));
        await peer.gets({ success: false, error_code: "SERIALIZATION_ERROR", error: containing("deep", String(depthMax)) });
        await peer.lives();
      },
    },
    {
      says: "a hundred thousand values and keys are taken, or refused, and the connection lives",
      section: "Limits",
      async run(peer) {
        peer.write(peer.around(text({ more: `,"x":[${"0,".repeat(90_000)}0]` })));
        await peer.replies("1", { sum: 8 });
        peer.write(peer.around(text({ more: `,"x":[${"0,".repeat(100_000)}0]` })));
        await peer.gets(either({ success: true, payload: { sum: 8 } }, { success: false, error_code: "SERIALIZATION_ERROR" }));
        await peer.lives();
      },
    },
    {
      says: "a body of nothing but open brackets costs its request only",
      section: "Limits",
      async run(peer) {
        peer.write(peer.around(`{"a":${"[".repeat(500_000)}`));
        await peer.refuses(null, "SERIALIZATION_ERROR");
        await peer.lives();
      },
    },
    {
      says: "an error's text is one line of printable characters, whatever the input was",
      section: "Errors",
      tongues: [bareJson],
      async run(peer) {
        peer.ask("1", { target: 'a "b"\n\u001b[31m\u0000c' });
        const printable = new Matching(
          "one line of printable characters",
          (error) => typeof error === "string" && !/[\p{Cc}\u2028\u2029]/u.test(error),
        );
        await peer.gets({ success: false, error: printable, error_code: "ACTOR_NOT_FOUND" });
      },
    },
  ],
};
