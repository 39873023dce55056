// Threads as Bun's workers. They keep the process alive while somebody waits for them, and only then.

import type { Order, Report } from "./packets.ts";
import type { Thread, ThreadPort, Threads } from "./thread.ts";

export function bunThreads(): Threads {
  return { start: (name) => new BunThread(threadEntry(), name) };
}

// An executable is its own entry: it sees that it runs in a thread. Elsewhere the module lies beside this one.
function threadEntry(): string {
  if (Bun.isStandaloneExecutable) return Bun.main;
  return new URL(import.meta.url.endsWith(".ts") ? "./thread-main.ts" : "./thread-main.js", import.meta.url).href;
}

class BunThread implements Thread {
  readonly #worker: Worker;
  #error: string | undefined;
  #alive = false;

  constructor(entry: string, name: string) {
    this.#worker = new Worker(entry, { name, ref: false });
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#error = event.message;
    });
  }

  post(packets: readonly Order[], moved: readonly ArrayBuffer[]): void {
    this.#worker.postMessage(packets, [...moved]);
  }

  listen(received: (packets: readonly Report[]) => void): void {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<readonly Report[]>) => received(data));
  }

  onEnd(ended: (error: string | undefined) => void): void {
    this.#worker.addEventListener("close", () => ended(this.#error));
  }

  keepAlive(alive: boolean): void {
    if (alive === this.#alive) return;
    this.#alive = alive;
    if (alive) this.#worker.ref();
    else this.#worker.unref();
  }

  terminate(): void {
    this.#worker.terminate();
  }
}

/** The way back, inside of a thread. */
export function parentPort(): ThreadPort<Report, Order> {
  return {
    post: (packets, moved) => postMessage(packets, [...moved]),
    listen: (received) => addEventListener("message", ({ data }: MessageEvent<readonly Order[]>) => received(data)),
  };
}
