// Who serves at a path: one at a time, decided by a lock; never reachable by others; nothing that is not ours is removed
// (semantics, "The socket's path").

import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { ActonApp, type IpcListener } from "acton";
import { systemFiles } from "../../../src/files.ts";
import { bunTransport } from "../../../src/ipc/bun-transport.ts";
import { silentLog } from "../../../src/log.ts";
import { RawClient } from "../../support/raw-client.ts";
import { ServerProcess } from "../../support/serve-process-handle.ts";
import { TemporaryDirectory } from "../../support/test-server.ts";

function launch(): ActonApp {
  return ActonApp.launch({ log: silentLog });
}

function listen(runtime: ActonApp, socketPath: string): Promise<IpcListener> {
  return runtime.startIpcListener({ socketPath });
}

async function expectServed(path: string): Promise<void> {
  await using client = await RawClient.connect(path);
  expect(await client.ask({ ping: true })).toMatchObject({ success: true });
}

async function expectRefused(path: string, text: RegExp): Promise<void> {
  await using runtime = launch();
  const started = listen(runtime, path);
  await expect(started).rejects.toMatchObject({ code: "PATH_REFUSED" });
  await expect(started).rejects.toThrow(text);
}

test("a stale socket, left by a server that was killed, is replaced and served at once", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  for (let round = 0; round < 3; round++) {
    const server = await ServerProcess.start(path);
    await expectServed(path);
    await server.kill();
    expect(lstatSync(path).isSocket()).toBe(true);
  }
  await using runtime = launch();
  await listen(runtime, path);
  await expectServed(path);
});

test("a second server is refused, told the pid of the first, and the first serves on", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  await using server = await ServerProcess.start(path);
  const { ino } = lstatSync(path);
  await using runtime = launch();
  const second = listen(runtime, path);
  await expect(second).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
  await expect(second).rejects.toThrow(new RegExp(`\\b${server.pid}\\b`));
  expect(lstatSync(path).ino).toBe(ino);
  await expectServed(path);
});

test("two runtimes of one process cannot serve one path", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  await using first = launch();
  await using second = launch();
  await listen(first, path);
  await expect(listen(second, path)).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
  await expectServed(path);
});

test("a server that was stopped leaves the path free, and no socket", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  const server = await ServerProcess.start(path);
  await server.stop();
  expect(existsSync(path)).toBe(false);
  await using runtime = launch();
  await listen(runtime, path);
  await expectServed(path);
});

test("of two processes that start at once, exactly one serves, over a stale socket and over none", async () => {
  using directory = new TemporaryDirectory();
  for (let round = 0; round < 24; round++) {
    const path = join(directory.path, round % 2 === 0 ? `s${round}` : "stale");
    const both = await Promise.all([ServerProcess.load(path), ServerProcess.load(path)]);
    try {
      const outcomes = await Promise.all(both.map((server) => server.go()));
      expect(outcomes.filter((outcome) => outcome === "serving")).toHaveLength(1);
      expect(outcomes.find((outcome) => outcome !== "serving")).toStartWith("ADDRESS_IN_USE: ");
      await expectServed(path);
    } finally {
      await Promise.all(both.map((server) => server.kill()));
    }
  }
}, 60_000);

for (const kind of ["file", "directory", "link to a file", "link to a socket", "dangling link"] as const) {
  test(`a ${kind} at the path is left alone`, async () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "s");
    await using other = launch();
    if (kind === "file") writeFileSync(path, "precious");
    else if (kind === "directory") mkdirSync(path);
    else if (kind === "link to a file") {
      writeFileSync(join(directory.path, "f"), "precious");
      symlinkSync(join(directory.path, "f"), path);
    } else if (kind === "link to a socket") {
      await listen(other, join(directory.path, "live"));
      symlinkSync(join(directory.path, "live"), path);
    } else symlinkSync(join(directory.path, "nowhere"), path);
    const before = lstatSync(path);
    await expectRefused(path, /left alone|not a socket/);
    const after = lstatSync(path);
    expect([after.ino, after.mode, after.mtimeMs]).toEqual([before.ino, before.mode, before.mtimeMs]);
    if (kind === "file") expect(readFileSync(path, "utf8")).toBe("precious");
    if (kind === "link to a socket") await expectServed(path);
    expect(existsSync(`${path}.new`)).toBe(false);
  });
}

test("a lock file that is a link is not followed", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  writeFileSync(join(directory.path, "victim"), "precious");
  symlinkSync(join(directory.path, "victim"), `${path}.lock`);
  await expectRefused(path, /lock/);
  expect(readFileSync(join(directory.path, "victim"), "utf8")).toBe("precious");
});

test("a path of 103 bytes is served, one of 104 is refused with both numbers", async () => {
  using directory = new TemporaryDirectory();
  const pathOf = (bytes: number): string => join(directory.path, "p".repeat(bytes - directory.path.length - 1));
  await expectRefused(pathOf(104), /\b104\b.*\b103\b/);
  await using runtime = launch();
  await listen(runtime, pathOf(103));
  await expectServed(pathOf(103));
});

