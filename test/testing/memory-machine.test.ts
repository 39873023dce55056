// The machine in memory: the real runtime and client on it, and what Unix promises about paths, locks, modes and sockets.

import { expect, test } from "bun:test";
import { ActonApp, ActonError, ManualClock } from "acton";
import { connect } from "acton/client";
import { MemoryMachine, type MemoryProcess } from "acton/testing";
import type { Socket, SocketHandler } from "../../src/ipc/transport.ts";
import { silentLog } from "../../src/log.ts";
import { eventually, quiet } from "../support/conditions.ts";
import { Add, Count, Seen, testAgents } from "../support/test-services.ts";

const path = "/tmp/test.sock";

async function serve(
  server: MemoryProcess,
  listen: { readonly socketPath?: string; readonly writeTimeoutMs?: number } = {},
  clock = new ManualClock(),
) {
  const runtime = ActonApp.launch({ ...server.seams, clock, log: silentLog });
  for (const blueprint of testAgents(new Seen())) runtime.ipcExpose(blueprint.name, await runtime.start(blueprint));
  return { runtime, listener: await runtime.startIpcListener({ socketPath: path, ...listen }) };
}

function codeOf(act: () => unknown): unknown {
  try {
    act();
    return "nothing was thrown";
  } catch (thrown) {
    return (thrown as { readonly code?: string }).code;
  }
}

test("the runtime serves a client in memory: replies, streams and a shutdown that leaves no socket behind", async () => {
  const machine = new MemoryMachine();
  const { runtime } = await serve(machine.process());
  const client = await connect(path, machine.process());
  expect(await client.ask("echo", Add, { a: 2, b: 3 })).toEqual({ sum: 5 });
  const items: unknown[] = [];
  for await (const item of client.stream("streams", Count, { items: 5, size: 100_000 })) items.push(item);
  expect(items).toHaveLength(5);
  client.close();
  expect(await runtime.shutdownAll()).toEqual({ complete: true, lost: 0 });
  expect([...machine.disk.all()].map(([name]) => name)).toEqual(["/tmp", "/tmp/test.sock.lock"]);
  expect(machine.links.size).toBe(0);
});

test("a second server is refused while the first lives, and takes the path over once it was killed", async () => {
  const machine = new MemoryMachine();
  const first = machine.process();
  await serve(first);
  const second = machine.process();
  expect(await serve(second).catch((error: ActonError) => error.code)).toBe("ADDRESS_IN_USE");
  const client = await connect(path, machine.process());
  first.kill();
  expect((await client.closed)?.code).toBe("CONNECTION_CLOSED");
  expect(machine.process().files.lstat(path)?.kind).toBe("socket");
  const { runtime } = await serve(second);
  const again = await connect(path, machine.process());
  expect(await again.ask("echo", Add, { a: 1, b: 1 })).toEqual({ sum: 2 });
  again.close();
  await runtime.shutdownAll();
});

test("a socket gets its mode from the mask, and whoever may not write to it cannot connect", async () => {
  const machine = new MemoryMachine();
  const owner = machine.process({ uid: 1000, umask: 0o022 });
  const handler: SocketHandler = { data() {}, drain() {}, end() {}, close() {} };
  owner.transport.listen("/tmp/open.sock", () => handler);
  owner.files.withUmask(0o177, () => owner.transport.listen("/tmp/shut.sock", () => handler));
  expect(owner.files.lstat("/tmp/open.sock")?.mode).toBe(0o755);
  expect(owner.files.lstat("/tmp/shut.sock")?.mode).toBe(0o600);
  const other = machine.process({ uid: 1001 });
  const codes = ["/tmp/open.sock", "/tmp/shut.sock", "/tmp/absent.sock"].map((name) => other.transport.connect(name, handler).catch((e) => e.code));
  expect(await Promise.all(codes)).toEqual(["EACCES", "EACCES", "ENOENT"]);
  const same = await machine.process({ uid: 1000 }).transport.connect("/tmp/shut.sock", handler);
  expect(same.credentials).toEqual({ uid: 1000, gid: 1000, pid: owner.pid });
});

