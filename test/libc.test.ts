import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isHungUp, openLibc, peerCredentials } from "../src/libc.ts";

test("the C library of this process is found", () => {
  expect(openLibc().reason).toBeUndefined();
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
