// The shape of a reliability check: something done as long or as often as one likes, measured, and held against a figure.
// `bun test/soak/run.ts` runs them; each has a reduced form in the ordinary suite, which asserts counts and no times.

export interface SoakOptions {
  /** How long a check over time takes; undefined is as long as its pass figure says. */
  readonly seconds?: number | undefined;
  /** How often a check of rounds or cases is done; undefined is as often as its pass figure says. */
  readonly rounds?: number | undefined;
  /** Repeats a run that was printed with it. */
  readonly seed?: number | undefined;
}

export interface SoakResult {
  /** What was measured, in the order of the pass figure. */
  readonly figure: string;
  readonly passed: boolean;
}

export interface SoakCheck {
  readonly id: string;
  readonly title: string;
  /** What must be reached. */
  readonly pass: string;
  /** It takes too long to be among all of them. */
  readonly whenNamed?: true;
  run(options: SoakOptions): Promise<SoakResult>;
}