test("a path to a socket without a listener refuses connections, and so does one whose socket was renamed away", async () => {
  const machine = new MemoryMachine();
  const server = machine.process();
  const handler: SocketHandler = { data() {}, drain() {}, end() {}, close() {} };
  const codeAt = (name: string): Promise<unknown> =>
    machine
      .process()
      .transport.connect(name, handler)
      .then(
        () => "connected",
        (e) => e.code,
      );
  server.transport.listen("/tmp/a.sock", () => handler);
  server.files.rename("/tmp/a.sock", "/tmp/b.sock");
  expect(await codeAt("/tmp/a.sock")).toBe("ENOENT");
  expect(await codeAt("/tmp/b.sock")).toBe("connected");
  server.kill();
  expect(await codeAt("/tmp/b.sock")).toBe("ECONNREFUSED");
});

test("files have owners, modes, a sticky bit and links, and say what the system would", () => {
  const machine = new MemoryMachine();
  const { files } = machine.process({ uid: 1000 });
  const other = machine.process({ uid: 1001 }).files;
  files.mkdir("/tmp/mine/deep");
  expect(files.lstat("/tmp/mine")).toMatchObject({ kind: "directory", uid: 1000, mode: 0o700 });
  expect(files.lstat("/tmp/nothing")).toBeUndefined();
  expect(codeOf(() => other.lstat("/tmp/mine/deep"))).toBe("EACCES");
  expect(codeOf(() => other.mkdir("/elsewhere"))).toBe("EACCES");
  expect(files.lock("/tmp/a", "text").kind).toBe("locked");
  expect(codeOf(() => other.unlink("/tmp/a"))).toBe("EPERM");
  expect(codeOf(() => other.chmod("/tmp/a", 0o777))).toBe("EPERM");
  machine.disk.create("/tmp/link", { uid: 1000, gid: 1000, pid: 1 }, { kind: "link", mode: 0o777, text: "mine" });
  expect(files.realpath("/tmp/link/deep")).toBe("/tmp/mine/deep");
  expect(files.readText("/tmp/a")).toBe("text");
  machine.failing = (call) => (call === "rename" ? "ENOSPC" : undefined);
  expect(codeOf(() => files.rename("/tmp/a", "/tmp/b"))).toBe("ENOSPC");
});

test("a lock is held by one process until it is released or its holder dies", () => {
  const machine = new MemoryMachine();
  const [one, other] = [machine.process(), machine.process()];
  const lock = one.files.lock("/tmp/l", "");
  expect(other.files.lock("/tmp/l", "")).toEqual({ kind: "held", by: String(one.pid) });
  if (lock.kind === "locked") lock.release();
  expect(other.files.lock("/tmp/l", "").kind).toBe("locked");
  other.kill();
  expect(one.files.lock("/tmp/l", "").kind).toBe("locked");
  expect(codeOf(() => other.files.lstat("/tmp"))).toBe("ESRCH");
});

/** Both ends of one connection, and what each was told. */
async function pair(machine: MemoryMachine) {
  const told = { client: [] as string[], server: [] as string[] };
  const handler = (to: string[]): SocketHandler => ({
    data: (bytes) => void to.push(`data ${bytes.byteLength}`),
    drain: () => void to.push("drain"),
    end: () => void to.push("end"),
    close: () => void to.push("close"),
  });
  let accepted: Socket | undefined;
  machine.process().transport.listen("/tmp/pair.sock", (socket) => {
    accepted = socket;
    return handler(told.server);
  });
  const client = await machine.process().transport.connect("/tmp/pair.sock", handler(told.client));
  await eventually(() => accepted !== undefined);
  return { told, client, server: accepted as Socket, link: [...machine.links][0]! };
}

