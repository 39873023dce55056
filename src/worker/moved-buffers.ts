// Which bytes of a message move to the other thread instead of being copied: whole buffers from a size at which moving is
// cheaper. A view of a part of a buffer is copied, since the rest belongs to others.

export const movedBytesMin = 256 * 1024;
const depthMax = 3;
const valuesMax = 64;

/** Never throws. */
export function buffersToMove(value: unknown): readonly ArrayBuffer[] {
  if (typeof value !== "object" || value === null) return none;
  const found: ArrayBuffer[] = [];
  eachBuffer(value, (buffer, bytes) => {
    if (buffer.byteLength >= movedBytesMin && bytes === buffer.byteLength) found.push(buffer);
  });
  return found;
}

/** Whether bytes of the value have moved away. Never throws. */
export function hasMoved(value: unknown): boolean {
  let moved = false;
  eachBuffer(value, (buffer) => (moved ||= buffer.detached));
  return moved;
}

const none: readonly ArrayBuffer[] = [];

/** Looks at the first 64 values, three levels deep: large bytes do not hide. */
function eachBuffer(value: unknown, found: (buffer: ArrayBuffer, bytes: number) => void): void {
  let left = valuesMax;
  const look = (each: unknown, depth: number): void => {
    if (typeof each !== "object" || each === null) return;
    const buffer = ArrayBuffer.isView(each) ? each.buffer : each;
    if (buffer instanceof ArrayBuffer) return found(buffer, ArrayBuffer.isView(each) ? each.byteLength : buffer.byteLength);
    if (depth >= depthMax || ArrayBuffer.isView(each)) return;
    for (const name in each) {
      if (left-- <= 0) return;
      look(Reflect.get(each, name), depth + 1);
    }
  };
  try {
    look(value, 0);
  } catch {
    // A getter threw: the copy will say so.
  }
}
