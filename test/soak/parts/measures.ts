// Figures from measurements: percentiles, slopes, and how long calls take.

import type { RawClient } from "../../support/raw-client.ts";
import { request } from "../../support/test-server.ts";

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Least squares: how much `y` grows with each unit of `x`. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return above / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

/** Milliseconds of each call, one after the other, for so long. Rejects when one is not answered as it should be. */
export async function callTimes(client: RawClient, ms: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + ms;
  for (let n = 0; performance.now() < end; n++) {
    const started = performance.now();
    const answer = await client.ask(request("plain", "Echo", n, { request_id: `t${n}` }));
    if (answer["payload"] !== n) throw new Error(`${n} was answered ${JSON.stringify(answer).slice(0, 200)}`);
    times.push(performance.now() - started);
    // A client that pauses meets whatever goes on; one that never does would take its share of the machine itself.
    await Bun.sleep(1);
  }
  return times;
}

export interface Figures {
  readonly activeConnections: number;
  readonly closedIdle: number;
  readonly closedSlow: number;
  readonly refused: number;
  readonly protocolErrors: number;
  readonly unfinishedBytes: number;
}

/** The listener's own figures. */
export async function figuresOf(client: RawClient): Promise<Figures> {
  const { payload } = await client.ask({ stats: true, request_id: "stats" });
  const stats = payload as Record<string, number> & { readonly errors_by_code: Record<string, number> };
  const figure = (name: string): number => stats[name] ?? 0;
  return {
    activeConnections: figure("active_connections"),
    closedIdle: figure("connections_closed_idle"),
    closedSlow: figure("connections_closed_slow"),
    refused: figure("connections_refused"),
    protocolErrors: stats.errors_by_code["ProtocolError"] ?? 0,
    unfinishedBytes: figure("unfinished_bytes"),
  };
}

/** Looks every 10 ms until it holds; false when it still does not after so long. */
export async function within(ms: number, holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await Bun.sleep(10)) if (await holds()) return true;
  return holds();
}

export function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 24 ? 1 : 0)} MiB`;
}
