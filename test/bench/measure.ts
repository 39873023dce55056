// Times a piece of work: the best of several runs, since a shared machine only ever makes things slower.

const runs = 5;

/** Runs `work`, which does `count` things, and prints how many it does in a second. */
export async function measure(what: string, count: number, work: () => unknown): Promise<void> {
  let best = Infinity;
  for (let run = 0; run < runs; run++) {
    const started = performance.now();
    await work();
    best = Math.min(best, performance.now() - started);
  }
  const perSecond = (count * 1000) / best;
  const shown = perSecond >= 1e6 ? `${(perSecond / 1e6).toFixed(2)} M/s` : `${(perSecond / 1e3).toFixed(0)} k/s`;
  console.log(`${what.padEnd(44)} ${shown.padStart(11)}   ${((best * 1e6) / count).toFixed(0).padStart(6)} ns each`);
}
