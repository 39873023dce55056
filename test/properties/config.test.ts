// Configuration and names: what the last layer says counts, however it is written; and a slip of the pen is understood.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { type AppConfig, type ConfigLayer, mergeLayers } from "../../src/config.ts";
import { type KeyEntry, keyEntries, snakeCase } from "../../src/config-keys.ts";
import { environmentLayer, lineOf } from "../../src/config-layers.ts";
import { ActonError } from "../../src/errors.ts";
import { nearestName } from "../../src/nearest-name.ts";
import { property } from "./property.ts";

// Those whose values are bound to one another have tests of their own.
const bound = [
  "outgoingHardBytes",
  "outgoingSoftBytes",
  "maxMessageSize",
  "unfinishedBytesMax",
  "rateLimit.requestsPerSecond",
  "rateLimit.burstSize",
  // Means something beside rules only.
  "policy.default",
];
/** Values of keys whose texts have a form of their own. */
const formed: Readonly<Record<string, readonly string[]>> = { socketMode: ["0600", "0660", "777"], socketGroup: ["adm", "1000"] };
const free = keyEntries.filter(({ path }) => !bound.includes(path));
const numeric = free.filter(({ key }) => typeof key.default === "number");
const entry = fc.constantFrom(...free);

function valueFor({ path, key }: KeyEntry): fc.Arbitrary<number | string> {
  if (key.form !== undefined) return fc.constantFrom(...(formed[path] ?? []));
  if (key.choices !== undefined) return fc.constantFrom(...key.choices);
  if (typeof key.default === "string") return fc.stringMatching(/^[\w./-]{0,20}$/).map((rest) => `/${rest}`);
  return fc.integer({ min: key.min ?? 0, max: key.max ?? Number.MAX_SAFE_INTEGER });
}

type Setting = readonly [entry: KeyEntry, value: number | string];
const settings = fc.uniqueArray(
  entry.chain((each) => fc.tuple(fc.constant(each), valueFor(each))),
  { maxLength: 6, selector: ([each]) => each.path },
);
const spelling = fc.constantFrom("code", "file", "environment" as const);

function layerOf(given: readonly Setting[], spelling: ConfigLayer["spelling"], origin: string): ConfigLayer {
  if (spelling === "environment")
    return environmentLayer({ HOME: "/", ...Object.fromEntries(given.map(([{ variable }, value]) => [variable, String(value)])) });
  const values: Record<string, unknown> = {};
  for (const [{ section, path }, value] of given) {
    const name = path.slice(path.indexOf(".") + 1);
    const [written, table] = spelling === "file" ? [snakeCase(name), snakeCase(section)] : [name, section];
    if (section === "") values[written] = value;
    else values[table] = { ...(values[table] as object | undefined), [written]: value };
  }
  return { origin, spelling, values };
}

function valueOf(config: AppConfig, { path }: KeyEntry): unknown {
  return path.split(".").reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], config);
}

property(
  "of several layers the last one that names a key decides, and is named",
  [fc.array(fc.tuple(settings, spelling), { maxLength: 4 })],
  (given) => {
    const layers = given.map(([each, spelling], place) => layerOf(each, spelling, `layer ${place}`));
    const { config, origins } = mergeLayers(layers);
    for (const each of free) {
      const place = given.findLastIndex(([each2]) => each2.some(([other]) => other === each));
      const setting = given[place]?.[0].find(([other]) => other === each);
      expect(valueOf(config, each)).toBe(setting === undefined ? each.key.default : setting[1]);
      const origin = given[place]?.[1] === "environment" ? each.variable : `layer ${place}`;
      expect(origins.get(each.path)).toBe(setting === undefined ? "default" : origin);
    }
  },
);

property("the same settings mean the same in code, in a file and in the environment", [settings], (given) => {
  const [inCode, inFile, inEnvironment] = (["code", "file", "environment"] as const).map(
    (spelling) => mergeLayers([layerOf(given, spelling, "x")]).config,
  );
  expect(inFile).toEqual(inCode as AppConfig);
  expect(inEnvironment).toEqual(inCode as AppConfig);
});

function refusalOf(layers: readonly ConfigLayer[]): string | undefined {
  try {
    mergeLayers(layers);
    return undefined;
  } catch (error) {
    if (error instanceof ActonError && error.code === "INVALID_CONFIG") return error.message;
    throw error;
  }
}

