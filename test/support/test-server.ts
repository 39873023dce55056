// A runtime with the test services behind a real socket in a directory of its own, and the clients that a test opens on it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ActonApp,
  type Clock,
  type IpcConfigInput,
  type IpcListener,
  type Log,
  ManualClock,
  type Policy,
  type PolicyInput,
  type RuntimeConfigInput,
} from "acton";
import { silentLog } from "../../src/log.ts";
import { eventually, oneRound } from "./conditions.ts";
import { RawClient, type RawClientOptions } from "./raw-client.ts";
import { Price, PriceAlert, Seen, testAgents, Text } from "./test-services.ts";

export interface ServeOptions {
  readonly config?: Omit<IpcConfigInput, "socketPath" | "policy">;
  readonly limits?: RuntimeConfigInput;
  readonly policy?: Policy;
  readonly policyRules?: PolicyInput;
  readonly log?: Log;
  /** Runs on the system's clock instead of a manual one. */
  readonly systemTime?: boolean;
}

/** A fresh directory of our own, removed with its content at the end. */
export class TemporaryDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "acton-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class TestServer implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly seen = new Seen();
  readonly runtime: ActonApp;
  readonly #directory = new TemporaryDirectory();
  readonly #clients: RawClient[] = [];
  #listener: IpcListener | undefined;

  private constructor(options: ServeOptions) {
    const clock: { readonly clock?: Clock } = options.systemTime === true ? {} : { clock: this.clock };
    this.runtime = ActonApp.launch({ ...clock, log: options.log ?? silentLog, ...(options.limits === undefined ? {} : { limits: options.limits }) });
  }

  static async start(options: ServeOptions = {}): Promise<TestServer> {
    const server = new TestServer(options);
    try {
      await server.#serve(options);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  async #serve(options: ServeOptions): Promise<void> {
    for (const blueprint of testAgents(this.seen)) this.runtime.ipcExpose(blueprint.name, await this.runtime.start(blueprint));
    for (const type of [Price, PriceAlert, Text]) this.runtime.ipcRegistry().register(type);
    this.#listener = await this.runtime.startIpcListener({
      ...options.config,
      policy: options.policy,
      policyRules: options.policyRules,
      socketPath: this.path,
    });
  }

  get path(): string {
    return join(this.#directory.path, "s.sock");
  }

  get listener(): IpcListener {
    if (this.#listener === undefined) throw new Error("the server has not started");
    return this.#listener;
  }

  async connect(options?: RawClientOptions): Promise<RawClient> {
    const client = await RawClient.connect(this.path, options);
    this.#clients.push(client);
    return client;
  }

  /** Resolves when the listener's figure is as expected. */
  until(holds: (server: TestServer) => boolean, what?: string): Promise<void> {
    return eventually(() => holds(this), what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.destroy();
    let done = false;
    const down = this.runtime.shutdownAll().then(() => (done = true));
    while (!done) {
      this.clock.advance(60_000);
      await oneRound();
    }
    await down;
    this.#directory[Symbol.dispose]();
  }
}

/** The envelope of a request that wants its reply. */
export function request(target: string, type: string, payload: unknown, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { target, message_type: type, payload, expects_reply: true, ...more };
}

/** The envelope of a request for a stream. */
export function streamRequest(target: string, type: string, payload: unknown, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { target, message_type: type, payload, expects_stream: true, ...more };
}
