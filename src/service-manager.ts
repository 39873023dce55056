// What systemd, or a manager that speaks as it does, hands to a process and wants to hear from it: a listening socket, word
// of readiness and of the end, a sign of life. For a process that nobody manages all of this is silently nothing.

import { after, type Clock, type Timer } from "./clock.ts";
import { ActonError } from "./errors.ts";
import type { Host } from "./host.ts";
import { openServiceCalls } from "./libc.ts";
import type { Log } from "./log.ts";

export interface ServiceManager extends Disposable {
  /** The descriptor of a socket that listens already. */
  readonly inheritedSocket: number | undefined;
  ready(status: string): void;
  stopping(status: string): void;
}

export interface ServiceSeams {
  readonly clock: Clock;
  readonly host: Pick<Host, "pid" | "environment" | "forget">;
  readonly log: Log;
  /** Sends a datagram; why it could not, if so. */
  readonly send?: (address: string, text: string) => string | undefined;
}

const firstInheritedFd = 3;
const socketVariables = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];
const notifyVariables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/**
 * Reads what this process was given and takes it out of the environment. `Bun.spawn` without `env` hands on the one that the
 * process began with all the same: there the pids in it, which are ours, tell a child that nothing was meant for it.
 * INVALID_CONFIG when it is not one socket.
 */
export function serviceManager({ clock, host, log, send = sendDatagram }: ServiceSeams): ServiceManager {
  const inheritedSocket = inheritedFd(host);
  const address = notifyAddress(host.environment["NOTIFY_SOCKET"]);
  const periodMs = watchdogMs(host) / 2;
  host.forget([...socketVariables, ...notifyVariables]);
  let failed = false;
  let ended = false;
  let watchdog: Timer | undefined;
  const tell = (...lines: readonly string[]): void => {
    const failure = address === undefined ? undefined : send(address, lines.join("\n"));
    if (failure !== undefined && !failed) log.debug("the service manager cannot be told", { address, error: failure });
    failed ||= failure !== undefined;
  };
  const beat = (): void => {
    tell("WATCHDOG=1");
    watchdog = after(clock, periodMs, beat);
  };
  return {
    inheritedSocket,
    ready(status) {
      if (ended) return;
      tell("READY=1", statusLine(status));
      if (address !== undefined && periodMs !== Infinity) beat();
    },
    stopping(status) {
      ended = true;
      tell("STOPPING=1", statusLine(status));
    },
    [Symbol.dispose]() {
      ended = true;
      if (watchdog !== undefined) clock.disarm(watchdog);
    },
  };
}

// Descriptor 3 is ours only when both say so: without them it is some file of the host's.
function inheritedFd({ pid, environment }: ServiceSeams["host"]): number | undefined {
  const count = environment["LISTEN_FDS"];
  if (count === undefined || environment["LISTEN_PID"] !== String(pid)) return undefined;
  if (count === "1") return firstInheritedFd;
  throw new ActonError("INVALID_CONFIG", `LISTEN_FDS is ${JSON.stringify(count.slice(0, 20))}: one socket can be served, no other number of them`);
}

function notifyAddress(written = ""): string | undefined {
  return /^[/@]./.test(written) ? written : undefined;
}

function watchdogMs({ pid, environment }: ServiceSeams["host"]): number {
  const { WATCHDOG_USEC: period = "", WATCHDOG_PID: whose = String(pid) } = environment;
  return /^[1-9]\d{3,15}$/.test(period) && whose === String(pid) ? Number(period) / 1000 : Infinity;
}

function statusLine(status: string): string {
  return `STATUS=${status.replace(/\p{Cc}/gu, " ")}`;
}

function sendDatagram(address: string, text: string): string | undefined {
  const { libc, reason } = openServiceCalls();
  const errno = libc?.sendDatagram(address, text) ?? 0;
  return reason ?? (errno === 0 ? undefined : `errno ${errno}`);
}
