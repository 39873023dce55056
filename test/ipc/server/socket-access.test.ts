// With which mode and group the socket is made, that it is never open wider, and who gets to it then.

import { chmodSync, chownSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { ActonApp, type FileSystem, type ListenOptions, type PolicyInput, type PolicyRuleInput } from "acton";
import { MemoryMachine } from "acton/testing";
import { systemFiles } from "../../../src/files.ts";
import { silentLog } from "../../../src/log.ts";
import { MemoryServer } from "../../support/memory-server.ts";
import { linesOf } from "../../support/serve-process-handle.ts";
import { TemporaryDirectory } from "../../support/test-server.ts";

const guarded: PolicyInput = { default: "deny", rules: [{ allow: "*", uids: 1 }] };

async function refusal(options: ListenOptions, machine = new MemoryMachine()): Promise<unknown> {
  const runtime = ActonApp.launch({ ...machine.process().seams, log: silentLog });
  const thrown: unknown = await runtime.startIpcListener({ socketPath: "/tmp/s", ...options }).catch((error: unknown) => error);
  await runtime.shutdownAll();
  return thrown;
}

describe("a socket that is open to others", () => {
  test.each<[string, ListenOptions]>([
    ["without a policy", {}],
    ["with rules that name nobody", { policyRules: { default: "deny", rules: [{ allow: "*" }] } }],
    ["with rules that allow everything", { policyRules: { default: "allow", rules: [{ allow: "*", uids: 1 }] } }],
    ["with code that does not look at who comes", { policy: { authorize: () => true } }],
  ])("is refused %s, before anything is made", async (_what, options) => {
    for (const socketMode of ["0660", "0606", "666", "0610"]) {
      const machine = new MemoryMachine();
      expect(await refusal({ ...options, socketMode }, machine)).toMatchObject({
        code: "INVALID_CONFIG",
        message: expect.stringContaining(`socket_mode ${socketMode} opens the socket to others`),
      });
      expect([...machine.disk.all()].map(([path]) => path)).toEqual(["/tmp"]);
    }
  });

  test.each<[string, ListenOptions]>([
    ["rules that name users", { policyRules: guarded }],
    ["rules that name groups", { policyRules: { default: "allow", rules: [{ deny: "*", gids: 5 }] } }],
    ["code that admits", { policy: { admit: () => ({ identity: 1 }) } }],
  ])("is served with %s", async (_what, options) => {
    await using server = await MemoryServer.start({ ...options, socketMode: "0660" });
    expect(server.process.files.lstat(MemoryServer.path)?.mode).toBe(0o660);
  });

  test("takes no policy when only its own user gets to it", async () => {
    for (const socketMode of ["0600", "600", "0700"]) {
      await using server = await MemoryServer.start({ socketMode });
      expect(server.process.files.lstat(MemoryServer.path)?.mode).toBe(Number.parseInt(socketMode, 8));
    }
  });
});

describe("socketGroup", () => {
  const groups = (machine: MemoryMachine, text: string): void => {
    const root = { uid: 0, gid: 0, pid: 1 };
    machine.disk.create("/etc", root, { kind: "directory", mode: 0o755 });
    machine.disk.create("/etc/group", root, { kind: "file", mode: 0o644, text });
  };

  test("is looked up by name, or is a number", async () => {
    for (const [socketGroup, gid] of [["prices", 300] as const, ["77", 77] as const]) {
      const machine = new MemoryMachine();
      groups(machine, "root:x:0:\nprices-old:x:200:\nprices:x:300:ada,bob\n");
      await using server = await MemoryServer.start({ policyRules: guarded, socketMode: "0660", socketGroup }, machine, machine.process({ uid: 0 }));
      expect(server.process.files.lstat(MemoryServer.path)).toMatchObject({ uid: 0, gid, mode: 0o660 });
    }
  });

  test("that is not there is refused by name", async () => {
    const machine = new MemoryMachine();
    groups(machine, "prices-old:x:200:\n");
    const missing = "socket_group prices is not in /etc/group: name a group that is, or give its number";
    expect(await refusal({ socketGroup: "prices" }, machine)).toMatchObject({ code: "INVALID_CONFIG", message: missing });
    expect(await refusal({ socketGroup: "prices" })).toMatchObject({ message: missing });
  });

  test("that the server may not give it to is refused, and leaves no socket behind", async () => {
    const machine = new MemoryMachine();
    const runtime = ActonApp.launch({ ...machine.process({ uid: 1000 }).seams, log: silentLog });
    const listen = { socketPath: "/tmp/s", socketMode: "0660", socketGroup: "5", policyRules: guarded };
    await expect(runtime.startIpcListener(listen)).rejects.toMatchObject({
      code: "PATH_REFUSED",
      message: expect.stringContaining("it cannot be given to group 5"),
    });
    expect(machine.process().files.lstat("/tmp/s")).toBeUndefined();
    await runtime.shutdownAll();
  });
});

test("the socket is private until its group is set, has its mode before it has its name, and is never wider", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "s");
  const seen: string[] = [];
  const look = (call: string, file: string): void => {
    if (lstatSync(file).isSocket()) seen.push(`${call} ${file === path ? "s" : "s.new"} ${(lstatSync(file).mode & 0o777).toString(8)}`);
  };
  const watched = (call: string, file: string, act: () => void, after = file): void => {
    look(`before ${call}`, file);
    act();
    look(`after ${call}`, after);
  };
  const files: FileSystem = {
    ...systemFiles,
    chgrp: (file, gid) => watched("chgrp", file, () => systemFiles.chgrp(file, gid)),
    chmod: (file, mode) => watched("chmod", file, () => systemFiles.chmod(file, mode)),
    rename: (from, to) => watched("rename", from, () => systemFiles.rename(from, to), to),
  };
  const umask = process.umask(0);
  try {
    await using runtime = ActonApp.launch({ log: silentLog, files });
    const group = process.getgroups?.().find((gid) => gid !== process.getgid?.());
    const socketGroup = process.geteuid?.() === 0 ? "12345" : group === undefined ? "" : String(group);
    await runtime.startIpcListener({ socketPath: path, socketMode: "0660", socketGroup, policyRules: guarded });
    const given = ["before chgrp s.new 600", "after chgrp s.new 600"];
    const opened = ["before chmod s.new 600", "after chmod s.new 660", "before rename s.new 660", "after rename s 660"];
    expect(seen).toEqual([...(socketGroup === "" ? [] : given), ...opened]);
  } finally {
    process.umask(umask);
  }
});

