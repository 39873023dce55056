// User code that fails where nobody awaits it: the process hears of it and goes on, the log says it once, no request is lost. The host
// does not say whose code it was, so no agent's policy applies.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { crimes } from "../../support/crimes.ts";
import { linesOf } from "../../support/serve-process-handle.ts";
import { RawClient } from "../../support/raw-client.ts";
import { request, TemporaryDirectory } from "../../support/test-server.ts";
import { ways } from "../../support/thrown.ts";

class CrashProcess implements AsyncDisposable {
  readonly #directory = new TemporaryDirectory();
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  readonly #lines: AsyncGenerator<string, void>;

  private constructor() {
    this.#child = Bun.spawn([process.execPath, join(import.meta.dir, "../../support/crash-process.ts"), this.path], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#lines = linesOf(this.#child.stdout);
  }

  static async start(): Promise<CrashProcess> {
    const started = new CrashProcess();
    const { value } = await started.#lines.next();
    if (value !== "serving") throw new Error(String(value));
    return started;
  }

  get path(): string {
    return join(this.#directory.path, "s.sock");
  }

  /** The next line of the log: its text, and the error that it tells. */
  async said(): Promise<unknown> {
    const { value } = await this.#lines.next();
    const [text, fields] = JSON.parse(value ?? "[]") as [string, Record<string, unknown>];
    return [text, fields["error"]];
  }

  async terminated(): Promise<number> {
    this.#child.kill("SIGTERM");
    return this.#child.exited;
  }

  /** What it says until its end, and its status. */
  async left(): Promise<{ readonly said: string[]; readonly status: number }> {
    const said = await Array.fromAsync(this.#lines);
    return { said, status: await this.#child.exited };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#directory[Symbol.dispose]();
  }
}

const allWays = Object.entries(ways);

describe("user code that nobody awaits", () => {
  let server: CrashProcess;
  let client: RawClient;

  beforeAll(async () => {
    server = await CrashProcess.start();
    client = await RawClient.connect(server.path);
  });

  afterAll(async () => {
    client.destroy();
    await server[Symbol.asyncDispose]();
  });

  const alive = async (): Promise<void> => {
    expect(await client.ask(request("culprit", "Ping", {}))).toMatchObject({ payload: "alive" });
  };

  for (const crime of Object.keys(crimes)) {
    test.each(allWays)(`${crime}: %s is logged once, and the process and the agent go on`, async (way, { text }) => {
      expect(await client.ask(request("culprit", "Commit", { crime, way }))).toMatchObject({ payload: "done" });
      expect(await server.said()).toEqual(["uncaught error", text]);
      await alive();
    });
  }

  test.each(allWays)("a listener of the handler's signal, when its asker has gone: %s, the same", async (way, { text }) => {
    const asker = await RawClient.connect(server.path);
    asker.send(request("culprit", "Wait", { way }));
    await asker.ask({ ping: true, request_id: "p" });
    asker.destroy();
    expect(await server.said()).toEqual(["uncaught error", text]);
    await alive();
  });

  test.each(allWays)("a watcher that is async: %s, the same", async (way, { text }) => {
    expect(await client.ask(request("culprit", "Watch", { way }))).toMatchObject({ payload: "done" });
    expect(await server.said()).toEqual(["uncaught error", text]);
    await alive();
  });

  test("after all of it the process ends in order, with status 0", async () => {
    expect(await server.terminated()).toBe(0);
    expect(await server.left()).toEqual({ said: [], status: 0 });
  });
});

test("a process that ends after such an error without having been shut down has status 1", async () => {
  await using server = await CrashProcess.start();
  const client = await RawClient.connect(server.path);
  await client.ask(request("culprit", "Commit", { crime: "a microtask", way: "an error" }));
  expect(await server.said()).toEqual(["uncaught error", "boom"]);
  await client.ask(request("culprit", "Leave", {}));
  expect(await server.left()).toEqual({ said: [], status: 1 });
});
