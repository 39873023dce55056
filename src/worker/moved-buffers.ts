// Which bytes of a message move to the other thread instead of being copied: whole buffers from a size at which moving is
// cheaper. A view of a part of a buffer is copied, since the rest belongs to others.

export const movedBytesMin = 256 * 1024;
const depthMax = 3;
const valuesMax = 64;

/** Looks at the first 64 values, three levels deep: large bytes do not hide. Never throws. */
export function buffersToMove(value: unknown): readonly ArrayBuffer[] {
  if (typeof value !== "object" || value === null) return none;
  const found: ArrayBuffer[] = [];
  try {
    let left = valuesMax;
    const look = (each: unknown, depth: number): void => {
      if (typeof each !== "object" || each === null) return;
      const buffer = wholeBuffer(each);
      if (buffer !== undefined) found.push(buffer);
      else if (depth < depthMax && !ArrayBuffer.isView(each)) {
        for (const name in each) {
          if (left-- <= 0) return;
          look(Reflect.get(each, name), depth + 1);
        }
      }
    };
    look(value, 0);
  } catch {
    // A getter threw: the copy will say so.
  }
  return found;
}

const none: readonly ArrayBuffer[] = [];

function wholeBuffer(value: object): ArrayBuffer | undefined {
  const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < movedBytesMin) return undefined;
  return ArrayBuffer.isView(value) && value.byteLength !== buffer.byteLength ? undefined : buffer;
}
