// Every limit that a client can meet, each by default and to the last one: at the limit it is served, one past it the limit acts, with
// its code and its counter. What is peculiar to a single limit is in the tests beside this one.

import { describe, expect, test } from "bun:test";
import { type ErrorCode, type IpcConfigInput, type ListenerStats, type ListenOptions, message, type Policy } from "acton";
import { z } from "zod";
import { MemoryMachine } from "acton/testing";
import { resolveIpcConfig, resolveRuntimeConfig } from "../../../src/config.ts";
import { listenerKeys, runtimeKeys } from "../../../src/config-keys.ts";
import { checkOpenFiles } from "../../../src/ipc/server/listener-bounds.ts";
import { eventually, quiet } from "../../support/conditions.ts";
import { MemoryCaller } from "../../support/memory-caller.ts";
import { MemoryServer } from "../../support/memory-server.ts";
import { type Fields, jsonFrame } from "../../support/raw-client.ts";
import { request, streamRequest } from "../../support/test-server.ts";
import { Text } from "../../support/test-services.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const kernelBytes = 64 * KiB;

/** A server with its defaults, on a machine whose sockets hold 64 KiB. */
class Limited implements AsyncDisposable {
  readonly server: MemoryServer;
  readonly #machine: MemoryMachine;

  private constructor(server: MemoryServer, machine: MemoryMachine) {
    this.server = server;
    this.#machine = machine;
  }

  static async start(options: ListenOptions): Promise<Limited> {
    const machine = new MemoryMachine({ bufferBytes: kernelBytes });
    return new Limited(await MemoryServer.start(options, machine), machine);
  }

  get stats(): ListenerStats {
    return this.server.listener.stats();
  }

