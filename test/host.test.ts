import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "acton-host-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const source = (file: string): string => JSON.stringify(join(import.meta.dir, "../src", file));

/** A program with a host and a log on standard error; what it prints on standard output is its report. */
function program(body: string): string[] {
  const text = `
    const { processHost } = await import(${source("host.ts")});
    const { SystemClock } = await import(${source("clock.ts")});
    const { createLog } = await import(${source("log.ts")});
    const clock = new SystemClock();
    const host = processHost(clock);
    const log = createLog({ output: host.stderr, clock, queueSize: 100 });
    ${body}`;
  return [process.execPath, "-e", text];
}

const flood = `
  for (let n = 0; n < 5000; n++) log.info("line", { n, text: "x".repeat(100) });
  await new Promise((resolve) => setTimeout(resolve, 0));
  console.log(JSON.stringify({ dropped: log.dropped, terminal: host.stderrIsTerminal }));`;

describe("standard error", () => {
  test("that nobody reads blocks nothing, and afterwards tells how much was lost", async () => {
    const path = join(directory, "pipe");
    expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    const child = Bun.spawn(program(`${flood} await log.flush(5000); process.exit();`), { stdio: ["ignore", "pipe", writer] });
    closeSync(writer);
    // Its report comes although the pipe is full: nothing waits for it.
    const output = child.stdout.getReader();
    const report = JSON.parse(new TextDecoder().decode((await output.read()).value)) as { dropped: number };
    expect(report.dropped).toBeGreaterThan(1000);
    const chunk = Buffer.alloc(65_536);
    let text = "";
    let exited = false;
    void child.exited.then(() => (exited = true));
    for (;;) {
      const count = readAvailable(reader, chunk);
      if (count > 0) text += chunk.toString("utf8", 0, count);
      else if (exited) break;
      else await new Promise((resolve) => setImmediate(resolve));
    }
    closeSync(reader);
    const lines = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.length).toBe(5000 - report.dropped + 1);
    expect(lines.at(-1)).toMatchObject({ level: "warn", dropped: report.dropped });
  });

  test("whose reader has gone, or whose disk is full, ends nothing", async () => {
    const path = join(directory, "pipe");
    Bun.spawnSync(["mkfifo", path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    closeSync(reader);
    for (const stderr of [writer, openSync("/dev/full", "w")]) {
      const child = Bun.spawn(program(`${flood} process.exit(7);`), { stdio: ["ignore", "pipe", stderr] });
      expect(await child.exited).toBe(7);
      expect(await new Response(child.stdout).json()).toMatchObject({ terminal: false });
      closeSync(stderr);
    }
  });

  test("that is a file takes every line", async () => {
    const path = join(directory, "log");
    const fd = openSync(path, "w");
    const child = Bun.spawn(program(`${flood} process.exit();`), { stdio: ["ignore", "pipe", fd] });
    expect(await child.exited).toBe(0);
    closeSync(fd);
    expect(readFileSync(path, "utf8").split("\n").length).toBe(5001);
  });

  test.skipIf(Bun.which("python3") === null)("that is a terminal which has stopped reading blocks nothing", async () => {
    // The terminal's other end, held open and never read.
    const holder = `
import os, pty, subprocess, sys
master, slave = os.openpty()
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=slave)
sys.exit(child.wait())`;
    const file = join(directory, "holder.py");
    writeFileSync(file, holder);
    const child = Bun.spawn(["python3", file, ...program(`${flood} process.exit(7);`)], { stdio: ["ignore", "pipe", "inherit"] });
    expect(await child.exited).toBe(7);
    expect(await new Response(child.stdout).json()).toMatchObject({ terminal: true });
  });
});

test("a signal calls back instead of ending the process, until that is undone", async () => {
  const body = `
    const off = host.onSignal(["SIGTERM", "SIGINT"], (name) => { console.log(name); off(); process.kill(process.pid, "SIGTERM"); });
    setInterval(() => {}, 1000);
    process.kill(process.pid, "SIGINT");`;
  const child = Bun.spawn(program(body), { stdio: ["ignore", "pipe", "inherit"] });
  await child.exited;
  expect(child.signalCode).toBe("SIGTERM");
  expect(await new Response(child.stdout).text()).toBe("SIGINT\n");
});

test("what nobody caught calls back and ends nothing", async () => {
  const body = `
    const faults = [];
    host.onFault((fault) => { faults.push(fault.message); if (faults.length === 2) { console.log(faults.sort().join()); process.exit(3); } });
    setTimeout(() => { throw new Error("thrown"); });
    void Promise.reject(new Error("rejected"));`;
  const child = Bun.spawn(program(body), { stdio: ["ignore", "pipe", "inherit"] });
  expect(await child.exited).toBe(3);
  expect(await new Response(child.stdout).text()).toBe("rejected,thrown\n");
});

test("the limit on open files is the process's own", async () => {
  const words = ["sh", "-c", 'ulimit -n 64; exec "$0" "$@"', ...program("console.log(host.openFilesMax());")];
  const child = Bun.spawn(words, { stdio: ["ignore", "pipe", "inherit"] });
  expect(await new Response(child.stdout).text()).toBe("64\n");
});

function readAvailable(fd: number, into: Buffer): number {
  try {
    return readSync(fd, into);
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "EAGAIN") return 0;
    throw thrown;
  }
}