// Only root can be three others. They must be able to read this repository and to run Bun.
const users = { "same user": [1500, 1500], "same group": [1501, 1500], "other user": [1502, 1502] } as const;
type Someone = keyof typeof users;

function as(who: Someone, ...words: readonly string[]): string[] {
  const [uid, gid] = users[who];
  return ["setpriv", "--reuid", String(uid), "--regid", String(gid), "--clear-groups", process.execPath, ...words];
}

const script = (name: string): string => join(import.meta.dir, "../../support", name);
const canBeOthers =
  process.geteuid?.() === 0 && Bun.spawnSync(as("other user", "--print", "1"), { cwd: import.meta.dir, stderr: "ignore" }).exitCode === 0;

async function knock(path: string, who: Someone): Promise<string> {
  const child = Bun.spawn(as(who, script("knock-process.ts"), path), { stdout: "pipe", stderr: "inherit" });
  return (await new Response(child.stdout).text()).trim();
}

/** What each of them meets who tries. */
async function outcomes(directoryMode: string, socketMode: string, rules: readonly PolicyRuleInput[]): Promise<Record<Someone, string>> {
  using directory = new TemporaryDirectory();
  chownSync(directory.path, ...users["same user"]);
  chmodSync(directory.path, Number.parseInt(directoryMode, 8));
  const path = join(directory.path, "s");
  const server = Bun.spawn(as("same user", script("serve-shared-process.ts"), path, socketMode, JSON.stringify(rules)), {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    expect((await linesOf(server.stdout).next()).value).toBe("serving");
    const [same, group, other] = await Promise.all([knock(path, "same user"), knock(path, "same group"), knock(path, "other user")]);
    return { "same user": same, "same group": group, "other user": other };
  } finally {
    server.kill("SIGKILL");
    await server.exited;
  }
}

describe.skipIf(!canBeOthers)("of real users (skipped unless run by root)", () => {
  const rules: readonly PolicyRuleInput[] = [
    { allow: "*", uids: 1500 },
    { allow: "request", gids: 1500 },
  ];
  const shut = { "same user": "served", "same group": "EACCES", "other user": "EACCES" };
  test.each<[string, string, Record<Someone, string>]>([
    ["700", "0600", shut],
    ["700", "0660", shut],
    ["700", "0666", shut],
    ["755", "0600", shut],
    ["755", "0660", { ...shut, "same group": "served" }],
    ["755", "0666", { ...shut, "same group": "served", "other user": "denied" }],
  ])("in a directory of mode %s with socket_mode %s each gets what mode and policy give", async (directoryMode, socketMode, expected) => {
    expect(await outcomes(directoryMode, socketMode, rules)).toEqual(expected);
  });

  test("a member by a group that is not their first is one too", async () => {
    using directory = new TemporaryDirectory();
    chmodSync(directory.path, 0o755);
    const path = join(directory.path, "s");
    await using runtime = ActonApp.launch({ log: silentLog });
    const asked: unknown[] = [];
    const admit = ({ uid, gid, groups }: { uid?: number | undefined; gid?: number | undefined; groups: readonly number[] }) => {
      asked.push({ uid, gid, groups });
      return { identity: uid };
    };
    const policyRules: PolicyInput = { default: "deny", rules: [{ allow: "request", gids: 1600, agents: "none" }] };
    await runtime.startIpcListener({ socketPath: path, socketMode: "0660", socketGroup: "1600", policyRules, policy: { admit } });
    const words = ["setpriv", "--reuid", "1502", "--regid", "1502", "--groups", "1600,1601", process.execPath, script("knock-process.ts"), path];
    const child = Bun.spawn(words, { stdout: "pipe", stderr: "inherit" });
    expect((await new Response(child.stdout).text()).trim()).toBe("denied");
    expect(asked).toEqual([{ uid: 1502, gid: 1502, groups: [1600, 1601] }]);
  });
});
