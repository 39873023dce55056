// Ctrl-C as an end that was asked for: what a command reads is left in order, and the command succeeds.

/** Aborted by SIGINT. From the first call on, that signal no longer kills the process; a second one does. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  return controller.signal;
}
