import { describe, expect, test } from "bun:test";
import { paintedJson, paletteFor, wantsColour } from "../../src/cli/palette.ts";
import { SchemaView } from "../../src/cli/schema-view.ts";
import { tableText } from "../../src/cli/table.ts";
import { jsonText } from "../../src/cli/terminal.ts";
import { pairsOf, shellWord } from "../../src/cli/typed-payload.ts";

describe("colour", () => {
  test.each([
    [true, {}, true],
    [false, {}, false],
    [true, { TERM: "dumb" }, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [false, { FORCE_COLOR: "1" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { FORCE_COLOR: "1", NO_COLOR: "1" }, true],
  ])("terminal %p, %j: %p", (isTerminal, environment, wanted) => {
    expect(wantsColour(isTerminal, environment)).toBe(wanted);
  });

  test("leaves JSON what it is", () => {
    const text = jsonText({ 'a "quoted" key': [1, -2.5e3, true, null, 'text: "x", 5'], big: 2n ** 60n }, true);
    const painted = paintedJson(text, paletteFor(true, { FORCE_COLOR: "1" }));
    expect(painted).not.toBe(text);
    expect(Bun.stripANSI(painted)).toBe(text);
  });
});

test("a table lines up, whatever the width of its letters and its colours", () => {
  const { red } = paletteFor(true, { FORCE_COLOR: "1" });
  const rows = [
    ["a", "1", "x"],
    [red("漢字"), "100", ""],
    ["abc", "", "y"],
  ];
  expect(Bun.stripANSI(tableText(rows, { numbers: [1] }))).toBe("a       1  x\n漢字  100\nabc        y\n");
});

describe("a payload as words of a shell", () => {
  test("is key=value when it is plain, and quoted where a shell would take it apart", () => {
    expect(pairsOf({ a: 1, b: "two words", c: "it's", d: null, e: true })).toBe(`a=1 b='two words' c='it'\\''s' d=null e=true`);
    expect(pairsOf({ a: [1] })).toBeUndefined();
    expect(pairsOf({ "a b": 1 })).toBeUndefined();
  });

  test("comes through a shell as it was", () => {
    for (const word of ["plain", "two words", "it's", '$(x) `y` \\ "', "*", ""]) {
      expect(Bun.spawnSync(["bash", "-c", `printf %s ${shellWord(word)}`]).stdout.toString()).toBe(word);
    }
  });
});

describe("a schema", () => {
  test("says what a place takes, in words and in short", () => {
    for (const [schema, words, label] of [
      [{ type: "string" }, "a text", "string"],
      [{ type: "number" }, "a number", "number"],
      [{ type: ["string", "null"] }, "a text or null", "string | null"],
      [{ enum: ["on", "off"] }, '"on" or "off"', '"on" | "off"'],
      [{ const: 5 }, "5", "5"],
      [{}, "anything", "any"],
      [{ type: "array", items: { type: "integer" } }, "a list", "integer[]"],
      [{ $ref: "#/$defs/x", $defs: { x: { type: "boolean" } } }, "true or false", "boolean"],
      [{ $ref: "#/$defs/gone" }, "anything", "any"],
    ] as const) {
      const view = SchemaView.of(schema);
      expect([view.words, view.label]).toEqual([words, label]);
    }
  });

  test("that comes back to itself has an end", () => {
    const view = SchemaView.of({ $ref: "#/$defs/x", $defs: { x: { anyOf: [{ $ref: "#/$defs/x" }, { type: "string" }] } } });
    expect(view.kinds).toContain("string");
  });

  test("of alternatives has the fields of all, required where all require them", () => {
    const a = { type: "object", properties: { kind: { const: "a" }, x: { type: "integer" } }, required: ["kind", "x"] };
    const b = { type: "object", properties: { kind: { const: "b" }, y: { type: "string" } }, required: ["kind"] };
    expect(SchemaView.of({ anyOf: [a, b] }).fields.map(({ name, required }) => [name, required])).toEqual([
      ["kind", true],
      ["x", false],
      ["y", false],
    ]);
    expect(SchemaView.of({ allOf: [a, b] }).fields.map(({ name, required }) => [name, required])).toEqual([
      ["kind", true],
      ["x", true],
      ["y", false],
    ]);
  });
});
