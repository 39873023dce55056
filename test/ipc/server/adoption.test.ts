// A socket that systemd has made: served, left where it is, and refused when others could connect to it.

import { join } from "node:path";
import { lstatSync } from "node:fs";
import { expect, test } from "bun:test";
import { ActonApp } from "acton";
import { silentLog } from "../../../src/log.ts";
import { Manager } from "../../support/manager.ts";
import { RawClient } from "../../support/raw-client.ts";
import { TemporaryDirectory } from "../../support/test-server.ts";

const program = [process.execPath, join(import.meta.dir, "../../support/inherited.ts")];
const withPython = test.skipIf(Bun.which("python3") === null);

withPython("is served and left in its place, its manager is told, and children inherit nothing of it", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  await using manager = new Manager(path, "600", program);
  manager.tell("start");
  expect(await manager.told("READY=1")).toContain(`STATUS=serving inherited at ${path}`);
  await manager.told("WATCHDOG=1");
  await manager.told("WATCHDOG=1");
  const { ino } = lstatSync(path);
  {
    await using client = await RawClient.connect(path);
    const { payload } = await client.ask({ target: "looker", message_type: "Look", payload: {}, expects_reply: true });
    const said = String(payload);
    expect(said).toContain("PATH=");
    expect(said).not.toMatch(/LISTEN_|NOTIFY_SOCKET|WATCHDOG/);
    // Its three, and the directory that is listed.
    expect(said.match(/^\d+$/gm)).toHaveLength(4);
  }
  manager.tell("term");
  await manager.told("STOPPING=1");
  expect(await manager.ended()).toEqual({ exit: 0, there: true, files: ["s", "s.notify"] });
  expect(lstatSync(path).ino).toBe(ino);
});

withPython("answers what was asked before the end, and whoever comes during it is served by the next one", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  await using manager = new Manager(path, "600", program);
  manager.tell("start");
  await manager.told("READY=1");
  await using before = await RawClient.connect(path);
  // A reader of a pipe waits until somebody has written to it.
  const until = join(directory.path, "pipe");
  expect(Bun.spawnSync(["mkfifo", until]).exitCode).toBe(0);
  before.send({ request_id: "held", target: "looker", message_type: "Hold", payload: { until }, expects_reply: true });
  expect(await before.ask({ request_id: "ping", ping: true })).toMatchObject({ request_id: "ping" });
  manager.tell("term");
  await manager.told("STOPPING=1");
  await using after = await RawClient.connect(path);
  after.send({ ping: true });
  await Bun.write(until, "now");
  expect(await before.next()).toMatchObject({ request_id: "held", success: true });
  before.destroy();
  expect(await manager.ended()).toMatchObject({ exit: 0 });
  expect(after.frames).toEqual([]);
  manager.tell("start");
  expect(await after.next()).toMatchObject({ success: true });
});

withPython.each([
  ["others may connect to", "666", /mode 0666.*SocketMode=0600.*policy/],
  ["its group may connect to", "660", /mode 0660/],
  ["has no path", "abstract", /no absolute path/],
  ["does not listen", "stream", /not a Unix stream socket that listens/],
])("one that %s is refused", async (_what, mode, words) => {
  using directory = new TemporaryDirectory();
  await using manager = new Manager(join(directory.path, "s"), mode, program);
  manager.tell("start");
  expect(await manager.ended()).toMatchObject({ exit: 8, there: mode.startsWith("6") });
  await manager[Symbol.asyncDispose]();
  expect(await manager.stderr).toMatch(words);
});

withPython.each([["600"], ["644"], ["755"]])("mode 0%s lets nobody else connect, and is served", async (mode) => {
  using directory = new TemporaryDirectory();
  await using manager = new Manager(join(directory.path, "s"), mode, program);
  manager.tell("start");
  await manager.told("READY=1");
});

withPython("others may connect to it when a policy admits them", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  await using manager = new Manager(path, "666", [...program, "--policy"]);
  manager.tell("start");
  await manager.told("READY=1");
  await using client = await RawClient.connect(path);
  expect(await client.ask({ ping: true })).toMatchObject({ success: true });
});

withPython("more than one is refused", async () => {
  using directory = new TemporaryDirectory();
  await using manager = new Manager(join(directory.path, "s"), "600", program);
  manager.tell("listen-fds 2");
  manager.tell("start");
  expect(await manager.ended()).toMatchObject({ exit: 8 });
  await manager[Symbol.asyncDispose]();
  expect(await manager.stderr).toContain("LISTEN_FDS");
});

test("a descriptor that is no socket, and a transport that takes none, are refused", async () => {
  await using runtime = ActonApp.launch({ log: silentLog });
  await expect(runtime.startIpcListener({ inheritedSocket: 0 })).rejects.toMatchObject({ code: "PATH_REFUSED" });
  const { MemoryMachine } = await import("../../../src/testing/memory-machine.ts");
  await using simulated = ActonApp.launch({ log: silentLog, ...new MemoryMachine().process().seams });
  await expect(simulated.startIpcListener({ inheritedSocket: 3 })).rejects.toMatchObject({ code: "PATH_REFUSED" });
});
