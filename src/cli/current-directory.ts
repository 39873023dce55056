// Being in another directory for a moment, for what Bun decides by the current one.

/** Enters `directory`. Disposing of the result goes back, unless the directory before has gone or may not be entered. */
export function enter(directory: string): Disposable {
  const before = currentDirectory();
  process.chdir(directory);
  return {
    [Symbol.dispose]() {
      try {
        if (before !== undefined) process.chdir(before);
      } catch {
        // As after a change of user: nothing there could be used.
      }
    },
  };
}

function currentDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}
