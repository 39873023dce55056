import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingImport } from "../../../src/cli/watch/missing-import.ts";

const directory = realpathSync(mkdtempSync(join(tmpdir(), "acton-")));
afterAll(() => rmSync(directory, { recursive: true }));
const thrown = new SyntaxError("Export named 'nix' not found in module 'acton'.");

test("the file and the line are found behind files that cannot be read any more", () => {
  const file = join(directory, "app.ts");
  writeFileSync(file, 'import {\n  nix,\n} from "acton";\n');
  expect(missingImport(thrown, new Set([directory, join(directory, "gone.ts"), file]))).toEndWith(`app.ts:2: ${thrown.message}`);
  expect(missingImport(thrown, new Set([directory]))).toBeUndefined();
});
