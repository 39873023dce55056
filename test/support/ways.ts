// The ways to one agent: a local handle, and a remote ref over a socket in both formats. What holds for each is a contract.

import {
  ActonApp,
  type AgentHandle,
  type AgentRef,
  type Blueprint,
  type IpcListener,
  type ManualClock,
  type MessageType,
  type RuntimeConfigInput,
} from "acton";
import { join } from "node:path";
import { type Client, connect } from "../../src/client.ts";
import { silentLog } from "../../src/log.ts";
import { oneRound } from "./conditions.ts";
import { TemporaryDirectory } from "./test-server.ts";

/** One way to an agent. */
export interface Way<Handled extends MessageType> {
  readonly ref: AgentRef<Handled>;
  /** The agent itself, where it lives. */
  readonly handle: AgentHandle<Handled>;
  /** What is between; undefined where nothing is. */
  readonly listener: IpcListener | undefined;
  /** Loses the connection; nothing where there is none. */
  cut(): void;
  /** The agent, or what leads to it, goes away. */
  end(): Promise<void>;
  close(): Promise<void>;
}

export type Kind = "local" | "json" | "msgpack";

export const kinds: readonly { readonly name: string; readonly kind: Kind }[] = [
  { name: "a local handle", kind: "local" },
  { name: "a remote agent over JSON", kind: "json" },
  { name: "a remote agent over MessagePack", kind: "msgpack" },
];

export async function open<Handled extends MessageType>(
  kind: Kind,
  blueprint: Blueprint<object, Handled>,
  { clock, limits = {} }: { readonly clock: ManualClock; readonly limits?: RuntimeConfigInput },
): Promise<Way<Handled>> {
  const runtime = ActonApp.launch({ clock, log: silentLog, limits });
  const handle = await runtime.start(blueprint);
  const shutDown = (): Promise<void> => passing(clock, runtime.shutdownAll());
  if (kind === "local") return { ref: handle, handle, listener: undefined, cut() {}, end: () => handle.stop(), close: shutDown };
  const directory = new TemporaryDirectory();
  runtime.ipcExpose(blueprint.name, handle);
  const path = join(directory.path, "s.sock");
  const listener = await runtime.startIpcListener({ socketPath: path });
  const client: Client = await connect(path, { clock, format: kind, keepAliveMs: 0 });
  return {
    ref: client.agent<Blueprint<object, Handled>>(blueprint.name),
    handle,
    listener,
    cut: () => void listener.revoke(1),
    end: shutDown,
    async close() {
      client.close();
      await shutDown();
      directory[Symbol.dispose]();
    },
  };
}

/** Lets time go by until the work is done. */
export async function passing(clock: ManualClock, work: Promise<unknown>): Promise<void> {
  let done = false;
  const finished = work.then(() => (done = true));
  while (!done) {
    clock.advance(1000);
    await oneRound();
  }
  await finished;
}
