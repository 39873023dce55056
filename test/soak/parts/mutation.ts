// Damages bytes the way that finds mistakes in parsers: single bits, telling bytes, lengths, pieces moved and lost.

import type { Chance } from "./chance.ts";

// Every tag of MessagePack that has a meaning of its own or lies at an edge, and what JSON is punctuated with.
const tellingBytes = Buffer.concat([
  Buffer.from([0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xe0, 0xff, 0xed, 0xf4]),
  Buffer.from(Array.from({ length: 32 }, (_, n) => 0xc0 + n)),
  Buffer.from(`{}[]",:\\ \n019eE.+-tfnu`),
]);

const tellingTexts: readonly Buffer[] = [
  ...[
    '"__proto__":',
    "1e400",
    "-1e309",
    "18446744073709551616",
    "9007199254740993",
    "-0",
    "0.0",
    "\\ud800",
    "\\udc00\\ud83d",
    "\\u0000",
    "null",
    "true",
  ],
  ...["[".repeat(130), "]".repeat(130), '{"a":'.repeat(130), '"', "\\", "\\\\", "//", "NaN", "Infinity", "\ufeff", ",,", "{}", "[]", '{"a":1,"a":2}'],
]
  .map((text) => Buffer.from(text))
  .concat([
    Buffer.from([0xc1]),
    Buffer.from([0xc7, 0x00, 0x05]),
    Buffer.from([0xd4, 0x00, 0x00]),
    Buffer.from([0xd6, 0xff, 0, 0, 0, 0]),
    Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0xdf, 0x7f, 0xff, 0xff, 0xff]),
    Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0xc6, 0x00, 0x10, 0x00, 0x00]),
    Buffer.from([0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]),
    Buffer.alloc(130, 0x91),
    Buffer.alloc(130, 0x81),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0xc0, 0xaf]),
    Buffer.from([0xf4, 0x90, 0x80, 0x80]),
  ]);

/** One damage to four, mostly one, so that much of it is still understood; `others` lend pieces. Never gives back the same buffer. */
export function mutated(bytes: Buffer, others: readonly Buffer[], chance: Chance): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let times = chance.oncein(3) ? 1 + chance.below(4) : 1; times > 0; times--) result = damaged(result, others, chance);
  return result;
}

function damaged(bytes: Buffer, others: readonly Buffer[], chance: Chance): Buffer {
  const at = chance.below(bytes.length + 1);
  const length = Math.min(bytes.length - at, 1 + chance.below(chance.oncein(4) ? 200 : 8));
  switch (chance.below(9)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << chance.below(8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = tellingBytes[chance.below(tellingBytes.length)] as number;
      return bytes;
    case 2:
      if (at < bytes.length) bytes[at] = ((bytes[at] as number) + chance.one([1, -1, 16, -16])) & 0xff;
      return bytes;
    case 3:
      return spliced(bytes, at, 0, chance.one(tellingTexts));
    case 4:
      return spliced(bytes, at, length, Buffer.alloc(0));
    case 5:
      return spliced(bytes, at, 0, bytes.subarray(at, at + length));
    case 6:
      return Buffer.from(bytes.subarray(0, at));
    case 7: {
      const other = chance.one(others);
      return spliced(bytes, at, length, other.subarray(chance.below(other.length + 1)).subarray(0, 400));
    }
    default:
      return spliced(bytes, at, length, chance.one(tellingTexts));
  }
}

function spliced(bytes: Buffer, at: number, removed: number, added: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
}
