// A sign of life on standard error for what takes longer than half a second. Nobody sees it in a pipe, or when it was quick.

import { SystemClock, type Timer } from "../clock.ts";
import { printError, stderrIsTerminal } from "./terminal.ts";

const quietMs = 500;
const frameMs = 100;
const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;
const clearLine = "\r\x1b[K";

/** What `work` comes to; meanwhile says `text`. */
export async function waiting<T>(text: string, work: Promise<T>): Promise<T> {
  const spinner = new Spinner(text);
  try {
    return await work;
  } finally {
    spinner.stop();
  }
}

class Spinner implements Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #clock = new SystemClock();
  readonly #text: string;
  #frame = 0;

  constructor(text: string) {
    this.#text = text;
    this.#clock.arm(this, quietMs);
  }

  expire(): void {
    if (this.#frame === 0 && !stderrIsTerminal()) return;
    const seconds = ((quietMs + this.#frame * frameMs) / 1000).toFixed(1);
    printError(`${clearLine}${frames[this.#frame % frames.length]} ${this.#text} ${seconds} s`);
    this.#frame += 1;
    this.#clock.arm(this, frameMs);
  }

  stop(): void {
    this.#clock.disarm(this);
    if (this.#frame > 0) printError(clearLine);
  }
}
