// Whether two decoded values are one and the same, as far as a format can tell: −0 is 0, and NaN is itself.

export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === "number" && typeof b === "number") return Number.isNaN(a) && Number.isNaN(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  }
  const [fieldsA, fieldsB] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(fieldsA);
  return keys.length === Object.keys(fieldsB).length && keys.every((key) => Object.hasOwn(fieldsB, key) && sameValue(fieldsA[key], fieldsB[key]));
}

/** Whether there is a number in it that no format of ours writes: MessagePack can spell NaN and infinities. */
export function holdsUnwritableNumber(value: unknown): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  return Object.values(value).some((held) => holdsUnwritableNumber(held));
}
