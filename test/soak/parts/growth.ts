// How much a figure has grown, by the line of least squares through the last two thirds of its samples.

export function growthOf(samples: readonly number[]): number {
  const settled = samples.slice(Math.floor(samples.length / 3));
  const middle = (settled.length - 1) / 2;
  const mean = settled.reduce((sum, sample) => sum + sample, 0) / settled.length;
  let along = 0;
  let across = 0;
  for (const [place, sample] of settled.entries()) {
    along += (place - middle) * (sample - mean);
    across += (place - middle) ** 2;
  }
  return across === 0 ? 0 : (along / across) * (settled.length - 1);
}