property(
  "a number is taken at its bounds and refused beyond them, by its name",
  [fc.constantFrom(...numeric), fc.nat(1_000), spelling],
  (each, more, spelling) => {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = each.key;
    for (const value of [min, max]) expect(refusalOf([layerOf([[each, value]], spelling, "x")])).toBeUndefined();
    for (const value of [min - 1 - more, max + 1 + more, min + 0.5]) {
      const name =
        spelling === "environment"
          ? each.variable
          : spelling === "file"
            ? snakeCase(each.path.split(".").at(-1) as string)
            : (each.path.split(".").at(-1) as string);
      expect(refusalOf([layerOf([[each, value]], spelling, "x")])).toContain(`${name} must be a whole number`);
    }
  },
);

property(
  "whatever stands where a value should, it is taken or refused, and a refusal is one line",
  [entry, fc.anything(), fc.constantFrom("code", "file" as const)],
  (each, value, spelling) => {
    const text = refusalOf([layerOf([[each, value as string]], spelling, "x")]);
    if (text !== undefined) expect(text).not.toMatch(/[\n\r]/);
  },
);

/** A name with one letter lost, doubled, replaced, or swapped with its neighbour. */
function slip(name: string, kind: number, place: number): string {
  const at = place % (name.length - 1);
  const [before, letter, next, behind] = [name.slice(0, at), name.charAt(at), name.charAt(at + 1), name.slice(at + 2)];
  return [
    `${before}${next}${behind}`,
    `${before}${letter}${letter}${next}${behind}`,
    `${before}q${next}${behind}`,
    `${before}${next}${letter}${behind}`,
  ][kind % 4] as string;
}

property("a key with a slip in it is refused with the key that was meant", [fc.constantFrom(...free), fc.nat(3), fc.nat(40)], (each, kind, place) => {
  const name = each.path.split(".").at(-1) as string;
  const slipped = slip(name, kind, place);
  const known = free.filter(({ section }) => section === each.section).map(({ path }) => path.split(".").at(-1));
  if (known.includes(slipped)) return;
  const values = each.section === "" ? { [slipped]: each.key.default } : { [each.section]: { [slipped]: each.key.default } };
  const text = refusalOf([{ origin: "x", spelling: "code", values }]);
  expect(text).toContain(`unknown key '${slipped}'`);
  const meant = /did you mean '(\w+)'/.exec(text ?? "")?.[1];
  expect(distance(slipped.toLowerCase(), (meant as string).toLowerCase())).toBeLessThanOrEqual(distance(slipped.toLowerCase(), name.toLowerCase()));
});

/** Letters lost, added, replaced, or swapped with their neighbour, tried one by one. */
function distance(a: string, b: string, known = new Map<string, number>()): number {
  if (a === "" || b === "") return a.length + b.length;
  const key = `${a.length} ${b.length}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  let least = Math.min(distance(restA, b, known) + 1, distance(a, restB, known) + 1, distance(restA, restB, known) + (a[0] === b[0] ? 0 : 1));
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0]) least = Math.min(least, distance(a.slice(2), b.slice(2), known) + 1);
  known.set(key, least);
  return least;
}

const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "D"), maxLength: 8 });

property(
  "the nearest name is the first of the least distance, and none that is more than a third off",
  [word, fc.array(word, { maxLength: 6 })],
  (name, known) => {
    const near = known
      .map((candidate) => ({ candidate, off: distance(name.toLowerCase(), candidate.toLowerCase()) }))
      .filter(({ candidate, off }) => off <= Math.max(1, Math.floor(candidate.length / 3)));
    const least = Math.min(...near.map(({ off }) => off));
    expect(nearestName(name, known)).toBe(near.find(({ off }) => off === least)?.candidate as string);
  },
);

property(
  "a setting in a file is found on the line on which it stands",
  [settings, fc.array(fc.constantFrom("", "# comment", "   "), { maxLength: 3 })],
  (given, between) => {
    const lines: string[] = [];
    const at = new Map<string, number>();
    const sections = ["", ...new Set(given.map(([{ section }]) => section).filter((section) => section !== ""))];
    for (const section of sections) {
      if (section !== "") lines.push(`[${snakeCase(section)}]`);
      for (const [each, value] of given) {
        if (each.section !== section) continue;
        lines.push(...between, `${snakeCase(each.path.split(".").at(-1) as string)} = ${JSON.stringify(value)}`);
        at.set(each.path, lines.length);
      }
    }
    for (const [{ fileName, path }] of given) expect(lineOf(lines.join("\n"), fileName.split("."))).toBe(at.get(path) as number);
  },
);
