// A test of reliability that can be made as long as one likes, and says what came of it as a figure. Chance is seeded.

export interface SoakOptions {
  readonly rounds?: number;
  readonly seed?: number;
}

export interface SoakResult {
  /** What was measured, for people. */
  readonly figure: string;
  readonly passed: boolean;
}

export interface Soak {
  readonly id: string;
  readonly title: string;
  /** What must be measured. */
  readonly pass: string;
  run(options: SoakOptions): Promise<SoakResult>;
}

/** The value below which the part of them lies; 0 of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? 0;
}
