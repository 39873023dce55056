import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigSources, findConfigFile, lineOf, loadConfig } from "../src/config-layers.ts";
import { configJson, configToml } from "../src/cli/print-config.ts";
import { systemFiles } from "../src/files.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "acton-config-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function place(path: string, text = ""): string {
  const file = join(directory, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function sources(more: Partial<ConfigSources> = {}): ConfigSources {
  return { files: systemFiles, environment: { HOME: join(directory, "home"), XDG_CONFIG_HOME: undefined }, ...more };
}

describe("the configuration file", () => {
  test("is the one given, else the one beside the module, else the user's", () => {
    const given = place("given.toml");
    const modulePath = join(directory, "app", "module.ts");
    expect(findConfigFile(sources({ modulePath }))).toBeUndefined();
    const home = place("home/.config/acton/acton.toml");
    expect(findConfigFile(sources({ modulePath }))).toBe(home);
    const configured = place("xdg/acton/acton.toml");
    const environment = { HOME: join(directory, "home"), XDG_CONFIG_HOME: join(directory, "xdg") };
    expect(findConfigFile(sources({ modulePath, environment }))).toBe(configured);
    const beside = place("app/acton.toml");
    expect(findConfigFile(sources({ modulePath, environment }))).toBe(beside);
    expect(findConfigFile(sources({ modulePath, environment, file: given }))).toBe(given);
  });

  test("is never looked for in the current directory, nor in a relative XDG_CONFIG_HOME", () => {
    place("acton.toml", "max_connections = 1");
    place("acton/acton.toml", "max_connections = 1");
    const before = process.cwd();
    process.chdir(directory);
    try {
      expect(findConfigFile(sources({ environment: { XDG_CONFIG_HOME: "." } }))).toBeUndefined();
    } finally {
      process.chdir(before);
    }
  });

  test("that was given and is missing, or is no file, is an error that names it", async () => {
    const missing = join(directory, "none.toml");
    await expect(loadConfig(sources({ file: missing }))).rejects.toThrow(`cannot read ${missing}: there is no such file`);
    await expect(loadConfig(sources({ file: directory }))).rejects.toThrow(`cannot read ${directory}: it is a directory`);
  });

  test("with broken syntax is an error with file and line", async () => {
    const file = place("broken.toml", "max_connections = 5\n\nin_flight_max = = 3\n");
    await expect(loadConfig(sources({ file }))).rejects.toThrow(`${file}:3: `);
  });

  test("with a key twice is an error", async () => {
    const file = place("twice.toml", "max_connections = 5\nmax_connections = 6\n");
    await expect(loadConfig(sources({ file }))).rejects.toThrow(file);
  });

  test("with an unknown key is an error with file, line and the nearest key", async () => {
    const file = place("acton.toml", '# comment\nsocket_path = "/run/x.sock"\n\n[rate_limit]\nrequests_per_second = 5\nburst_sise = 5\n');
    await expect(loadConfig(sources({ file }))).rejects.toThrow(`${file}:6: unknown key 'burst_sise', did you mean 'burst_size'?`);
  });
});

test("a key's line is found under its section, dotted, quoted, in an inline table, and not in comments or other sections", () => {
  const text = [
    "# max_connections = 1",
    "max_connections = 2",
    "'in_flight_max' = 3",
    "runtime.mailbox_size = 4",
    "rate_limit = { burst_size = 5 }",
    "[ log ]",
    "level = 'info'",
    "max_connections = 9",
  ].join("\n");
  expect(lineOf(text, ["max_connections"])).toBe(2);
  expect(lineOf(text, ["in_flight_max"])).toBe(3);
  expect(lineOf(text, ["runtime", "mailbox_size"])).toBe(4);
  expect(lineOf(text, ["rate_limit", "burst_size"])).toBe(5);
  expect(lineOf(text, ["log"])).toBe(6);
  expect(lineOf(text, ["log", "level"])).toBe(7);
  expect(lineOf(text, ["log", "max_connections"])).toBe(8);
  expect(lineOf(text, ["streams_max"])).toBeUndefined();
});

test("the application is overruled by the file, that by the environment, that by a flag; and it can be printed with its origins", async () => {
  const file = place("acton.toml", "max_connections = 2\nin_flight_max = 2\nstreams_max = 2\n[rate_limit]\nrequests_per_second = 2\n");
  const merged = await loadConfig(
    sources({
      file,
      application: { maxConnections: 1, inFlightMax: 1, streamsMax: 1, subscriptionsMax: 1 },
      environment: { ACTON_MAX_CONNECTIONS: "3", ACTON_IN_FLIGHT_MAX: "3", PATH: "/bin" },
      flags: [{ origin: "--connections", spelling: "file", values: { max_connections: 4 } }],
    }),
  );
  expect(merged.config).toMatchObject({ maxConnections: 4, inFlightMax: 3, streamsMax: 2, subscriptionsMax: 1, depthMax: 127 });
  expect(JSON.parse(configJson(merged))).toMatchObject({
    max_connections: { value: 4, origin: "--connections", unit: "connections" },
    in_flight_max: { value: 3, origin: "ACTON_IN_FLIGHT_MAX" },
    streams_max: { value: 2, origin: `${file}:3` },
    subscriptions_max: { value: 1, origin: "app({ config })" },
    depth_max: { value: 127, origin: "default" },
    "rate_limit.requests_per_second": { value: 2, origin: `${file}:5` },
    "rate_limit.burst_size": { value: 2, origin: "default" },
    "log.level": { value: "info", origin: "default" },
  });
  const toml = configToml(merged);
  expect(toml).toMatch(/^max_connections = 4 +# connections, --connections$/m);
  expect(toml).toMatch(/^streams_max = 2 +# streams, .*acton\.toml:3$/m);
  const again = await loadConfig(sources({ file: place("printed.toml", toml) }));
  expect(again.config).toEqual(merged.config);
});