test("the length of a path counts in bytes, not characters", async () => {
  using directory = new TemporaryDirectory();
  const room = 103 - Buffer.byteLength(directory.path) - 1;
  await expectRefused(join(directory.path, "é".repeat(Math.floor(room / 2) + 1)), /bytes/);
});

test("a directory that others may write to is refused, one with the sticky bit is not", async () => {
  using directory = new TemporaryDirectory();
  const open = join(directory.path, "open");
  mkdirSync(open);
  for (const mode of [0o777, 0o770, 0o720, 0o702]) {
    chmodSync(open, mode);
    await expectRefused(join(open, "s"), /others may write/);
  }
  chmodSync(open, 0o1777);
  await using runtime = launch();
  await listen(runtime, join(open, "s"));
  await expectServed(join(open, "s"));
});

test("a link to a directory is judged by the directory", async () => {
  using directory = new TemporaryDirectory();
  const open = join(directory.path, "open");
  mkdirSync(open);
  chmodSync(open, 0o777);
  symlinkSync(open, join(directory.path, "link"));
  await expectRefused(join(directory.path, "link", "s"), /others may write/);
});

test("a directory that is not there is made for us alone", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "a", "b", "s");
  await using runtime = launch();
  await listen(runtime, path);
  await expectServed(path);
  expect(statSync(join(directory.path, "a", "b")).mode & 0o777).toBe(0o700);
});

test("a directory that belongs to somebody else is refused", async () => {
  if (process.getuid?.() !== 0) return expect(process.getuid?.()).toBeNumber();
  using directory = new TemporaryDirectory();
  const foreign = join(directory.path, "foreign");
  mkdirSync(foreign);
  const { chownSync } = await import("node:fs");
  chownSync(foreign, 12345, 12345);
  await expectRefused(join(foreign, "s"), /12345/);
});

test("the socket has mode 0600 from its first instant, whatever the umask, and so has the lock", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  const modes: number[] = [];
  const look = (file: string): void => {
    const status = systemFiles.lstat(file);
    if (status?.kind === "socket") modes.push(status.mode);
  };
  const before = process.umask(0);
  try {
    await using runtime = ActonApp.launch({
      log: silentLog,
      transport: {
        ...bunTransport,
        listen(bound, accept) {
          const server = bunTransport.listen(bound, accept);
          look(bound);
          return server;
        },
      },
      files: {
        ...systemFiles,
        rename(from, to) {
          look(from);
          systemFiles.rename(from, to);
          look(to);
        },
      },
    });
    await listen(runtime, path);
    expect(process.umask()).toBe(0);
    expect(statSync(`${path}.lock`).mode & 0o777).toBe(0o600);
  } finally {
    process.umask(before);
  }
  expect(modes.length).toBeGreaterThanOrEqual(3);
  expect(modes.every((mode) => mode === 0o600)).toBe(true);
});

test("the path is never without a socket while a stale one is replaced", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  await (await ServerProcess.start(path)).kill();
  const removed: string[] = [];
  await using runtime = ActonApp.launch({
    log: silentLog,
    files: {
      ...systemFiles,
      unlink: (file) => {
        removed.push(file);
        systemFiles.unlink(file);
      },
    },
  });
  await listen(runtime, path);
  expect(removed).not.toContain(path);
  await expectServed(path);
});

test("on stop only our own socket is removed, not what has taken its place", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  const runtime = launch();
  await listen(runtime, path);
  renameSync(path, join(directory.path, "moved"));
  const other = Bun.listen({ unix: path, socket: { data() {} } });
  const { ino } = lstatSync(path);
  await runtime.shutdownAll();
  expect(lstatSync(path).ino).toBe(ino);
  other.stop(true);
});

test("on stop a socket that somebody has removed is no error", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  const runtime = launch();
  await listen(runtime, path);
  unlinkSync(path);
  expect(await runtime.shutdownAll()).toEqual({ complete: true, lost: 0 });
});

test("a failed start leaves no lock held: the path can be served as soon as the cause is gone", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  writeFileSync(path, "in the way");
  await using runtime = launch();
  await expect(listen(runtime, path)).rejects.toMatchObject({ code: "PATH_REFUSED" });
  unlinkSync(path);
  await listen(runtime, path);
  await expectServed(path);
});

test("the lock is held while a server drains, so that the next one does not serve beside it", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  await using runtime = launch();
  const listener = await listen(runtime, path);
  await using client = await RawClient.connect(path);
  client.holdOpen();
  await client.ask({ ping: true });
  const down = listener.shutdown();
  await client.until(() => client.ended);
  await using next = launch();
  await expect(listen(next, path)).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
  client.destroy();
  await down;
  await listen(next, path);
  await expectServed(path);
});
