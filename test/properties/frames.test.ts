// Frames, read and written: only the bytes count, however they come and go.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { ActonError } from "../../src/errors.ts";
import { acton } from "../../src/ipc/wire/acton.ts";
import { bare } from "../../src/ipc/wire/bare.ts";
import { BufferPool } from "../../src/ipc/wire/buffer-pool.ts";
import { FrameDecoder, type HeaderLength } from "../../src/ipc/wire/frame-decoder.ts";
import { FrameWriter } from "../../src/ipc/wire/frame-writer.ts";
import { frameOf } from "../support/raw-client.ts";
import { bytes, cuts, pieces, text } from "./arbitraries.ts";
import { property } from "./property.ts";

const bodies = fc.array(
  fc.oneof(
    bytes,
    text.map((each) => Buffer.from(each)),
    fc.nat(2_000).map((length) => Buffer.alloc(length, "x")),
  ),
  { maxLength: 6 },
);

interface Cut {
  readonly header: string;
  readonly body: string;
  readonly ascii: boolean;
}

/** Every frame that the pieces hold, and what is left. */
function framesOf(chunks: readonly Buffer[], headerLength: HeaderLength = bare.headerLength, decoder = new FrameDecoder(65_536)): readonly Cut[] {
  const found: Cut[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let frame = decoder.next(headerLength); frame !== undefined; frame = decoder.next(headerLength)) {
      found.push({
        header: frame.bytes.toString("hex", frame.header, frame.start),
        body: frame.bytes.toString("hex", frame.start, frame.end),
        ascii: frame.ascii,
      });
    }
  }
  return found;
}

function bodiesOf(cut: readonly Cut[]): readonly string[] {
  return cut.map(({ body }) => body);
}

property("frames are the same whatever pieces they come in", [bodies, cuts], (given, places) => {
  const whole = Buffer.concat(given.map((body) => frameOf(body)));
  expect(bodiesOf(framesOf(pieces(whole, places)))).toEqual(given.map((body) => body.toString("hex")));
});

property("so are those with a header of either version", [fc.array(fc.tuple(fc.boolean(), bytes), { maxLength: 6 }), cuts], (given, places) => {
  const frames = given.map(([first, body]) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return { header: Buffer.concat([length, Buffer.from(first ? [1, 1] : [2, 1, 1])]), body };
  });
  const whole = Buffer.concat(frames.flatMap(({ header, body }) => [header, body]));
  const cut = framesOf(pieces(whole, places), acton.headerLength);
  expect(cut.map(({ header, body }) => header + body)).toEqual(frames.map(({ header, body }) => header.toString("hex") + body.toString("hex")));
});

property(
  "a decoder holds what has come and was not taken, and nothing else",
  [bodies, cuts, fc.double({ min: 0, max: 1, noNaN: true })],
  (given, places, end) => {
    const whole = Buffer.concat(given.map((body) => frameOf(body)));
    const part = whole.subarray(0, Math.floor(end * whole.length));
    const decoder = new FrameDecoder(65_536);
    const taken = framesOf(pieces(part, places), bare.headerLength, decoder).reduce(
      (sum, { header, body }) => sum + (header.length + body.length) / 2,
      0,
    );
    expect(decoder.held).toBe(part.length - taken);
  },
);

property(
  "a body up to the limit passes, one byte more is refused as soon as its length has come",
  [fc.nat(300), fc.nat(40), cuts],
  (limit, more, places) => {
    const fits = frameOf(Buffer.alloc(limit));
    expect(framesOf(pieces(fits, places), bare.headerLength, new FrameDecoder(limit))).toHaveLength(1);
    const decoder = new FrameDecoder(limit);
    decoder.push(frameOf(Buffer.alloc(limit + 1 + more)).subarray(0, 3));
    decoder.refuseOversize();
    expect(decoder.next(bare.headerLength)).toBeUndefined();
    decoder.push(frameOf(Buffer.alloc(limit + 1 + more)).subarray(3, 4));
    expect(() => decoder.refuseOversize()).toThrow(ActonError);
    expect(() => decoder.next(bare.headerLength)).toThrow(/exceeds the limit/);
  },
);

property("a frame is called ASCII only when it is, and always when its chunk was", [bodies, cuts], (given, places) => {
  const whole = Buffer.concat(given.map((body) => frameOf(body)));
  for (const { body, ascii } of framesOf(pieces(whole, places))) if (ascii) expect(Buffer.from(body, "hex").every((byte) => byte < 0x80)).toBe(true);
  for (const body of given) {
    const [frame] = framesOf([frameOf(body)]);
    const all = frameOf(body).every((byte) => byte < 0x80);
    expect(frame?.ascii).toBe(all);
  }
});

property("a decoder that was cleared knows nothing of what came before", [bytes, cuts, bodies], (before, places, given) => {
  const decoder = new FrameDecoder(2 ** 32);
  for (const piece of pieces(before, places)) decoder.push(piece);
  decoder.clear();
  expect(decoder.held).toBe(0);
  const whole = Buffer.concat(given.map((body) => frameOf(body)));
  expect(bodiesOf(framesOf(pieces(whole, places), bare.headerLength, decoder))).toEqual(given.map((body) => body.toString("hex")));
});

property("the byte by which a dialect is known is the fifth, once it is there", [bytes, cuts], (whole, places) => {
  const decoder = new FrameDecoder(65_536);
  let come = 0;
  for (const piece of pieces(whole, places)) {
    decoder.push(piece);
    come += piece.length;
    expect(decoder.peekAfterLength()).toBe(come > 4 ? whole[4] : undefined);
  }
});

