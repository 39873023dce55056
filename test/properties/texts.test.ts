// What people and programs read of us: one line, whatever is in it, and no more of it than is bearable.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { ManualClock } from "../../src/clock.ts";
import { detailOf, printable, quoted } from "../../src/errors.ts";
import { logText } from "../../src/log-line.ts";
import { type GivenLine, LogRepeats } from "../../src/log-repeats.ts";
import { seededRandom } from "../../src/random.ts";
import { property } from "./property.ts";

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withNullPrototype: true,
  withSparseArray: true,
  maxDepth: 3,
});
const fields = fc.array(fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), anything, { maxKeys: 4 }), { maxLength: 3 });
const level = fc.constantFrom("debug", "info", "warn", "error" as const);
const anyText = fc.string({ unit: "binary", maxLength: 300 });
// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

property("a log line in JSON is one line of JSON, and says what it was given", [anyText, level, fields], (message, level, layers) => {
  const text = logText({ time: 0, level, message, fields: layers }, { format: "json", colour: false });
  expect(text.endsWith("\n")).toBe(true);
  expect(control.test(text.slice(0, -1))).toBe(false);
  expect(JSON.parse(text)).toMatchObject({ time: "1970-01-01T00:00:00.000Z", level, message });
});

property("a log line for people is one line that cannot drive a terminal", [anyText, level, fields], (message, level, layers) => {
  const text = logText({ time: 0, level, message, fields: layers }, { format: "pretty", colour: false });
  expect(control.test(text.slice(0, -1).replace(/\n {4}at [^\n]*/g, ""))).toBe(false);
});

property("a log line has a bound, however much it is given", [fc.nat(20), fc.nat(3_000), fc.nat(6)], (width, length, depth) => {
  let value: unknown = "x".repeat(length);
  for (let level = 0; level < depth; level++) value = Array.from({ length: width }, () => value);
  for (const format of ["json", "pretty"] as const) {
    expect(logText({ time: 0, level: "info", message: "y".repeat(10 * length), fields: [{ value }] }, { format, colour: false }).length).toBeLessThan(
      512 * 1024,
    );
  }
});

property("whatever is thrown has a text of one printable line of at most 200 characters", [anything, anyText], (thrown, text) => {
  for (const each of [thrown, new Error(text), { message: text, toString: () => text }, text]) {
    const detail = detailOf(each);
    expect(detail.length).toBeLessThanOrEqual(200);
    expect(control.test(detail)).toBe(false);
    expect(detail.isWellFormed()).toBe(true);
  }
});

property(
  "a name from outside is shown on one line that can be written",
  [fc.string({ unit: "binary", maxLength: 200 }), fc.integer({ min: 0xd800, max: 0xdfff })],
  (text, unit) => {
    for (const name of [text, `${text}${String.fromCharCode(unit)}`]) {
      for (const shown of [quoted(name), printable(name)]) {
        expect(shown.length).toBeLessThanOrEqual(200);
        expect(control.test(shown)).toBe(false);
        expect(shown.isWellFormed()).toBe(true);
      }
    }
  },
);

const logSteps = fc.array(
  fc.oneof(
    fc.record({ level: fc.constantFrom("info", "warn", "error" as const), message: fc.constantFrom("a", "b"), agent: fc.nat(90) }),
    fc.nat(800),
  ),
  {
    maxLength: 80,
  },
);

property("of lines that say the same each is written or counted, and all are told of", [logSteps], (steps) => {
  const clock = new ManualClock();
  let written = 0;
  let told = 0;
  const repeats = new LogRepeats(clock, (_line: GivenLine, repeated: number) => void (told += repeated));
  let given = 0;
  for (const step of steps) {
    if (typeof step === "number") clock.advance(step);
    else {
      given += 1;
      const swallowed = repeats.swallows({ level: step.level, message: step.message, fields: [{ agent: step.agent }] });
      if (!swallowed) written += 1;
      if (step.level === "info") expect(swallowed).toBe(false);
    }
  }
  repeats.tellAll();
  expect(written + told).toBe(given);
  expect(clock.armed).toBe(0);
});

property("chance under a seed lies between 0 and 1, and repeats", [fc.integer()], (seed) => {
  const [one, two] = [seededRandom(seed), seededRandom(seed)];
  for (let draw = 0; draw < 20; draw++) {
    const drawn = one.next();
    expect(drawn >= 0 && drawn < 1).toBe(true);
    expect(two.next()).toBe(drawn);
  }
});
