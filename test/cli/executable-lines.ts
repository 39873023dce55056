// A command that runs on: what it prints, line by line, while it does.

import { executable } from "./executable.ts";

export interface Running extends AsyncDisposable {
  /** The next line of standard output; undefined when it has ended. */
  line(): Promise<string | undefined>;
  /** All that it has said on standard error, once it has ended. */
  readonly stderr: Promise<string>;
  readonly exited: Promise<number>;
  signal(name: "SIGINT" | "SIGTERM"): void;
}

export function start(words: readonly string[]): Running {
  const child = Bun.spawn([executable, ...words], {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin", HOME: "/nonexistent" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines = linesOf(child.stdout);
  return {
    line: async () => (await lines.next()).value,
    stderr: new Response(child.stderr).text(),
    exited: child.exited,
    signal: (name) => child.kill(name),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
  return undefined;
}