property("a decoder leaves the chunks that it is given as they are", [bodies, cuts], (given, places) => {
  const chunks = pieces(Buffer.concat(given.map((body) => frameOf(body))), places);
  const before = chunks.map((chunk) => chunk.toString("hex"));
  framesOf(chunks);
  expect(chunks.map((chunk) => chunk.toString("hex"))).toEqual(before);
});

property("half a frame that was looked at does not change with the chunk that it came in", [bytes, cuts], (body, places) => {
  const decoder = new FrameDecoder(65_536);
  let found: string | undefined;
  for (const piece of pieces(frameOf(body), places)) {
    decoder.push(piece);
    const frame = decoder.next(bare.headerLength);
    found ??= frame?.bytes.toString("hex", frame.start, frame.end);
    piece.fill(0xff);
  }
  expect(found).toBe(body.toString("hex"));
});

/** One frame in parts: a header, then texts and bytes. */
const parts = fc.record({
  header: fc.array(fc.nat(255), { maxLength: 3 }),
  body: fc.array(
    fc.oneof(
      text,
      bytes,
      fc.nat(9_000).map((length) => "y".repeat(length)),
    ),
    { maxLength: 4 },
  ),
});

function write(out: FrameWriter, { header, body }: { readonly header: readonly number[]; readonly body: readonly (string | Buffer)[] }): void {
  out.begin(...header);
  for (const part of body)
    if (typeof part === "string") out.text(part);
    else out.raw(part);
}

function written({ header, body }: { readonly header: readonly number[]; readonly body: readonly (string | Buffer)[] }): Buffer {
  const content = Buffer.concat(body.map((part) => Buffer.from(part as string)));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, Buffer.from(header), content]);
}

property(
  "what is written is one frame after the other, whatever steps it leaves in",
  [fc.array(parts, { maxLength: 6 }), fc.array(fc.nat(3_000))],
  (frames, steps) => {
    const out = new FrameWriter(65_536, new BufferPool());
    const left: Buffer[] = [];
    const leave = (count: number): void => {
      left.push(Buffer.from(out.view().subarray(0, count)));
      out.consume(Math.min(count, out.pending));
    };
    for (const [index, frame] of frames.entries()) {
      write(out, frame);
      out.finish();
      leave(steps[index] ?? 0);
    }
    leave(out.pending);
    expect(Buffer.concat(left).equals(Buffer.concat(frames.map((frame) => written(frame))))).toBe(true);
    expect(out.pending).toBe(0);
  },
);

property(
  "a frame is whole that begins where the buffer ends",
  [fc.integer({ min: 16_360, max: 16_390 }), fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 3 }), bytes],
  (before, header, content) => {
    const out = new FrameWriter(65_536, new BufferPool());
    const frames = [
      { header: [], body: [Buffer.alloc(before - 4, "x")] },
      { header, body: [content] },
    ];
    for (const frame of frames) {
      write(out, frame);
      out.finish();
    }
    expect(Buffer.concat(frames.map((frame) => written(frame))).equals(out.view())).toBe(true);
  },
);

property(
  "of a frame that is given up nothing leaves, whoever gives it up",
  [fc.array(fc.tuple(parts, fc.constantFrom("whole", "rolled back", "left"))), fc.nat(500)],
  (frames, step) => {
    const out = new FrameWriter(65_536, new BufferPool());
    const left: Buffer[] = [];
    for (const [frame, end] of frames) {
      write(out, frame);
      if (end === "whole") out.finish();
      else if (end === "rolled back") out.rollback();
      const going = out.view().subarray(0, step);
      left.push(Buffer.from(going));
      out.consume(going.length);
    }
    left.push(Buffer.from(out.view()));
    const whole = frames.filter(([, end]) => end === "whole").map(([frame]) => written(frame));
    expect(Buffer.concat(left).toString("hex")).toBe(Buffer.concat(whole).toString("hex"));
  },
);

property(
  "a frame at the limit is written, one beyond it is refused and leaves the writer as it was",
  [fc.nat(200), parts, fc.nat(50)],
  (limit, before, more) => {
    const first = { ...before, body: before.body.slice(0, 1).map((part) => part.slice(0, Math.floor(limit / 4))) };
    const out = new FrameWriter(limit, new BufferPool());
    write(out, first);
    out.finish();
    write(out, { header: [], body: [Buffer.alloc(limit + 1 + more)] });
    expect(() => out.finish()).toThrow(/exceeds the frame limit/);
    // A whole frame that was written elsewhere.
    out.raw(frameOf("aside"));
    write(out, { header: [], body: [Buffer.alloc(limit)] });
    out.finish();
    const whole = Buffer.concat([written(first), frameOf("aside"), frameOf(Buffer.alloc(limit))]);
    expect(Buffer.from(out.view()).toString("hex")).toBe(whole.toString("hex"));
  },
);

property(
  "writers that share their spare buffers do not share bytes",
  [fc.array(fc.tuple(fc.nat(2), parts, fc.boolean()), { maxLength: 12 })],
  (steps) => {
    const pool = new BufferPool();
    const outs = [0, 1, 2].map(() => ({ out: new FrameWriter(65_536, pool), expected: [] as Buffer[] }));
    for (const [which, frame, leaves] of steps) {
      const { out, expected } = outs[which] as (typeof outs)[0];
      write(out, frame);
      out.finish();
      expected.push(written(frame));
      if (!leaves) continue;
      expect(Buffer.concat(expected).equals(out.view())).toBe(true);
      out.consume(out.pending);
      expected.length = 0;
    }
    for (const { out, expected } of outs) expect(Buffer.concat(expected).equals(out.view())).toBe(true);
  },
);
