// `acton service`: the units that it writes, what it tells the user's systemd, and what it leaves alone. systemctl is played by a
// script that keeps what it was told; the units are verified by systemd's own checker where there is one.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Manager } from "../support/manager.ts";
import { RawClient } from "../support/raw-client.ts";
import { linesOf } from "../support/serve-process-handle.ts";
import { executable, run, type RunResult, serve, temporaryDirectory } from "./executable.ts";

const directory = temporaryDirectory();
afterAll(() => directory[Symbol.dispose]());
const at = (name: string): string => join(directory.path, name);
const home = at("home");
const units = join(home, ".config/systemd/user");
const told = at("told");

beforeEach(() => {
  rmSync(home, { recursive: true, force: true });
  rmSync(told, { force: true });
  mkdirSync(home);
});

/** Writes down what it is told; answers `show` with what `shown` says. */
function playSystemctl(shown = "Version=252"): string {
  const bin = at("bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(at("shown"), `${shown}\n`);
  writeFileSync(join(bin, "systemctl"), `#!/bin/sh\nshift\n[ "$1" = show ] || echo "$@" >> '${told}'\n[ "$1" != show ] || cat '${at("shown")}'\n`, {
    mode: 0o755,
  });
  return `${bin}:/usr/bin:/bin`;
}

const withoutManager = at("nothing");
function service(words: readonly string[], path = withoutManager): Promise<RunResult> {
  return run(["service", ...words], { cwd: directory.path, env: { HOME: home, PATH: path, XDG_RUNTIME_DIR: "/run/user/7" } });
}

const toldLines = (): readonly string[] => (existsSync(told) ? readFileSync(told, "utf8").trimEnd().split("\n") : []);
const unit = (name: string): string => readFileSync(join(units, name), "utf8");

const module = at("it's $HOME, 100%.mjs");
writeFileSync(module, `import { app } from "acton";\nexport default app({ name: "shop", version: "1.2.3" });\n`);
const plain = at("plain.mjs");
writeFileSync(plain, `import { app } from "acton";\nexport default app({ name: "shop", version: "1.2.3" });\n`);

describe("install", () => {
  test("writes a unit that runs the module on the socket of its name, and tells the user manager", async () => {
    const { exitCode, stdout, stderr } = await service(["install", plain], playSystemctl());
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${join(units, "shop.service")}\n` });
    expect(stderr).toContain("acton service status --name shop");
    expect(toldLines()).toEqual(["daemon-reload", "enable --now shop.service"]);
    const text = unit("shop.service");
    expect(text).toContain(`\nExecStart=${executable} serve ${plain} --app shop\n`);
    for (const line of ["Description=shop 1.2.3", "Type=notify", "Restart=on-failure", "RuntimeDirectory=acton/shop", "NoNewPrivileges=yes"]) {
      expect(text).toContain(`\n${line}\n`);
    }
    expect(text).toContain("\n# Socket: /run/user/7/acton/shop/ipc.sock\n");
    expect(readdirSync(units)).toEqual(["shop.service"]);
    expect(statSync(join(units, "shop.service")).mode & 0o777).toBe(0o644);
  });

  test("with --socket-activation writes a socket for its owner alone, and enables that", async () => {
    await service(["install", plain, "--socket-activation"], playSystemctl());
    expect(toldLines()).toEqual(["daemon-reload", "enable --now shop.socket"]);
    expect(unit("shop.socket")).toContain("\nListenStream=/run/user/7/acton/shop/ipc.sock\nSocketMode=0600\nDirectoryMode=0700\n");
    expect(unit("shop.service")).toContain("\nRequires=shop.socket\n");
    // At the end of the service it would take the socket away, which is not the service's.
    expect(unit("shop.service")).not.toContain("RuntimeDirectory");
    expect(unit("shop.service")).not.toContain("[Install]");
  });

  test("gives what follows -- to acton serve, with absolute paths, and nothing that it does not know", async () => {
    writeFileSync(at("my.toml"), "max_connections = 7\n");
    const { exitCode } = await service(["install", plain, "--", "--socket", "s.sock", "--config", "my.toml", "--log-level", "debug"]);
    expect(exitCode).toBe(0);
    const text = unit("shop.service");
    expect(text).toContain(`serve ${plain} --socket ${at("s.sock")} --config ${at("my.toml")} --log-level debug\n`);
    expect(text).not.toContain("RuntimeDirectory");
    for (const words of [["--bogus"], ["more"], ["--print-config"], ["--watch"], ["--log-level", "loud"]]) {
      expect(await service(["install", plain, "--", ...words])).toMatchObject({ exitCode: 2, stdout: "" });
    }
  });

  test("without a module serves the demo, with flags too", async () => {
    await service(["install", "--name", "trial", "--", "--log-level", "warn"]);
    expect(unit("trial.service")).toContain(`\nExecStart=${executable} serve --app trial --log-level warn\n`);
  });

  test("quotes what systemd would take for its own", async () => {
    await service(["install", module]);
    expect(unit("shop.service")).toContain(` serve "${directory.path}/it's $$HOME, 100%%.mjs" --app shop\n`);
  });

  test("takes the environment of the service for its own, not the terminal's", async () => {
    const env = { HOME: home, PATH: withoutManager, XDG_RUNTIME_DIR: "/run/user/7", ACTON_SOCKET_PATH: "/tmp/elsewhere.sock" };
    await run(["service", "install", plain], { env });
    expect(unit("shop.service")).toContain("# Socket: /run/user/7/acton/shop/ipc.sock");
  });

  test("without a user manager says the commands", async () => {
    const { exitCode, stderr } = await service(["install", plain]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain("  systemctl --user daemon-reload\n  systemctl --user enable --now shop.service\n");
  });

  test("--print shows the units and writes nothing", async () => {
    const { stdout } = await service(["install", plain, "--socket-activation", "--print"], playSystemctl());
    expect(stdout).toContain("[Service]");
    expect(stdout).toContain("[Socket]");
    expect(existsSync(units)).toBe(false);
    expect(toldLines()).toEqual([]);
  });

  test("again stops and replaces what it has written, the socket that is no longer wanted too", async () => {
    await service(["install", plain, "--socket-activation"]);
    await service(["install", plain], playSystemctl());
    expect(readdirSync(units)).toEqual(["shop.service"]);
    expect(toldLines()).toEqual(["disable --now shop.service shop.socket", "daemon-reload", "enable --now shop.service"]);
  });

  test.each(["a file", "a link"])("leaves %s alone that it has not written, unless it must", async (kind) => {
    mkdirSync(units, { recursive: true });
    const path = join(units, "shop.service");
    if (kind === "a file") writeFileSync(path, "[Service]\n");
    else symlinkSync("/dev/null", path);
    for (const words of [
      ["install", plain],
      ["uninstall", "--name", "shop"],
      ["status", "--name", "shop"],
    ]) {
      const { exitCode, stderr } = await service(words);
      expect(exitCode).toBe(2);
      expect(stderr).toContain("was not written by acton");
    }
    expect(await service(["install", plain, "--force"])).toMatchObject({ exitCode: 0 });
    expect(unit("shop.service")).toContain("ExecStart=");
  });

  test("refuses a name that is none, and a module that is not an application", async () => {
    expect(await service(["install", plain, "--name", "../x"])).toMatchObject({ exitCode: 2 });
    writeFileSync(at("none.mjs"), "export default 1;\n");
    expect(await service(["install", at("none.mjs")])).toMatchObject({ exitCode: 8 });
    expect(existsSync(units)).toBe(false);
  });

  test.skipIf(!existsSync("/usr/lib/systemd/user/dbus.socket"))("refuses a name that the system has", async () => {
    const { exitCode, stderr } = await service(["install", plain, "--name", "dbus"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("would hide");
  });

  test.skipIf(Bun.which("systemd-analyze") === null)("writes what systemd-analyze verify finds right", async () => {
    for (const words of [[module], [plain, "--socket-activation"]]) {
      await service(["install", ...words, "--name", words.length === 1 ? "quoted" : "shop"]);
    }
    const files = readdirSync(units).map((file) => join(units, file));
    expect(files).toHaveLength(3);
    const child = Bun.spawnSync(["systemd-analyze", "verify", "--man=no", "--user", ...files], {
      env: { PATH: process.env["PATH"], HOME: home, XDG_RUNTIME_DIR: directory.path },
    });
    const complaints = child.stderr
      .toString()
      .split("\n")
      .filter((line) => /quoted|shop/.test(line));
    expect({ exitCode: child.exitCode, complaints }).toEqual({ exitCode: 0, complaints: [] });
  });
});

describe("uninstall", () => {
  test("stops the service and removes what enables and describes it", async () => {
    await service(["install", plain, "--socket-activation"]);
    mkdirSync(join(units, "sockets.target.wants"));
    symlinkSync(join(units, "shop.socket"), join(units, "sockets.target.wants/shop.socket"));
    const { exitCode } = await service(["uninstall", "--name", "shop"], playSystemctl());
    expect(exitCode).toBe(0);
    expect(toldLines()).toEqual(["disable --now shop.service shop.socket", "daemon-reload"]);
    expect(readdirSync(units, { recursive: true })).toEqual(["sockets.target.wants"]);
  });

  test("without --name means the module's service, or the only one", async () => {
    await service(["install", plain]);
    expect(await service(["uninstall"])).toMatchObject({ exitCode: 0, stdout: `${join(units, "shop.service")}\n` });
    expect(await service(["uninstall"])).toMatchObject({ exitCode: 2 });
    await service(["install", plain]);
    await service(["install", plain, "--name", "other"]);
    const { exitCode, stderr } = await service(["uninstall"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("other, shop");
    expect(await service(["uninstall", plain])).toMatchObject({ exitCode: 0 });
    expect(readdirSync(units)).toEqual(["other.service"]);
  });
});

describe("status", () => {
  const findings = ({ stdout }: RunResult): readonly Record<string, string>[] =>
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, string>);

  test("is the unit's state and what doctor says of the socket, and 0 when both are well", async () => {
    await using server = await serve(at("shop.sock"));
    await service(["install", plain, "--", "--socket", server.socket]);
    const shown = "ActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=42\nNRestarts=1\nStatusText=serving it";
    const result = await service(["status", "--name", "shop"], playSystemctl(shown));
    expect(result.exitCode).toBe(0);
    const [first, second, ...others] = findings(result);
    expect(first).toMatchObject({
      check: "unit",
      verdict: "ok",
      finding: "shop.service is active (running), enabled, process 42, restarts: 1, serving it",
    });
    expect(second).toMatchObject({ check: "path", finding: `${server.socket} (from the unit)` });
    expect(others.map(({ check }) => check)).toContain("answer");
  });

  test("is 7 when the unit has failed, though another server answers, and when none does", async () => {
    await using server = await serve(at("shop.sock"));
    await service(["install", plain, "--", "--socket", server.socket]);
    const failed = await service(["status"], playSystemctl("ActiveState=failed\nSubState=failed"));
    expect(failed.exitCode).toBe(7);
    expect(findings(failed)[0]).toMatchObject({ verdict: "bad", advice: expect.stringContaining("journalctl --user --unit shop.service") });
    await service(["install", plain, "--", "--socket", at("nobody.sock")]);
    expect(await service(["status"])).toMatchObject({ exitCode: 7 });
  });
});

test.skipIf(Bun.which("python3") === null)("acton serve takes the socket that systemd hands over", async () => {
  const socket = at("handed.sock");
  await using manager = new Manager(socket, "600", [executable, "serve", "--socket", at("other.sock")]);
  manager.tell("start");
  expect(await manager.told("READY=1")).toContain(`STATUS=serving demo at ${socket}`);
  await using client = await RawClient.connect(socket);
  expect(await client.ask({ ping: true })).toMatchObject({ success: true });
  expect(existsSync(at("other.sock"))).toBe(false);
  client.destroy();
  manager.tell("term");
  expect(await manager.ended()).toMatchObject({ exit: 0, there: true });
});

test.skipIf(Bun.which("systemd-socket-activate") === null)("acton serve is started by systemd's own tool for the first client", async () => {
  const socket = at("activated.sock");
  const child = Bun.spawn(["systemd-socket-activate", "--listen", socket, executable, "serve"], {
    env: { PATH: process.env["PATH"], HOME: home },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines = linesOf(child.stderr);
  expect((await lines.next()).value).toStartWith("Listening on");
  expect((await run(["call", "calculator", "AddRequest", "a=5", "b=3", "--socket", socket])).stdout).toBe('{"sum":8}\n');
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  expect(existsSync(socket)).toBe(true);
});
