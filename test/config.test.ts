import { describe, expect, test } from "bun:test";
import { keyEntries } from "../src/config-keys.ts";
import { type ConfigLayer, type IpcConfigInput, mergeLayers, resolveIpcConfig, resolveLogConfig, resolveRuntimeConfig } from "../src/config.ts";
import { ActonError } from "../src/errors.ts";

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof ActonError && thrown.code === "INVALID_CONFIG") return thrown.message;
    throw thrown;
  }
  throw new Error("it was accepted");
}

const file = (values: unknown, line?: number): ConfigLayer => ({ origin: "/etc/acton/acton.toml", spelling: "file", values, lineOf: () => line });
const environment = (values: Record<string, string>): ConfigLayer => ({ origin: "environment", spelling: "environment", values });
const application = (values: unknown): ConfigLayer => ({ origin: "app({ config })", spelling: "code", values });

describe("the listener's configuration", () => {
  test("is the documented defaults when nothing is given", () => {
    expect(resolveIpcConfig()).toEqual({
      socketPath: "/tmp/acton.sock",
      socketMode: "0600",
      socketGroup: "",
      maxConnections: 100,
      connectionsPerUidMax: 0,
      connectionTimeoutMs: 30_000,
      subscriptionTimeoutMs: 0,
      rateLimit: null,
      policy: null,
      maxMessageSize: 1_048_576,
      frameTimeoutMs: 10_000,
      unfinishedBytesMax: 67_108_864,
      pushBufferSize: 100,
      writeTimeoutMs: 30_000,
      outgoingSoftBytes: 1_048_576,
      outgoingHardBytes: 8_388_608,
      inFlightMax: 64,
      inFlightTotalMax: 4096,
      inFlightPerUidMax: 0,
      inFlightBytesMax: 67_108_864,
      waitingBytesMax: 1_048_576,
      streamsMax: 128,
      subscriptionsMax: 128,
      depthMax: 127,
      tokensMax: 100_000,
      requestTimeoutMs: 30_000,
      drainTimeoutMs: 5_000,
      admissionTimeoutMs: 60_000,
      framesPerTurnMax: 32,
    });
  });

  test("takes what is given and keeps the other defaults; undefined is not given", () => {
    const config = resolveIpcConfig({ socketPath: "/run/a.sock", maxConnections: 3, inFlightMax: undefined });
    expect(config).toEqual({ ...resolveIpcConfig(), socketPath: "/run/a.sock", maxConnections: 3 });
  });

  test("lets a burst be as large as the rate when it is not given", () => {
    expect(resolveIpcConfig({ rateLimit: { requestsPerSecond: 100 } }).rateLimit).toEqual({ requestsPerSecond: 100, burstSize: 100 });
    expect(resolveIpcConfig({ rateLimit: { requestsPerSecond: 100, burstSize: 20 } }).rateLimit).toEqual({ requestsPerSecond: 100, burstSize: 20 });
    expect(resolveIpcConfig({ rateLimit: null }).rateLimit).toBeNull();
  });

  test("refuses a key it does not know, and names the nearest", () => {
    // @ts-expect-error: the type knows the keys too.
    expect(refusal(() => resolveIpcConfig({ maxConections: 5 }))).toBe("unknown key 'maxConections', did you mean 'maxConnections'?");
    const strange: object = { colour: "red" };
    expect(refusal(() => resolveIpcConfig(strange))).toBe("unknown key 'colour'");
  });

  test.each<[IpcConfigInput, string]>([
    [{ maxConnections: 0 }, "maxConnections must be a whole number from 1 to 1000000 (connections), not 0"],
    [{ maxConnections: 1.5 }, "maxConnections must be a whole number from 1 to 1000000 (connections), not 1.5"],
    [{ requestTimeoutMs: Number.NaN }, "requestTimeoutMs must be a whole number from 1 to 2147483647 (ms), not NaN"],
    [{ connectionTimeoutMs: 2 ** 31 }, "connectionTimeoutMs must be a whole number from 0 to 2147483647 (ms), not 2147483648"],
    [{ maxMessageSize: 2 ** 24 }, "maxMessageSize must be a whole number from 1 to 16777215 (bytes), not 16777216"],
    [{ depthMax: 128 }, "depthMax must be a whole number from 1 to 127 (containers), not 128"],
    [{ socketPath: "" }, 'socketPath must be an absolute path, not ""'],
    [{ socketPath: "acton.sock" }, 'socketPath must be an absolute path, not "acton.sock"'],
    [{ socketPath: "/tmp/\0x" }, 'socketPath must be an absolute path, not "/tmp/\\u0000x"'],
    [{ rateLimit: { requestsPerSecond: -1 } }, "requestsPerSecond must be a whole number from 0 to 1000000 (requests/s), not -1"],
    [{ rateLimit: { requestsPerSecond: 0, burstSize: 5 } }, "burstSize needs requestsPerSecond beside it"],
    [{ outgoingHardBytes: 1024 }, "outgoingHardBytes is 1024, but must be at least outgoingSoftBytes, which is 1048576"],
    [{ outgoingSoftBytes: 10, outgoingHardBytes: 1024 }, "outgoingHardBytes is 1024, but must be at least maxMessageSize, which is 1048576"],
    [{ unfinishedBytesMax: 5 }, "unfinishedBytesMax is 5, but must be at least maxMessageSize, which is 1048576"],
  ])("refuses %j and says why", (input, message) => {
    expect(refusal(() => resolveIpcConfig(input))).toBe(message);
  });
});

