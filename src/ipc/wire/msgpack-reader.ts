// Reads one MessagePack body in one pass: every length, string and type is checked before anything is built from it.
// Our own, since a check in front of a library would be such a reader already. Called by msgpack.ts.

import { type CodecLimits, latin1, malformed, setOwn, tooDeep, tooMany, utf8 } from "./codec.ts";

/** Keys come again and again: a hit costs no new string. The slots are fixed, so a peer's keys replace each other. */
class KeyCache {
  readonly #slots: string[] = Array.from({ length: 1024 }, () => "");

  read(bytes: Uint8Array, start: number, end: number): string {
    let hash = end - start;
    let bits = 0;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      hash = Math.imul(hash, 31) + byte;
      bits |= byte;
    }
    if (bits > 0x7f) return decodeUtf8(bytes, start, end);
    const slot = hash & 1023;
    const known = this.#slots[slot] as string;
    if (known.length === end - start && isSame(known, bytes, start)) return known;
    return (this.#slots[slot] = latin1(bytes, start, end));
  }
}

function isSame(text: string, bytes: Uint8Array, start: number): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}

const keyCache = new KeyCache();

function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  return utf8(bytes, start, end, "the body has a string that is not valid UTF-8");
}

/** A string up to here is looked at byte by byte. */
const shortString = 48;

/** Reads one body. Recursion is bounded by `limits.depth`, work and memory by the bytes that are there. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #limits: CodecLimits;
  #depth = 0;
  #tokens = 0;
  at: number;

  constructor(bytes: Uint8Array, start: number, end: number, limits: CodecLimits) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
    this.#limits = limits;
  }

  value(): unknown {
    const type = this.#token();
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f);
    if (type < 0xa0) return this.#array(type & 0x0f);
    if (type < 0xc0) return this.#string(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#uint(1));
      case 0xc5:
        return this.#binary(this.#uint(2));
      case 0xc6:
        return this.#binary(this.#uint(4));
      case 0xca:
        return this.#view(4).getFloat32(0);
      case 0xcb:
        return this.#view(8).getFloat64(0);
      case 0xcc:
        return this.#uint(1);
      case 0xcd:
        return this.#uint(2);
      case 0xce:
        return this.#uint(4);
      case 0xcf:
        return exact(this.#view(8).getBigUint64(0));
      case 0xd0:
        return (this.#uint(1) << 24) >> 24;
      case 0xd1:
        return (this.#uint(2) << 16) >> 16;
      case 0xd2:
        return this.#uint(4) | 0;
      case 0xd3:
        return exact(this.#view(8).getBigInt64(0));
      case 0xd9:
        return this.#string(this.#uint(1));
      case 0xda:
        return this.#string(this.#uint(2));
      case 0xdb:
        return this.#string(this.#uint(4));
      case 0xdc:
        return this.#array(this.#uint(2));
      case 0xdd:
        return this.#array(this.#uint(4));
      case 0xde:
        return this.#map(this.#uint(2));
      case 0xdf:
        return this.#map(this.#uint(4));
      default:
        throw malformed(`the body has a MessagePack ${type === 0xc1 ? "byte 0xc1" : "extension type"}, which is not supported`);
    }
  }

  #token(): number {
    if (++this.#tokens > this.#limits.tokens) throw tooMany(this.#limits);
    return this.#bytes[this.#take(1)] as number;
  }

  /** Claims the next bytes, and gives the index of the first. */
  #take(length: number): number {
    const from = this.at;
    if (length > this.#end - from) throw malformed("the body ends within a value");
    this.at = from + length;
    return from;
  }

  #uint(length: number): number {
    const from = this.#take(length);
    let value = 0;
    for (let at = from; at < this.at; at++) value = value * 256 + (this.#bytes[at] as number);
    return value;
  }

  #view(length: number): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#take(length), length);
  }

  #binary(length: number): Uint8Array {
    const from = this.#take(length);
    // Copied, because the bytes belong to a receive buffer; not by a Buffer's own slice, which shares them.
    return new Uint8Array(this.#bytes.subarray(from, this.at));
  }

  #string(length: number): string {
    const from = this.#take(length);
    if (length > shortString) return decodeUtf8(this.#bytes, from, this.at);
    let bits = 0;
    for (let at = from; at < this.at; at++) bits |= this.#bytes[at] as number;
    return bits > 0x7f ? decodeUtf8(this.#bytes, from, this.at) : latin1(this.#bytes, from, this.at);
  }

  #array(length: number): unknown[] {
    this.#enter(length);
    const items: unknown[] = [];
    for (let index = 0; index < length; index++) items.push(this.value());
    this.#depth--;
    return items;
  }

  #map(length: number): Record<string, unknown> {
    this.#enter(2 * length);
    const record: Record<string, unknown> = {};
    for (let index = 0; index < length; index++) {
      const key = this.#key();
      setOwn(record, key, this.value());
    }
    this.#depth--;
    return record;
  }

  /** Each of the values and keys that a container claims takes a byte at least. */
  #enter(claimed: number): void {
    if (++this.#depth > this.#limits.depth) throw tooDeep(this.#limits);
    if (claimed > this.#end - this.at) throw malformed("the body ends within a value");
  }

  #key(): string {
    const type = this.#token();
    if (type >= 0xa0 && type < 0xc0) {
      const from = this.#take(type & 0x1f);
      return keyCache.read(this.#bytes, from, this.at);
    }
    if (type < 0xd9 || type > 0xdb) throw malformed("the body has a map key that is not a string");
    return this.#string(this.#uint(type === 0xd9 ? 1 : type === 0xda ? 2 : 4));
  }
}

function exact(value: bigint): number | bigint {
  const rounded = Number(value);
  return Number.isSafeInteger(rounded) ? rounded : value;
}
