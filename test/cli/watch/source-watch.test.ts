import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "acton";
import { MemoryMachine } from "acton/testing";
import { SystemClock } from "../../../src/clock.ts";
import { systemFiles } from "../../../src/files.ts";
import { SourceWatch } from "../../../src/cli/watch/source-watch.ts";
import { eventuallyAsync } from "../../support/conditions.ts";

function watched(inputs: readonly string[]) {
  const machine = new MemoryMachine();
  const { files } = machine.process();
  for (const directory of ["/tmp/a", "/tmp/b"]) files.mkdir(directory);
  const write = (path: string): void => {
    const user = machine.process();
    machine.disk.create(`${path}.new`, user, { kind: "file", mode: 0o600 });
    user.files.rename(`${path}.new`, path);
  };
  for (const path of inputs) write(path);
  const clock = new ManualClock();
  const told = { times: 0 };
  const watch = new SourceWatch(files, clock, () => (told.times += 1));
  watch.follow(new Set(inputs), false);
  clock.advance(50);
  expect(told.times).toBe(1);
  told.times = 0;
  return { files, write, clock, told, watch };
}

test("whatever happens to the files within a moment is told once, when it has passed", () => {
  const { write, clock, told } = watched(["/tmp/a/one.ts", "/tmp/b/two.ts"]);
  write("/tmp/a/one.ts");
  clock.advance(30);
  write("/tmp/b/two.ts");
  clock.advance(19);
  expect(told.times).toBe(0);
  clock.advance(1);
  expect(told.times).toBe(1);
  clock.advance(1000);
  expect(told.times).toBe(1);
  write("/tmp/b/two.ts");
  clock.advance(50);
  expect(told.times).toBe(2);
});

test("other files in the directories are nobody's business, unless asked for", () => {
  const { write, clock, told, watch } = watched(["/tmp/a/one.ts"]);
  write("/tmp/a/other.ts");
  clock.advance(50);
  expect(told.times).toBe(0);
  watch.follow(new Set(["/tmp/a/one.ts"]), true);
  write("/tmp/a/missing.ts");
  clock.advance(50);
  expect(told.times).toBe(1);
});

test("the removal of a file is told", () => {
  const { files, clock, told } = watched(["/tmp/a/one.ts"]);
  files.unlink("/tmp/a/one.ts");
  clock.advance(50);
  expect(told.times).toBe(1);
});

test("files that are not followed any more are forgotten, and all of them at the end", () => {
  const { write, clock, told, watch } = watched(["/tmp/a/one.ts", "/tmp/b/two.ts"]);
  watch.follow(new Set(["/tmp/b/two.ts"]), false);
  write("/tmp/a/one.ts");
  clock.advance(50);
  expect(told.times).toBe(0);
  write("/tmp/b/two.ts");
  watch[Symbol.dispose]();
  clock.advance(50);
  write("/tmp/b/two.ts");
  clock.advance(50);
  expect(told.times).toBe(0);
});

test("what happens to a file before it is known to be followed counts, and so does a directory that nobody has watched", () => {
  const { write, clock, told, watch } = watched(["/tmp/a/one.ts"]);
  write("/tmp/a/added.ts");
  clock.advance(1000);
  expect(told.times).toBe(0);
  watch.follow(new Set(["/tmp/a/one.ts", "/tmp/a/added.ts"]), false);
  clock.advance(50);
  expect(told.times).toBe(1);
  watch.follow(new Set(["/tmp/a/one.ts", "/tmp/a/added.ts"]), false);
  clock.advance(50);
  expect(told.times).toBe(1);
  watch.follow(new Set(["/tmp/a/one.ts", "/tmp/b/two.ts"]), false);
  clock.advance(50);
  expect(told.times).toBe(2);
});

// Only a real file system gives the number of a directory that is gone to the next one.
describe("on a file system", () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "acton-")));
  const directory = join(root, "app/src");
  const file = join(directory, "one.ts");
  const inputs = new Set([file]);
  const told = { times: 0 };
  const watch = new SourceWatch(systemFiles, new SystemClock(), () => {
    told.times += 1;
    // As after a reload, which fails where the file is not there.
    watch.follow(existsSync(file) ? inputs : new Set(), !existsSync(file));
  });
  afterAll(() => {
    watch[Symbol.dispose]();
    rmSync(root, { recursive: true });
  });

  const make = () => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(file, "");
  };
  const heard = async (act: () => void): Promise<void> => {
    await Bun.sleep(150);
    const { times } = told;
    act();
    await eventuallyAsync(() => told.times > times);
  };

  test.each([
    ["removed and made again", () => rmSync(directory, { recursive: true })],
    ["moved away", () => renameSync(directory, `${directory}-${told.times}`)],
    ["moved away with the one above", () => renameSync(join(root, "app"), join(root, `app-${told.times}`))],
  ])("a directory that is %s is heard of, and watched on", async (_, remove) => {
    make();
    watch.follow(inputs, false);
    const both = () => {
      remove();
      make();
    };
    const { times } = told;
    await heard(both);
    await heard(() => writeFileSync(file, "at once"));
    await heard(remove);
    await heard(() => mkdirSync(directory, { recursive: true }));
    await heard(make);
    await heard(() => writeFileSync(file, "later"));
    // Each of the six is told once, and once more when what was replaced is watched.
    expect(told.times - times).toBeLessThan(20);
  });
});
