import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isHungUp, openLibc, peerCredentials, takeReceived } from "../src/libc.ts";

test("the C library of this process is found", () => {
  expect(openLibc().reason).toBeUndefined();
});

test("what a socket holds is taken without waiting for more", async () => {
  const directory = mkdtempSync(join(tmpdir(), "acton-libc-"));
  const accepted = Promise.withResolvers<object>();
  const socket = {
    open(opened: Bun.Socket): void {
      opened.pause();
      accepted.resolve(opened);
    },
    data() {},
  };
  const server = Bun.listen({ unix: join(directory, "s"), socket });
  const client = await Bun.connect({ unix: join(directory, "s"), socket: { data() {} } });
  const opened = await accepted.promise;
  const fd = "fd" in opened && typeof opened.fd === "number" ? opened.fd : -1;
  expect(takeReceived(fd)).toHaveLength(0);
  client.write("at once");
  expect(Buffer.from(takeReceived(fd)).toString()).toBe("at once");
  expect(takeReceived(-1)).toHaveLength(0);
  client.terminate();
  server.stop(true);
  rmSync(directory, { recursive: true });
});

test("a connected socket tells which process is at its other end, and that it has gone; other descriptors do not", async () => {
  const directory = mkdtempSync(join(tmpdir(), "acton-libc-"));
  const { promise, resolve } = Promise.withResolvers<object>();
  const server = Bun.listen({ unix: join(directory, "s"), socket: { open: resolve, data() {} } });
  const client = await Bun.connect({ unix: join(directory, "s"), socket: { data() {} } });
  const accepted = await promise;
  const fd = "fd" in accepted && typeof accepted.fd === "number" ? accepted.fd : -1;
  expect(peerCredentials(fd)).toEqual({
    pid: process.pid,
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
    groups: process.getgroups?.() ?? [],
  });
  expect(peerCredentials(-1)).toBeUndefined();
  expect(isHungUp(fd)).toBe(false);
  client.terminate();
  expect(isHungUp(fd)).toBe(true);
  server.stop(true);
  rmSync(directory, { recursive: true });
});
