// What one row of the soak is: `bun test/soak/run.ts ID` runs it whole, the ordinary suite a small part of it.

export interface SoakOptions {
  readonly cases?: number;
  /** Repeats a run; each prints its own. */
  readonly seed?: number;
}

export interface SoakResult {
  /** What was measured, as one line. */
  readonly figure: string;
  readonly passed: boolean;
}

export interface SoakEntry {
  readonly id: string;
  readonly title: string;
  /** The pass figure in words. */
  readonly pass: string;
  run(options: SoakOptions): Promise<SoakResult>;
}
