// What a case expects of an answer, and how it differs from what came. Fields that are not named may be there: a server may
// say more than the protocol asks for.

import { jsonText } from "../terminal.ts";

/** What went over a connection last, each way. */
export interface Talk {
  readonly sent: Uint8Array | undefined;
  readonly received: Uint8Array | undefined;
}

/** The server did something else. */
export class Unmet extends Error {
  readonly expected: string;
  readonly came: string;
  /** Of the connection where it showed, when it was one. */
  readonly talk: Talk | undefined;

  constructor(expected: string, came: string, talk?: Talk) {
    super(`expected ${expected}, and came ${came}`);
    this.expected = expected;
    this.came = came;
    this.talk = talk;
  }
}

/** What the server does not have, as only a case itself could find out. */
export class Lacking extends Error {}

/** Stands for any value of which something holds. */
export class Matching {
  readonly says: string;
  readonly holds: (value: unknown) => boolean;

  constructor(says: string, holds: (value: unknown) => boolean) {
    this.says = says;
    this.holds = holds;
  }
}

export const absent = new Matching("nothing", (value) => value === undefined);
export const present = new Matching("anything", (value) => value !== undefined);
export const someText = new Matching("a string that is not empty", (value) => typeof value === "string" && value !== "");
export const someList = new Matching("an array", Array.isArray);
export const wholeNumber = new Matching("a whole number", Number.isSafeInteger);

export function beginning(...texts: readonly string[]): Matching {
  return new Matching(`a text that begins with ${texts.map((text) => JSON.stringify(text)).join(" or ")}`, (value) =>
    texts.some((text) => typeof value === "string" && value.startsWith(text)),
  );
}

export function containing(...texts: readonly string[]): Matching {
  return new Matching(`a text with ${texts.map((text) => JSON.stringify(text)).join(" and ")} in it`, (value) =>
    texts.every((text) => typeof value === "string" && value.includes(text)),
  );
}

export function either(...values: readonly unknown[]): Matching {
  return new Matching(values.map(shown).join(" or "), (value) => values.some((one) => difference(value, one) === undefined));
}

/** An array that has each of these, in any order, and maybe more. */
export function including(...values: readonly unknown[]): Matching {
  return new Matching(`an array with ${values.map(shown).join(", ")} in it`, (came) =>
    values.every((value) => Array.isArray(came) && came.some((one) => difference(one, value) === undefined)),
  );
}

/** Where and how the two differ; undefined when the expectation is met. */
export function difference(came: unknown, expected: unknown, path = ""): string | undefined {
  const at = path === "" ? "" : `${path} is `;
  if (expected instanceof Matching) return expected.holds(came) ? undefined : `${at}${shown(came)} instead of ${expected.says}`;
  if (Array.isArray(expected)) {
    if (!Array.isArray(came) || came.length !== expected.length) return `${at}${shown(came)} instead of ${shown(expected)}`;
    return firstOf(expected.map((value, index) => difference(came[index], value, `${path}[${index}]`)));
  }
  if (typeof expected === "object" && expected !== null) {
    if (typeof came !== "object" || came === null || Array.isArray(came)) return `${at}${shown(came)} instead of ${shown(expected)}`;
    const own = Object.entries(expected).map(([key, value]): string | undefined =>
      difference(Object.hasOwn(came, key) ? (came as Record<string, unknown>)[key] : undefined, value, path === "" ? key : `${path}.${key}`),
    );
    return firstOf(own);
  }
  return Object.is(came, expected) ? undefined : `${at}${shown(came)} instead of ${shown(expected)}`;
}

/** Throws Unmet. */
export function expectThat(came: unknown, expected: unknown): void {
  const differs = difference(came, expected);
  if (differs !== undefined) throw new Unmet(shown(expected), `${shown(came)}: ${differs}`);
}

function firstOf(differences: readonly (string | undefined)[]): string | undefined {
  return differences.find((one) => one !== undefined);
}

/** A value, or what is expected of one, for people. */
export function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : value instanceof Matching ? value.says : jsonText(spelled(value), false);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}

const shownMax = 400;

function spelled(value: unknown): unknown {
  if (value instanceof Matching) return `<${value.says}>`;
  if (Array.isArray(value)) return value.map(spelled);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, spelled(item)]));
}
