import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemFiles } from "../src/files.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "acton-files-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("lstat", () => {
  test("tells kind, identity and mode, does not follow links, and is undefined for nothing", () => {
    const file = join(directory, "f");
    const link = join(directory, "l");
    writeFileSync(file, "x");
    chmodSync(file, 0o640);
    symlinkSync(file, link);
    expect(systemFiles.lstat(file)).toMatchObject({ kind: "file", mode: 0o640, uid: process.getuid?.() ?? -1 });
    expect(systemFiles.lstat(link)?.kind).toBe("link");
    expect(systemFiles.lstat(directory)?.kind).toBe("directory");
    expect(systemFiles.lstat(join(directory, "none"))).toBeUndefined();
    const server = Bun.listen({ unix: join(directory, "s"), socket: { data() {} } });
    expect(systemFiles.lstat(join(directory, "s"))?.kind).toBe("socket");
    server.stop();
    systemFiles.rename(file, join(directory, "moved"));
    expect(systemFiles.lstat(join(directory, "moved"))?.kind).toBe("file");
  });
});

test("directories are made for their owner alone, with their parents", () => {
  const path = join(directory, "a", "b");
  systemFiles.mkdir(path);
  systemFiles.mkdir(path);
  expect(systemFiles.lstat(path)?.mode).toBe(0o700);
  expect(systemFiles.lstat(join(directory, "a"))?.mode).toBe(0o700);
});

test("removing what is not there is no error", () => {
  systemFiles.unlink(join(directory, "none"));
  expect(systemFiles.readText(join(directory, "none"))).toBeUndefined();
});

test("reading text refuses what is not a file, or is too large for one", () => {
  expect(() => systemFiles.readText(directory)).toThrow("it is a directory");
  writeFileSync(join(directory, "large"), Buffer.alloc(1024 * 1024 + 1));
  expect(() => systemFiles.readText(join(directory, "large"))).toThrow("more than 1048576 bytes");
});

test("a mask holds within its function only, whether or not that throws", () => {
  const before = process.umask();
  systemFiles.withUmask(0o177, () => writeFileSync(join(directory, "narrow"), "x", { mode: 0o777 }));
  expect(systemFiles.lstat(join(directory, "narrow"))?.mode).toBe(0o600);
  expect(() =>
    systemFiles.withUmask(0o177, () => {
      throw new Error("within");
    }),
  ).toThrow("within");
  expect(process.umask()).toBe(before);
});

describe("a lock", () => {
  test("has one holder at a time, who is named, and its file stays", () => {
    const path = join(directory, "x.lock");
    const first = systemFiles.lock(path, "4711");
    expect(first.kind).toBe("locked");
    expect(systemFiles.lock(path, "1")).toEqual({ kind: "held", by: String(process.pid) });
    expect(readFileSync(path, "utf8")).toBe("4711");
    if (first.kind === "locked") {
      first.release();
      first.release();
    }
    const second = systemFiles.lock(path, "12");
    expect(second.kind).toBe("locked");
    expect(readFileSync(path, "utf8")).toBe("12");
    expect(systemFiles.lstat(path)?.mode).toBe(0o600);
    if (second.kind === "locked") second.release();
  });

  test("does not follow a link, and leaves what it points to alone", () => {
    const victim = join(directory, "victim");
    writeFileSync(victim, "content");
    symlinkSync(victim, join(directory, "x.lock"));
    expect(() => systemFiles.lock(join(directory, "x.lock"), "1")).toThrow("ELOOP");
    expect(readFileSync(victim, "utf8")).toBe("content");
  });

  test("is not inherited by child processes, and ends with its process", async () => {
    const path = join(directory, "x.lock");
    const holder = Bun.spawn([process.execPath, "-e", lockAndSpawn(path)], { stdout: "pipe", stderr: "inherit" });
    const reader = holder.stdout.getReader();
    const { value } = await reader.read();
    const child = Number(new TextDecoder().decode(value));
    expect(systemFiles.lock(path, "us")).toEqual({ kind: "held", by: String(holder.pid) });
    holder.kill("SIGKILL");
    await holder.exited;
    expect(() => process.kill(child, 0)).not.toThrow();
    const ours = systemFiles.lock(path, "us");
    process.kill(child, "SIGKILL");
    expect(ours.kind).toBe("locked");
    if (ours.kind === "locked") ours.release();
  });
});

/** A program that takes the lock, starts a child that outlives it, prints the child's pid and waits. */
function lockAndSpawn(path: string): string {
  return `
    const { systemFiles } = await import(${JSON.stringify(join(import.meta.dir, "../src/files.ts"))});
    systemFiles.lock(${JSON.stringify(path)}, String(process.pid));
    const child = Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore"] });
    child.unref();
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
}

test("a directory tells the names of what is made, replaced or removed in it, until that is ended", async () => {
  const names: string[] = [];
  // The host may swallow what happens to one name at the same moment: what is done is done again until it is told.
  const told = async (name: string, act: () => void): Promise<void> => {
    names.length = 0;
    while (!names.includes(name)) {
      act();
      await Bun.sleep(1);
    }
  };
  const file = join(directory, "file");
  const replace = (): void => {
    writeFileSync(join(directory, "new"), "1");
    systemFiles.rename(join(directory, "new"), file);
  };
  mkdirSync(join(directory, "empty"));
  const leave = systemFiles.watch(directory, (name) => names.push(name));
  await told("new", replace);
  await told("file", replace);
  rmdirSync(join(directory, "empty"));
  await told("empty", () => {});
  leave();
  const other = systemFiles.watch(directory, (name) => names.push(`other ${name}`));
  await told("other file", replace);
  expect(names.filter((name) => !name.startsWith("other"))).toEqual([]);
  other();
  expect(() => systemFiles.watch(join(directory, "none"), () => {})).toThrow(expect.objectContaining({ code: "ENOENT" }));
});
