// Runs code where the stack ends: at the very bottom, then a little higher and so on, so that each of its calls is once the one too many.

const successes = 3;

/** Until `act` has worked three times. The frames in between have `size` arguments: other sizes meet other places. */
export function atTheBottomOfTheStack(act: () => unknown, size: number): void {
  let worked = 0;
  const dig = (depth: number, ...rest: readonly number[]): number => {
    try {
      dig(depth + 1, ...rest);
    } catch {
      try {
        act();
        worked += 1;
      } catch {
        // Too deep still.
      }
      if (worked < successes) throw new Error("higher");
    }
    return depth;
  };
  dig(0, ...Array.from({ length: size }, (_, index) => index));
}
