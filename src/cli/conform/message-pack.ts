// MessagePack as the protocol has it, once more: none of the server's own code, so that a defect there is not shared. What
// is written may be wrong on purpose; what is read is held to the letter: nothing but what a server may send passes.

/** Bytes that go into a body as they are, in a value's place. */
export class Raw {
  readonly bytes: Uint8Array;

  constructor(hex: string) {
    this.bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  }
}

export function packed(value: unknown): Buffer {
  if (value instanceof Raw) return Buffer.from(value.bytes);
  if (value === null || value === undefined) return Buffer.of(0xc0);
  if (typeof value === "boolean") return Buffer.of(value ? 0xc3 : 0xc2);
  if (typeof value === "bigint") return packedInteger(value);
  if (typeof value === "number") return Number.isInteger(value) ? packedInteger(BigInt(value)) : packedFloat(value);
  if (typeof value === "string") {
    const text = Buffer.from(value);
    return Buffer.concat([head(text.length, { small: 0xa0, smallMax: 31, wide: [0xd9, 0xda, 0xdb] }), text]);
  }
  if (Array.isArray(value)) return Buffer.concat([head(value.length, { small: 0x90, smallMax: 15, wide: [0, 0xdc, 0xdd] }), ...value.map(packed)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(value.length, { small: 0, smallMax: -1, wide: [0xc4, 0xc5, 0xc6] }), value]);
  const members = Object.entries(value);
  return Buffer.concat([head(members.length, { small: 0x80, smallMax: 15, wide: [0, 0xde, 0xdf] }), ...members.flat().map(packed)]);
}

interface Heads {
  readonly small: number;
  readonly smallMax: number;
  /** For lengths of one, two and four bytes; 0 where there is none. */
  readonly wide: readonly [number, number, number];
}

function head(length: number, { small, smallMax, wide }: Heads): Buffer {
  if (length <= smallMax) return Buffer.of(small | length);
  if (length < 2 ** 8 && wide[0] !== 0) return Buffer.of(wide[0], length);
  const bytes = Buffer.alloc(length < 2 ** 16 ? 3 : 5);
  bytes[0] = length < 2 ** 16 ? wide[1] : wide[2];
  bytes.writeUIntBE(length, 1, bytes.length - 1);
  return bytes;
}

function packedInteger(value: bigint): Buffer {
  if (value >= -32n && value <= 127n) return Buffer.of(Number(value) & 0xff);
  const bytes = Buffer.alloc(9);
  bytes[0] = value < 0n ? 0xd3 : 0xcf;
  if (value < 0n) bytes.writeBigInt64BE(value, 1);
  else bytes.writeBigUInt64BE(value, 1);
  return bytes;
}

function packedFloat(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xcb;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

/** What is no MessagePack of this protocol: the message says why. */
export class NotMessagePack extends Error {}

/** One value, and nothing after it. Integers beyond ±2^53−1 are bigint. */
export function unpacked(bytes: Buffer): unknown {
  const reader = new Reader(bytes);
  const value = reader.value();
  if (reader.at !== bytes.length) throw new NotMessagePack(`${bytes.length - reader.at} bytes follow the value`);
  return value;
}

class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  value(): unknown {
    const type = this.#take(1).readUInt8();
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f);
    if (type < 0xa0) return this.#array(type & 0x0f);
    if (type < 0xc0) return this.#text(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    if (type === 0xc0) return null;
    if (type === 0xc2 || type === 0xc3) return type === 0xc3;
    if (type >= 0xc4 && type <= 0xc6) return new Uint8Array(this.#take(this.#length(type - 0xc4)));
    if (type === 0xca) return fraction(this.#take(4).readFloatBE());
    if (type === 0xcb) return fraction(this.#take(8).readDoubleBE());
    if (type >= 0xcc && type <= 0xce) return this.#length(type - 0xcc);
    if (type === 0xcf) return exact(this.#take(8).readBigUInt64BE());
    if (type >= 0xd0 && type <= 0xd2) return this.#take(2 ** (type - 0xd0)).readIntBE(0, 2 ** (type - 0xd0));
    if (type === 0xd3) return exact(this.#take(8).readBigInt64BE());
    if (type >= 0xd9 && type <= 0xdb) return this.#text(this.#length(type - 0xd9));
    if (type === 0xdc || type === 0xdd) return this.#array(this.#length(type - 0xdb));
    if (type === 0xde || type === 0xdf) return this.#map(this.#length(type - 0xdd));
    throw new NotMessagePack(`the type 0x${type.toString(16)} is not of this protocol`);
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.at) throw new NotMessagePack("it ends within a value");
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  /** Of one, two or four bytes. */
  #length(power: number): number {
    return this.#take(2 ** power).readUIntBE(0, 2 ** power);
  }

  #text(length: number): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.#take(length));
    } catch (thrown) {
      throw thrown instanceof NotMessagePack ? thrown : new NotMessagePack("a string is not UTF-8");
    }
  }

  #array(length: number): unknown[] {
    const items: unknown[] = [];
    for (let index = 0; index < length; index++) items.push(this.value());
    return items;
  }

  #map(length: number): unknown {
    const members: [string, unknown][] = [];
    for (let index = 0; index < length; index++) {
      const key = this.value();
      if (typeof key !== "string") throw new NotMessagePack(`a key is not a string: ${String(key)}`);
      members.push([key, this.value()]);
    }
    return Object.fromEntries(members);
  }
}

function exact(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function fraction(value: number): number {
  if (Number.isSafeInteger(value)) throw new NotMessagePack(`the whole number ${value} is written as a float`);
  return value;
}
