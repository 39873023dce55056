// What a load test has seen: latencies in a histogram, errors by their code. Begun anew when the warming up is over.

import { createHistogram } from "node:perf_hooks";

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const nsMax = 3600e9;

export class Tally {
  readonly #latencies = createHistogram({ lowest: 1, highest: nsMax, figures: 3 });
  readonly errors = new Map<string, number>();
  answered = 0;
  items = 0;
  dropped = 0;

  /** What counts from now on. `keepErrors` when those of the beginning are those of the whole, as of a subscription. */
  fresh(keepErrors: boolean): Tally {
    const next = new Tally();
    if (keepErrors) for (const [code, count] of this.errors) next.error(code, count);
    return next;
  }

  answer(latencyMs: number): void {
    this.answered += 1;
    this.record(latencyMs);
  }

  record(latencyMs: number): void {
    this.#latencies.record(Math.min(nsMax, Math.max(1, Math.round(latencyMs * 1e6))));
  }

  error(code: string, count = 1): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + count);
  }

  get errorCount(): number {
    return [...this.errors.values()].reduce((sum, count) => sum + count, 0);
  }

  /** In microseconds. Undefined when nothing was recorded. */
  get percentiles(): Percentiles | undefined {
    if (this.#latencies.count === 0) return undefined;
    // A bucket's upper end may lie beyond the greatest value in it.
    const most = this.#latencies.max;
    const at = (percent: number): number => inMicroseconds(Math.min(most, this.#latencies.percentile(percent)));
    return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: inMicroseconds(most) };
  }
}

function inMicroseconds(ns: number): number {
  return Math.round(ns / 100) / 10;
}
