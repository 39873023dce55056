// How often and how soon a child may be restarted. Pure: times go in as values, the same everywhere in milliseconds.

export interface Intensity {
  readonly restartsMax: number;
  readonly restartWindowMs: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

/** Those of the restarts, in rising order of time, that still count: a restart is forgotten once the window has passed. */
export function recentRestarts(restarts: readonly number[], now: number, { restartWindowMs }: Intensity): readonly number[] {
  return restarts.filter((at) => now - at < restartWindowMs);
}

/** How long the next restart waits after `recent` ones: doubled each time up to a bound, less up to half of it by chance (from 0 to 1). */
export function backoffOf(recent: number, chance: number, { backoffMs, backoffMaxMs }: Intensity): number {
  // The largest power there is: with the next, Infinity, no backoff at all would be NaN.
  const whole = Math.min(backoffMs * 2 ** Math.min(recent, 1023), backoffMaxMs);
  return whole * (1 - chance / 2);
}