test("a write is taken as far as the buffer goes, and a drain says when it may go on", async () => {
  const { told, client, server } = await pair(new MemoryMachine({ bufferBytes: 100 }));
  server.pause();
  expect([client.write(new Uint8Array(150)), client.write(new Uint8Array(50))]).toEqual([100, 0]);
  await quiet();
  expect(told).toEqual({ client: [], server: [] });
  server.resume();
  await eventually(() => told.client.length > 0);
  expect(told).toEqual({ client: ["drain"], server: ["data 100"] });
});

test("a half-close ends one direction, the second one closes, and nothing is told twice", async () => {
  const { told, client, server } = await pair(new MemoryMachine());
  client.write(new Uint8Array(3));
  client.shutdown();
  await eventually(() => told.server.includes("end"));
  expect([client.write(new Uint8Array(1)), server.write(new Uint8Array(2))]).toEqual([-1, 2]);
  server.shutdown();
  await eventually(() => told.client.includes("close") && told.server.includes("close"));
  await quiet();
  expect(told).toEqual({ client: ["data 2", "end", "close"], server: ["data 3", "end", "close"] });
  expect(server.write(new Uint8Array(1))).toBe(-1);
});

test("who leaves input unread resets the peer, which loses what it has not read", async () => {
  const { told, client, server } = await pair(new MemoryMachine());
  client.pause();
  server.write(new Uint8Array(5));
  client.write(new Uint8Array(5));
  client.terminate();
  await eventually(() => told.server.includes("close"));
  expect(told).toEqual({ client: ["close"], server: ["close"] });
});

test("a paused socket hears nothing, but can ask whether its peer has gone", async () => {
  const { told, client, server } = await pair(new MemoryMachine());
  server.pause();
  expect(server.peerIsGone).toBe(false);
  client.terminate();
  await quiet();
  expect([told.server, server.peerIsGone]).toEqual([[], true]);
  server.resume();
  await eventually(() => told.server.includes("close"));
  expect(told.server).toEqual(["end", "close"]);
});

test("a link can be slow, stall at one end, and be cut", async () => {
  const clock = new ManualClock();
  const { told, client, link } = await pair(new MemoryMachine({ clock }));
  link.delayMs = 50;
  client.write(new Uint8Array(1));
  link.delayMs = 0;
  client.write(new Uint8Array(2));
  await quiet();
  expect(told.server).toEqual([]);
  clock.advance(50);
  await eventually(() => told.server.length === 2);
  expect(told.server).toEqual(["data 1", "data 2"]);
  link.stall("server");
  client.write(new Uint8Array(3));
  await quiet();
  expect(told.server).toHaveLength(2);
  link.resume("server");
  await eventually(() => told.server.length === 3);
  link.reset();
  await eventually(() => told.client.length > 0 && told.server.length === 4);
  expect([told.client, told.server.at(-1)]).toEqual([["close"], "close"]);
});

test("without descriptors a connection waits until there are some", async () => {
  const clock = new ManualClock();
  const machine = new MemoryMachine({ clock });
  await serve(machine.process(), {}, clock);
  machine.failing = (call) => (call === "accept" ? "EMFILE" : undefined);
  const client = await connect(path, { ...machine.process().seams, clock });
  const answer = client.ask("echo", Add, { a: 1, b: 2 });
  await quiet();
  machine.failing = () => undefined;
  clock.advance(1);
  expect(await answer).toEqual({ sum: 3 });
  client.close();
});

test("signals reach those who listen, and end a process that does not", async () => {
  const machine = new MemoryMachine();
  const server = machine.process();
  const { runtime } = await serve(server);
  const signal = runtime.untilSignal();
  server.host.signal("SIGTERM");
  expect(await signal).toBe("SIGTERM");
  await runtime.shutdownAll();
  expect([server.isDead, server.host.status]).toEqual([false, 0]);
  server.host.signal("SIGTERM");
  expect(server.isDead).toBe(true);
});