test("the runtime's and the log's configuration have their documented defaults", () => {
  expect(resolveRuntimeConfig()).toEqual({
    mailboxSize: 1024,
    waitingSendersMax: 1024,
    sendTimeoutMs: 30_000,
    askTimeoutMs: 30_000,
    stopTimeoutMs: 10_000,
    startTimeoutMs: 10_000,
    restartsMax: 5,
    restartWindowMs: 60_000,
    backoffMs: 100,
    backoffMaxMs: 30_000,
    readersMax: 100,
    streamReaderTimeoutMs: 1_000,
    messagesPerTurnMax: 64,
    lagWarnMs: 50,
    subscriberQueueSize: 1024,
  });
  expect(resolveLogConfig()).toEqual({ level: "info", format: "auto", queueSize: 1024 });
  expect(resolveRuntimeConfig({ mailboxSize: 2 }).mailboxSize).toBe(2);
});

describe("layers", () => {
  test("win key by key, the later over the earlier, and each key knows where it came from", () => {
    const { config, origins } = mergeLayers([
      application({ maxConnections: 1, inFlightMax: 1, streamsMax: 1, runtime: { mailboxSize: 1 } }),
      file({ max_connections: 2, in_flight_max: 2, rate_limit: { requests_per_second: 2 } }, 7),
      environment({ ACTON_MAX_CONNECTIONS: "3", ACTON_RATE_LIMIT_BURST_SIZE: "3", ACTON_LOG_LEVEL: "debug" }),
      { origin: "--socket", spelling: "file", values: { socket_path: "/run/flag.sock" } },
    ]);
    expect(config).toMatchObject({ maxConnections: 3, inFlightMax: 2, streamsMax: 1, runtime: { mailboxSize: 1 }, log: { level: "debug" } });
    expect(config.rateLimit).toEqual({ requestsPerSecond: 2, burstSize: 3 });
    expect(config.socketPath).toBe("/run/flag.sock");
    expect(Object.fromEntries([...origins].filter(([, origin]) => origin !== "default"))).toEqual({
      socketPath: "--socket",
      maxConnections: "ACTON_MAX_CONNECTIONS",
      inFlightMax: "/etc/acton/acton.toml:7",
      streamsMax: "app({ config })",
      "rateLimit.requestsPerSecond": "/etc/acton/acton.toml:7",
      "rateLimit.burstSize": "ACTON_RATE_LIMIT_BURST_SIZE",
      "runtime.mailboxSize": "app({ config })",
      "log.level": "ACTON_LOG_LEVEL",
    });
  });

  test("a rate limit of null in the application leaves none, and a later layer may set one", () => {
    expect(mergeLayers([application({ rateLimit: null })]).config.rateLimit).toBeNull();
    expect(mergeLayers([application({ rateLimit: null }), file({ rate_limit: { requests_per_second: 5 } })]).config.rateLimit).toEqual({
      requestsPerSecond: 5,
      burstSize: 5,
    });
  });

  test.each<[ConfigLayer, string]>([
    [file({ max_conections: 1 }, 7), "/etc/acton/acton.toml:7: unknown key 'max_conections', did you mean 'max_connections'?"],
    [file({ maxConnections: 1 }, 2), "/etc/acton/acton.toml:2: unknown key 'maxConnections', did you mean 'max_connections'?"],
    [file({ rate_limit: { burst: 1 } }, 3), "/etc/acton/acton.toml:3: unknown key 'burst'"],
    [file({ runtim: {} }, 1), "/etc/acton/acton.toml:1: unknown key 'runtim', did you mean 'runtime'?"],
    [file({ runtime: 5 }, 1), "/etc/acton/acton.toml:1: runtime must be a table of keys, not 5"],
    [
      file({ max_connections: "many" }, 4),
      '/etc/acton/acton.toml:4: max_connections must be a whole number from 1 to 1000000 (connections), not "many"',
    ],
    [file({ max_connections: [1] }), "/etc/acton/acton.toml: max_connections must be a whole number from 1 to 1000000 (connections), not a list"],
    [file({ rate_limit: { burst_size: 5 } }, 9), "/etc/acton/acton.toml:9: burst_size needs requests_per_second beside it"],
    [environment({ ACTON_MAX_CONECTIONS: "1" }), "unknown variable 'ACTON_MAX_CONECTIONS', did you mean 'ACTON_MAX_CONNECTIONS'?"],
    [environment({ ACTON_MAX_CONNECTIONS: "ten" }), 'ACTON_MAX_CONNECTIONS must be a whole number from 1 to 1000000 (connections), not "ten"'],
    [environment({ ACTON_MAX_CONNECTIONS: "" }), 'ACTON_MAX_CONNECTIONS must be a whole number from 1 to 1000000 (connections), not ""'],
    [environment({ ACTON_LOG_LEVEL: "loud" }), 'ACTON_LOG_LEVEL must be one of debug, info, warn, error, off, not "loud"'],
    [application({ runtime: { mailboxSze: 1 } }), "app({ config }): unknown key 'mailboxSze', did you mean 'mailboxSize'?"],
  ])("refuse what is wrong, naming the place: %#", (layer, message) => {
    expect(refusal(() => mergeLayers([layer]))).toBe(message);
  });
});

test("every key can be set in a file and in the environment under its documented name", () => {
  const formed: Readonly<Record<string, string>> = { socketMode: "0660", socketGroup: "users" };
  for (const { path, fileName, variable, section, key } of keyEntries) {
    const value =
      key.choices?.[1] ?? formed[path] ?? (typeof key.default === "string" ? "/run/other.sock" : key.default + (key.default === key.max ? -1 : 1));
    const others = path === "rateLimit.burstSize" ? { rate_limit: { requests_per_second: 1 } } : {};
    const name = fileName.split(".").at(-1) ?? "";
    const inFile = section === "" ? { [name]: value } : { [fileName.split(".")[0] ?? ""]: { [name]: value } };
    const base = [file(others), file({ outgoing_hard_bytes: 2 ** 24, unfinished_bytes_max: 2 ** 25 })];
    for (const layer of [file(inFile), environment({ [variable]: String(value) })]) {
      const { config, origins } = mergeLayers([...base, layer]);
      const at = path.split(".").reduce<unknown>((node, step) => (node as Record<string, unknown>)[step], config);
      expect([path, at, origins.get(path)]).toEqual([path, value, layer.spelling === "file" ? layer.origin : variable]);
    }
  }
});
