// A defect as data: one text of one source file, and what it is replaced by.

export interface Defect {
  /** Kebab-case; `bun run simulate:defects --only NAME`. */
  readonly name: string;
  /** A flaw that the actor runtime for Rust which speaks the same protocol has, a count that is off by one, or any other slip. */
  readonly kind: "of the original" | "off by one" | "slip";
  /** What a user would see of it. */
  readonly does: string;
  /** Below src/. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly text: string;
  readonly by: string;
}

/** The source with the defect in it. */
export function planted({ name, file, text, by }: Defect, source: string): string {
  const at = source.indexOf(text);
  if (at < 0 || source.includes(text, at + 1)) throw new RangeError(`${name}: its text must occur exactly once in ${file}`);
  return source.slice(0, at) + by + source.slice(at + text.length);
}
