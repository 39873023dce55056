// User code that fails where nobody awaits it, so that only the process could hear of it. Each is told how to fail.

import { EventEmitter } from "node:events";
import type { AgentArgument } from "acton";

export type Crime = (fail: () => never, argument: Pick<AgentArgument<unknown>, "clock">) => void;

export const crimes: Readonly<Record<string, Crime>> = {
  "a host's timer": (fail) => void setTimeout(fail, 0),
  "a host's interval": (fail) => {
    const interval = setInterval(() => {
      clearInterval(interval);
      fail();
    }, 1);
  },
  "a timer on the agent's clock": (fail, { clock }) => clock.arm({ due: 0, order: 0, place: -1, expire: fail }, 1),
  "an immediate": (fail) => void setImmediate(fail),
  "a microtask": (fail) => queueMicrotask(fail),
  "a tick": (fail) => process.nextTick(fail),
  "a promise that rejects": (fail) => void Promise.resolve().then(fail),
  "an async function that nobody awaits": (fail) => {
    const run = async (): Promise<void> => {
      await Promise.resolve();
      fail();
    };
    void run();
  },
  "an async function in a timer": (fail) => void setTimeout(async () => fail(), 0),
  "a listener of an emitter that a timer sets off": (fail) => void setTimeout(() => new EventEmitter().on("event", fail).emit("event"), 0),
  "a listener of a signal that the handler aborts": (fail) => {
    const abort = new AbortController();
    abort.signal.addEventListener("abort", fail);
    abort.abort();
  },
};
