// `acton call`: one request to one agent, and its reply as JSON.

import { systemFiles } from "../files.ts";
import { bunTransport } from "../ipc/bun-transport.ts";
import { connect } from "../ipc/client/client.ts";
import { payloadFrom } from "./payload.ts";
import { type SocketOptions, socketPathOf } from "./socket-path.ts";
import { jsonText, printOut, stdoutIsTerminal } from "./terminal.ts";

export interface CallOptions extends SocketOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly msgpack?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export async function call(agent: string, type: string, words: readonly string[], options: CallOptions): Promise<void> {
  const payload = await payloadFrom(words);
  const client = await connect(await socketPath(options), {
    transport: bunTransport,
    format: options.msgpack === true ? "msgpack" : "json",
    keepAliveMs: 0,
  });
  const reply = await client.ask(agent, type, payload, { timeoutMs: options.timeout });
  client.close();
  await printOut(`${jsonText(reply, options.json !== true && stdoutIsTerminal())}\n`);
}

// Configuration is read only when the flags leave the path open.
async function socketPath(options: SocketOptions): Promise<string> {
  const named = socketPathOf(options, process.env);
  if (named !== undefined) return named;
  const { loadConfig } = await import("../config-layers.ts");
  return (await loadConfig({ files: systemFiles, environment: process.env })).config.socketPath;
}
