// The compiler is the judge of the files beside this one: every directive marks a mistake that it must find, and it must
// find nothing else in them.

import { expect, test } from "bun:test";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const directive = "// @ts-expect-error";

test("what must compile compiles, and each mistake is one", () => {
  const { stdout } = Bun.spawnSync([process.execPath, join(root, "node_modules/.bin/tsc"), "--noEmit", "--pretty", "false", "-p", root], {
    cwd: root,
  });
  const problems = stdout.toString().split("\n");
  expect(problems.filter((line) => line.startsWith("test/types/"))).toEqual([]);
  // A compiler that could not read the project would find nothing either.
  expect(problems.filter((line) => /error TS(5|18)\d{3}/.test(line))).toEqual([]);
}, 60_000);

test("each directive gives its reason, and none has gone missing", async () => {
  const text = await Bun.file(join(import.meta.dir, "refusals.ts")).text();
  const directives = text.split("\n").filter((line) => line.includes(directive));
  expect(directives.length).toBe(58);
  for (const line of directives) expect(line).toMatch(/@ts-expect-error -- \w/);
});
