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
    const at = (percent: number): number => Math.round(this.#latencies.percentile(percent) / 100) / 10;
    return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: Math.round(this.#latencies.max / 100) / 10 };
  }
}