  connect(): Promise<MemoryCaller> {
    return MemoryCaller.connect(this.#machine.process().transport, MemoryServer.path);
  }

  connectMany(count: number): Promise<MemoryCaller[]> {
    return Promise.all(Array.from({ length: count }, () => this.connect()));
  }

  /** Lets time go by, and what comes of it happen. */
  async pass(ms: number): Promise<void> {
    await quiet();
    this.server.clock.advance(ms);
    await quiet();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

type Acts = ErrorCode | "waits" | "is not read" | "is closed" | "is dropped";

interface Limit {
  /** As it is called in the configuration; `protocol` for what nobody configures. */
  readonly key: keyof typeof listenerKeys | keyof typeof runtimeKeys | "rateLimit" | "protocol";
  readonly what: string;
  /** What the key is by default, as the documents say. */
  readonly is?: number;
  readonly options?: Omit<IpcConfigInput, "policy"> & { readonly policy?: Policy };
  readonly acts: Acts;
  readonly counter: (stats: ListenerStats) => number | undefined;
  /** What the counter is one past the limit, when that is not 1. */
  readonly counts?: number;
  /** Up to the limit, all of it served. Returns the step past it, which resolves with the code, or whether it acted in the other way. */
  readonly fill: (limited: Limited) => Promise<() => Promise<unknown>>;
}

const failures =
  (code: ErrorCode) =>
  (stats: ListenerStats): number =>
    stats.errorsByCode[code] ?? 0;

const note = (target: string, payload: unknown, id = "n"): Fields => ({ target, message_type: "Note", payload, request_id: id });
const hold = (id: string, payload: unknown = 1): Fields => request("holder", "Hold", payload, { request_id: id });

/** The body padded to so many bytes. */
function padded(bytes: number, body: (pad: string) => Fields): Fields {
  return body("x".repeat(bytes - Buffer.byteLength(JSON.stringify(body("")))));
}

const pingOf = (bytes: number): Buffer => jsonFrame(padded(bytes, (pad) => ({ ping: true, pad })));

async function served(caller: MemoryCaller, body: Fields): Promise<void> {
  const answer = await caller.ask(body);
  if (answer["error_code"] !== undefined || answer["success"] === false) throw new Error(`not served: ${JSON.stringify(answer)}`);
}

const codeOf = async (caller: MemoryCaller, body: Fields): Promise<unknown> => (await caller.ask(body))["error_code"];

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

async function held(limited: Limited, count: number): Promise<void> {
  await eventually(() => limited.server.seen.held.length === count, `${count} held requests`);
}

/** A caller that has stopped reading, and of whose answers so many bytes wait beyond what the kernel has. */
async function unread(limited: Limited, bytes: number): Promise<{ readonly caller: MemoryCaller; readonly answer: (size: number) => Promise<void> }> {
  const caller = await limited.connect();
  await served(caller, { ping: true, request_id: "p" });
  caller.stopReading();
  const { held: calls } = limited.server.seen;
  const empty = jsonFrame({ request_id: "u", success: true, payload: "", error: null }).length;
  const answer = async (size: number): Promise<void> => {
    caller.send(hold("u"));
    const before = calls.length;
    await held(limited, before + 1);
    limited.server.seen.call(before).reply.end("y".repeat(size - empty));
    await quiet();
  };
  for (let left = kernelBytes + bytes; left > 0; left -= 512 * KiB) await answer(Math.min(left, 512 * KiB));
  return { caller, answer };
}

const limits: readonly Limit[] = [
  {
    key: "maxConnections",
    what: "connections",
    is: 100,
    acts: "CONNECTION_LIMIT_REACHED",
    counter: (stats) => stats.connectionsRefused,
    fill: async (limited) => {
      for (const caller of await limited.connectMany(100)) await served(caller, { ping: true });
      return async () => codeOf(await limited.connect(), { ping: true });
    },
  },
  {
    key: "connectionsPerUidMax",
    what: "connections of one user",
    options: { connectionsPerUidMax: 2 },
    acts: "CONNECTION_LIMIT_REACHED",
    counter: (stats) => stats.connectionsOverUserLimit,
    fill: async (limited) => {
      for (const caller of await limited.connectMany(2)) await served(caller, { ping: true });
      return async () => codeOf(await limited.connect(), { ping: true });
    },
  },
  {
    key: "connectionTimeoutMs",
    what: "milliseconds without a frame",
    is: 30_000,
    acts: "is closed",
    counter: (stats) => stats.connectionsClosedIdle,
    fill: async (limited) => {
      const caller = await limited.connect();
      await served(caller, { ping: true });
      await limited.pass(29_999);
      expect(caller.ended).toBe(false);
      return async () => {
        await limited.pass(1);
        return caller.ended;
      };
    },
  },
  {
    key: "subscriptionTimeoutMs",
    what: "milliseconds without a frame of one who has subscribed",
    options: { subscriptionTimeoutMs: 90_000 },
    acts: "is closed",
    counter: (stats) => stats.connectionsClosedIdle,
    fill: async (limited) => {
      const caller = await limited.connect();
      await served(caller, { message_types: ["Text"], request_id: "s" });
      await limited.pass(89_999);
      expect(caller.ended).toBe(false);
      return async () => {
        await limited.pass(1);
        return caller.ended;
      };
    },
  },
  {
    key: "maxMessageSize",
    what: "bytes of a body that comes in",
    is: MiB,
    acts: "PROTOCOL_ERROR",
    counter: failures("PROTOCOL_ERROR"),
    fill: async (limited) => {
      const caller = await limited.connect();
      caller.write(pingOf(MiB));
      expect(await caller.next()).toMatchObject({ success: true });
      return async () => {
        // Its length alone: nothing of the body is waited for.
        caller.write(pingOf(MiB + 1).subarray(0, 5));
        const answer = await caller.next();
        expect(limited.stats.unfinishedBytes).toBe(0);
        return answer["error_code"];
      };
    },
  },
  {
    key: "maxMessageSize",
    what: "bytes of a body that goes out",
    is: MiB,
    acts: "HANDLER_FAILED",
    counter: failures("HANDLER_FAILED"),
    fill: async (limited) => {
      const caller = await limited.connect();
      const empty = JSON.stringify({ request_id: "r", success: true, payload: "", error: null }).length;
      const answered = async (bytes: number): Promise<Fields> => {
        const { length } = limited.server.seen.held;
        caller.send(hold("r"));
        await held(limited, length + 1);
        limited.server.seen.call(length).reply.end("y".repeat(bytes - empty));
        return caller.next();
      };
      expect(await answered(MiB)).toMatchObject({ success: true });
      return async () => (await answered(MiB + 1))["error_code"];
    },
  },
  {
    key: "frameTimeoutMs",
    what: "milliseconds for a frame to become whole",
    is: 10_000,
    acts: "PROTOCOL_ERROR",
    counter: failures("PROTOCOL_ERROR"),
    fill: async (limited) => {
      const caller = await limited.connect();
      caller.write(pingOf(100).subarray(0, 60));
      await limited.pass(9_999);
      expect(caller.frames).toEqual([]);
      return async () => {
        await limited.pass(1);
        return (await caller.next())["error_code"];
      };
    },
  },
  {
    key: "unfinishedBytesMax",
    what: "bytes of unfinished frames",
    is: 64 * MiB,
    acts: "is not read",
    counter: (stats) => stats.readsPausedUnfinished,
    counts: 2,
    fill: async (limited) => {
      const callers = await limited.connectMany(65);
      const frame = pingOf(MiB);
      for (const [at, caller] of callers.slice(0, 64).entries()) caller.write(frame.subarray(0, at === 0 ? MiB - 1 : MiB));
      await eventually(() => limited.stats.unfinishedBytes === 64 * MiB - 1, "all of it");
      return async () => {
        // The last byte is read, and one piece of the next frame, which is how it is seen that it is one too many.
        callers[0]?.write(frame.subarray(MiB - 1, MiB));
        await eventually(() => limited.stats.unfinishedBytes === 64 * MiB);
        callers[64]?.write(frame.subarray(0, MiB));
        await quiet();
        return limited.stats.unfinishedBytes <= 64 * MiB + kernelBytes && (callers[64]?.unsent ?? 0) > 0;
      };
    },
  },
  {
    key: "pushBufferSize",
    what: "pushes that wait",
    is: 100,
    acts: "is dropped",
    counter: (stats) => stats.pushesDropped,
    fill: async (limited) => {
      const caller = await limited.connect();
      await served(caller, { message_types: ["Text"], request_id: "s" });
      caller.stopReading();
      const broadcast = (text: string): void => limited.server.runtime.broker().broadcast(Text, text);
      // What the kernel does not take keeps all that follows waiting.
      broadcast("x".repeat(2 * kernelBytes));
      await quiet();
      for (let n = 0; n < 100; n++) broadcast("waits");
      await quiet();
      return async () => {
        broadcast("lost");
        await quiet();
        return limited.stats.pushesDropped === 1;
      };
    },
  },
  {
    key: "outgoingHardBytes",
    what: "bytes of pushes that wait",
    is: 8 * MiB,
    acts: "is dropped",
    counter: (stats) => stats.pushesDropped,
    fill: async (limited) => {
      const caller = await limited.connect();
      await served(caller, { message_types: ["Text"], request_id: "s" });
      caller.stopReading();
      const broadcast = (bytes: number): void => limited.server.runtime.broker().broadcast(Text, "x".repeat(bytes - '""'.length));
      broadcast(2 * kernelBytes);
      await quiet();
      for (let n = 0; n < 16; n++) broadcast(MiB / 2);
      await quiet();
      return async () => {
        broadcast(2);
        await quiet();
        return limited.stats.pushesDropped === 1;
      };
    },
  },
  {
    key: "writeTimeoutMs",
    what: "milliseconds in which its peer reads nothing",
    is: 30_000,
    acts: "is closed",
    counter: (stats) => stats.connectionsClosedSlow,
    fill: async (limited) => {
      await unread(limited, 1);
      await limited.pass(29_999);
      expect(limited.stats.activeConnections).toBe(1);
      return async () => {
        await limited.pass(1);
        return limited.stats.activeConnections === 0;
      };
    },
  },
  {
    key: "outgoingSoftBytes",
    what: "bytes that wait to go out",
    is: MiB,
    acts: "is not read",
    counter: (stats) => stats.readsPaused,
    fill: async (limited) => {
      const { caller, answer } = await unread(limited, MiB - 200);
      // Its answer waits with the rest, and has 200 bytes with that of the ping that shows that it is read.
      await answer(200);
      const { framesReceived } = limited.stats;
      caller.send(hold("last"));
      await eventually(() => limited.stats.framesReceived === framesReceived + 1, "the last frame");
      return async () => {
        limited.server.seen.call(limited.server.seen.held.length - 1).reply.end(1);
        await quiet();
        caller.send({ ping: true });
        await quiet();
        return limited.stats.framesReceived === framesReceived + 1;
      };
    },
  },
  {
    key: "outgoingHardBytes",
    what: "bytes that wait to go out",
    is: 8 * MiB,
    acts: "is closed",
    counter: (stats) => stats.connectionsClosedSlow,
    fill: async (limited) => {
      const caller = await limited.connect();
      // Answers without an id wait for the first one, and nothing of them has left: 8 MiB are 8 of a MiB.
      for (let n = 0; n < 10; n++) caller.send(request("holder", "Hold", n));
      await held(limited, 10);
      const empty = jsonFrame({ request_id: null, success: true, payload: "", error: null }).length;
      const answer = (call: number, bytes: number): void => limited.server.seen.call(call).reply.end("y".repeat(bytes - empty));
      for (let call = 1; call <= 8; call++) answer(call, MiB);
      await quiet();
      expect(caller.ended).toBe(false);
      return async () => {
        answer(9, empty);
        await quiet();
        return caller.ended;
      };
    },
  },
  {
    key: "inFlightMax",
    what: "requests in flight on a connection",
    is: 64,
    acts: "waits",
    counter: (stats) => stats.requestsWaiting,
    fill: async (limited) => {
      const caller = await limited.connect();
      for (let n = 0; n < 64; n++) caller.send(hold(`h${n}`));
      await held(limited, 64);
      return async () => {
        caller.send(hold("past"));
        await quiet();
        return limited.server.seen.held.length === 64;
      };
    },
  },
  {
    key: "inFlightTotalMax",
    what: "requests in flight on all connections",
    is: 4096,
    acts: "waits",
    counter: (stats) => stats.requestsWaiting,
    fill: async (limited) => {
      for (const caller of await limited.connectMany(64)) for (let n = 0; n < 64; n++) caller.send(hold(`h${n}`));
      await held(limited, 4096);
      return async () => {
        (await limited.connect()).send(hold("past"));
        await quiet();
        return limited.server.seen.held.length === 4096;
      };
    },
  },
  {
    key: "inFlightPerUidMax",
    what: "requests in flight of one user",
    options: { inFlightPerUidMax: 2 },
    acts: "TARGET_BUSY",
    counter: (stats) => stats.requestsOverUserLimit,
    fill: async (limited) => {
      const callers = await limited.connectMany(2);
      for (const caller of callers) caller.send(hold("h"));
      await held(limited, 2);
      return async () => codeOf(await limited.connect(), hold("past"));
    },
  },
  {
    key: "inFlightBytesMax",
    what: "bytes of requests in flight",
    is: 64 * MiB,
    acts: "waits",
    counter: (stats) => stats.requestsWaiting,
    fill: async (limited) => {
      const [one, two] = (await limited.connectMany(2)) as [MemoryCaller, MemoryCaller];
      for (let n = 0; n < 64; n++) (n % 2 === 0 ? one : two).send(padded(n === 0 ? MiB - 1 : MiB, (pad) => hold(`h${n}`, pad)));
      await held(limited, 64);
      expect(limited.stats.bytesInFlight).toBe(64 * MiB - 1);
      one.send(hold("last"));
      await held(limited, 65);
      return async () => {
        two.send(hold("past"));
        await quiet();
        return limited.server.seen.held.length === 65;
      };
    },
  },
  {
    key: "inFlightBytesMax",
    what: "bytes, the half of which is for messages without an answer",
    is: 64 * MiB,
    acts: "TARGET_BUSY",
    counter: failures("TARGET_BUSY"),
    fill: async (limited) => {
      const caller = await limited.connect();
      const alone = request("alone", "HoldAlone", "", { request_id: "busy" });
      caller.send(padded(MiB - 1, (pad) => ({ ...alone, payload: pad })));
      await held(limited, 1);
      for (let n = 0; n < 31; n++)
        await served(
          caller,
          padded(MiB, (pad) => note("alone", pad)),
        );
      expect(limited.stats.bytesInFlight).toBe(32 * MiB - 1);
      await served(caller, note("alone", 1));
      return () => codeOf(caller, note("alone", 1));
    },
  },
  {
    key: "waitingBytesMax",
    what: "bytes of requests that wait for a place",
    is: MiB,
    acts: "is not read",
    counter: (stats) => stats.readsPaused,
    fill: async (limited) => {
      const caller = await limited.connect();
      for (let n = 0; n < 64; n++) caller.send(hold(`h${n}`));
      await held(limited, 64);
      for (let n = 0; n < 16; n++) caller.send(padded(64 * KiB, (pad) => hold(`w${n}`, pad)));
      await eventually(() => limited.stats.requestsWaiting === 16, "16 that wait");
      expect(await caller.isRead()).toBe(true);
      return async () => {
        caller.send(hold("past"));
        await eventually(() => limited.stats.requestsWaiting === 17, "the 17th");
        return !(await caller.isRead());
      };
    },
  },
  {
    key: "streamsMax",
    what: "streams on a connection",
    is: 128,
    acts: "TARGET_BUSY",
    counter: failures("TARGET_BUSY"),
    fill: async (limited) => {
      const caller = await limited.connect();
      for (let n = 0; n < 128; n++) caller.send(streamRequest("streams", "Feed", n, { request_id: `s${n}` }));
      await eventually(() => limited.server.seen.feeds.length === 128, "128 streams");
      return () => codeOf(caller, streamRequest("streams", "Feed", 1, { request_id: "past" }));
    },
  },
  {
    key: "subscriptionsMax",
    what: "subscribed types on a connection",
    is: 128,
    acts: "PROTOCOL_ERROR",
    counter: failures("PROTOCOL_ERROR"),
    fill: async (limited) => {
      for (let n = 0; n < 128; n++) limited.server.runtime.ipcRegistry().register(message(`Type${n}`, z.any()));
      const caller = await limited.connect();
      await served(caller, { message_types: Array.from({ length: 128 }, (_, n) => `Type${n}`), request_id: "s" });
      expect(limited.stats.subscriptions).toBe(128);
      return () => codeOf(caller, { message_types: ["Text"], request_id: "t" });
    },
  },
  {
    key: "subscriptionsMax",
    what: "patterns on a connection",
    is: 128,
    acts: "PROTOCOL_ERROR",
    counter: failures("PROTOCOL_ERROR"),
    fill: async (limited) => {
      const caller = await limited.connect();
      await served(caller, { patterns: Array.from({ length: 128 }, (_, n) => `p${n}*`), request_id: "s" });
      expect(limited.stats.subscriptions).toBe(128);
      return () => codeOf(caller, { patterns: ["past*"], request_id: "t" });
    },
  },
  {
    key: "protocol",
    what: "256 bytes of a pattern",
    acts: "SERIALIZATION_ERROR",
    counter: failures("SERIALIZATION_ERROR"),
    fill: async (limited) => {
      const caller = await limited.connect();
      await served(caller, { patterns: [`${"p".repeat(255)}*`], request_id: "s" });
      return () => codeOf(caller, { patterns: [`${"p".repeat(256)}*`], request_id: "t" });
    },
  },
  {
    key: "protocol",
    what: "128 bytes of a request's id",
    acts: "SERIALIZATION_ERROR",
    counter: failures("SERIALIZATION_ERROR"),
    fill: async (limited) => {
      const caller = await limited.connect();
      await served(caller, request("echo", "Echo", 1, { request_id: "é".repeat(64) }));
      return () => codeOf(caller, request("echo", "Echo", 1, { request_id: `${"é".repeat(64)}x` }));
    },
  },
  {
    key: "protocol",
    what: "16 ids of a chain of asks",
    acts: "SERIALIZATION_ERROR",
    counter: failures("SERIALIZATION_ERROR"),
    fill: async (limited) => {
      const caller = await limited.connect();
      const chain = (length: number): Fields =>
        request("echo", "Echo", 1, { request_id: "c", ask_chain: Array.from({ length }, (_, n) => `elsewhere-${n}`) });
      await served(caller, chain(16));
      return () => codeOf(caller, chain(17));
    },
  },
  {
    key: "depthMax",
    what: "containers inside one another",
    is: 127,
    acts: "SERIALIZATION_ERROR",
    counter: failures("SERIALIZATION_ERROR"),
    fill: async (limited) => {
      const caller = await limited.connect();
      await served(caller, request("echo", "Echo", nested(126), { request_id: "d" }));
      return () => codeOf(caller, request("echo", "Echo", nested(127), { request_id: "d" }));
    },
  },
  {
    key: "tokensMax",
    what: "values and keys in one body",
    is: 100_000,
    acts: "SERIALIZATION_ERROR",
    counter: failures("SERIALIZATION_ERROR"),
    fill: async (limited) => {
      const caller = await limited.connect();
      // The envelope, its five keys and their values: eleven.
      const items = (count: number): Fields => request("echo", "Echo", new Array<number>(count).fill(1), { request_id: "t" });
      await served(caller, items(100_000 - 11));
      return () => codeOf(caller, items(100_000 - 10));
    },
  },
  {
    key: "requestTimeoutMs",
    what: "milliseconds of a request that names no time",
    is: 30_000,
    acts: "TIMEOUT",
    counter: failures("TIMEOUT"),
    fill: async (limited) => {
      const caller = await limited.connect();
      caller.send(hold("h"));
      await held(limited, 1);
      await limited.pass(29_999);
      expect(caller.frames).toEqual([]);
      return async () => {
        await limited.pass(1);
        return (await caller.next())["error_code"];
      };
    },
  },
  {
    key: "drainTimeoutMs",
    what: "milliseconds of a drain",
    is: 5_000,
    acts: "AGENT_STOPPED",
    counter: failures("AGENT_STOPPED"),
    fill: async (limited) => {
      const caller = await limited.connect();
      caller.send(hold("h"));
      await held(limited, 1);
      const over = limited.server.listener.shutdown();
      await limited.pass(4_999);
      expect(caller.frames).toEqual([]);
      return async () => {
        await limited.pass(1);
        expect(await over).toEqual({ lost: 1 });
        return (await caller.next())["error_code"];
      };
    },
  },
  {
    key: "admissionTimeoutMs",
    what: "milliseconds for the policy to admit a connection",
    is: 60_000,
    options: { policy: { admit: () => new Promise(() => {}) } },
    acts: "ACCESS_DENIED",
    counter: (stats) => stats.connectionsDenied,
    fill: async (limited) => {
      const caller = await limited.connect();
      caller.send({ ping: true });
      await limited.pass(59_999);
      expect([caller.frames, caller.ended]).toEqual([[], false]);
      return async () => {
        await limited.pass(1);
        return (await caller.next())["error_code"];
      };
    },
  },
  {
    key: "rateLimit",
    what: "requests in a burst (off by default)",
    options: { rateLimit: { requestsPerSecond: 1, burstSize: 3 } },
    acts: "RATE_LIMITED",
    counter: failures("RATE_LIMITED"),
    fill: async (limited) => {
      const caller = await limited.connect();
      for (let n = 0; n < 3; n++) await served(caller, note("notes", n));
      return () => codeOf(caller, note("notes", 3));
    },
  },
  {
    key: "mailboxSize",
    what: "messages in a mailbox",
    is: 1024,
    acts: "TARGET_BUSY",
    counter: failures("TARGET_BUSY"),
    fill: async (limited) => {
      const caller = await limited.connect();
      caller.send(request("alone", "HoldAlone", 1, { request_id: "busy" }));
      await held(limited, 1);
      for (let n = 0; n < 1024; n++) await served(caller, note("alone", n));
      return () => codeOf(caller, note("alone", 1024));
    },
  },
];

describe.each(limits.map((limit) => [`${limit.key}: ${limit.is?.toLocaleString("en-US") ?? ""} ${limit.what}`, limit] as const))("%s", (_, limit) => {
  const { key, is, options, acts, counter, counts = 1, fill } = limit;

  if (is !== undefined) {
    test("is the default", () => {
      expect({ ...resolveRuntimeConfig(), ...resolveIpcConfig() }[key as "maxConnections"]).toBe(is);
    });
  }

  test("at the limit all is served", async () => {
    await using limited = await Limited.start({ ...options });
    await fill(limited);
    expect(counter(limited.stats)).toBe(0);
  });

  test(`one past it ${acts}, and is counted`, async () => {
    await using limited = await Limited.start({ ...options });
    const past = await fill(limited);
    expect(await past()).toBe(acts.toUpperCase() === acts ? acts : true);
    expect(counter(limited.stats)).toBe(counts);
  });
});

test("rateLimit is off, and subscribers are never idle, unless that is configured", () => {
  expect(resolveIpcConfig()).toMatchObject({ rateLimit: null, subscriptionTimeoutMs: 0, connectionsPerUidMax: 0, inFlightPerUidMax: 0 });
});

test("a frame is never longer than 16 MiB − 1, whatever is configured", () => {
  expect(resolveIpcConfig({ maxMessageSize: 16 * MiB - 1, outgoingHardBytes: 16 * MiB }).maxMessageSize).toBe(16 * MiB - 1);
  expect(() => resolveIpcConfig({ maxMessageSize: 16 * MiB, outgoingHardBytes: 16 * MiB })).toThrow(
    expect.objectContaining({ code: "INVALID_CONFIG" }),
  );
});

test("¾ of the open-file limit may be connections, and one more is refused at start", () => {
  checkOpenFiles(resolveIpcConfig({ maxConnections: 768 }), 1024);
  expect(() => checkOpenFiles(resolveIpcConfig({ maxConnections: 769 }), 1024)).toThrow(
    expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringContaining("768") }),
  );
});

test("a socket's path of 103 bytes is served, and one of 104 is refused", async () => {
  const path = (bytes: number): string => `/tmp/${"s".repeat(bytes - 5)}`;
  await using server = await MemoryServer.start({ socketPath: path(103) });
  expect(server.listener.path).toBe(path(103));
  expect(MemoryServer.start({ socketPath: path(104) })).rejects.toMatchObject({ code: "PATH_REFUSED" });
});

test("32 frames of one connection are worked off in a turn, the 33rd in the next", async () => {
  await using limited = await Limited.start({});
  const caller = await limited.connect();
  caller.write(Buffer.concat(Array.from({ length: 33 }, () => jsonFrame({ ping: true }))));
  await eventually(() => limited.stats.framesReceived > 0);
  expect(limited.stats.framesReceived).toBe(32);
  await eventually(() => limited.stats.framesReceived === 33);
});

test("every key of the listener is here, but for those that limit nothing", () => {
  const none = ["socketPath", "socketMode", "socketGroup", "framesPerTurnMax"];
  const tried = new Set<string>(limits.map(({ key }) => key));
  expect(Object.keys(listenerKeys).filter((key) => !tried.has(key) && !none.includes(key))).toEqual([]);
});
