// The planted defects are still what they say: each can be put into the sources as they are, and the table, which a
// command of its own writes, has found every one of them. The command is too slow for here.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { planted } from "./defects/defect.ts";
import { defects } from "./defects/planted.ts";

const sources = join(import.meta.dir, "../../src");
const table = readFileSync(join(import.meta.dir, "defects.md"), "utf8");

test("there are twenty planted defects at least, and no two share a name", () => {
  expect(defects.length).toBeGreaterThanOrEqual(20);
  expect(new Set(defects.map(({ name }) => name)).size).toBe(defects.length);
});

test.each(defects.map((defect) => [defect.name, defect] as const))("%s can be planted, and is another program then", (_name, defect) => {
  const source = readFileSync(join(sources, defect.file), "utf8");
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  expect(transpiler.transformSync(planted(defect, source))).not.toBe(transpiler.transformSync(source));
});

test("the table has found each of them, in their order", () => {
  const rows = table.split("\n").filter((line) => /^\| [a-z-]+ \| (of the original|off by one|slip) /.test(line));
  const found = rows.map((line) => line.split(" | ")).map(([name, , , seed]) => [name?.slice(2), Number(seed) >= 1]);
  expect(found).toEqual(defects.map(({ name }) => [name, true]));
});
