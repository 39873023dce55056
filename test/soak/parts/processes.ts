// Processes that these tests start, and a look at who answers at a path.

import { join, resolve } from "node:path";
import { bunTransport } from "../../../src/ipc/bun-transport.ts";
import { jsonFrame } from "../../support/raw-client.ts";
import { linesOf } from "../../support/serve-process-handle.ts";

/** A program of this directory that is told lines and says lines. */
export class LineProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncGenerator<string, void>;

  constructor(file: string, ...words: readonly string[]) {
    this.#child = Bun.spawn([process.execPath, resolve(import.meta.dir, file), ...words], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#lines = linesOf(this.#child.stdout);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** How it ended: its status, or the signal that killed it. */
  async ended(): Promise<number | string> {
    const status = await this.#child.exited;
    return this.#child.signalCode ?? status;
  }

  tell(...words: readonly string[]): void {
    void this.#child.stdin.write(`${words.join("\t")}\n`);
    void this.#child.stdin.flush();
  }

  /** The next line; undefined when there is none any more. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : value;
  }

  async ask(...words: readonly string[]): Promise<string | undefined> {
    this.tell(...words);
    return this.line();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

/** One of them as a single file in the directory, which starts as fast as the executable does. */
export async function bundled(file: string, directory: string): Promise<string> {
  await Bun.build({ entrypoints: [join(import.meta.dir, file)], target: "bun", outdir: directory });
  return join(directory, file.replace(/\.ts$/, ".js"));
}

/** The process that listens behind the path and answers a ping; undefined when nobody does. */
export async function whoAnswers(path: string): Promise<number | undefined> {
  const answer = Promise.withResolvers<string>();
  let text = "";
  const data = (bytes: Uint8Array): void => {
    text += Buffer.from(bytes).toString("latin1");
    if (text.includes("}")) answer.resolve(text);
  };
  try {
    const socket = await bunTransport.connect(path, { data, drain() {}, end: () => answer.resolve(text), close: () => answer.resolve(text) });
    socket.write(jsonFrame({ ping: true }));
    const pid = socket.credentials?.pid;
    const answered = (await answer.promise).includes('"success":true');
    socket.terminate();
    return answered ? pid : undefined;
  } catch {
    return undefined;
  }
}
