// What systemd hands to a process and hears from it.

import { expect, test } from "bun:test";
import { ManualClock, silentLog } from "acton";
import { serviceManager } from "../src/service-manager.ts";

const pid = 4711;

function managed(variables: Record<string, string>, answer?: string) {
  const environment: Record<string, string | undefined> = { PATH: "/bin", ...variables };
  const sent: string[] = [];
  const logged: object[] = [];
  const clock = new ManualClock();
  const host = { pid, environment, forget: (names: readonly string[]) => names.forEach((name) => delete environment[name]) };
  const log = { ...silentLog, debug: (_text: string, fields = {}) => void logged.push(fields) };
  const send = (address: string, text: string): string | undefined => {
    sent.push(`${address} ${text}`);
    return answer;
  };
  return { environment, sent, logged, clock, start: () => serviceManager({ clock, host, log, send }) };
}

const socket = { LISTEN_FDS: "1", LISTEN_PID: String(pid), LISTEN_FDNAMES: "x.socket" };
const notified = { NOTIFY_SOCKET: "/run/notify" };

test("a socket is inherited only when its count and the process's own id say so", () => {
  expect(managed(socket).start().inheritedSocket).toBe(3);
  expect(managed({}).start().inheritedSocket).toBeUndefined();
  expect(managed({ LISTEN_FDS: "1" }).start().inheritedSocket).toBeUndefined();
  expect(managed({ ...socket, LISTEN_PID: "4712" }).start().inheritedSocket).toBeUndefined();
  expect(managed({ ...socket, LISTEN_FDS: "2", LISTEN_PID: "1" }).start().inheritedSocket).toBeUndefined();
});

test.each(["0", "2", "-1", "01", "", "one"])("%p sockets are refused when they are ours", (count) => {
  expect(() => managed({ ...socket, LISTEN_FDS: count }).start()).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }));
});

test("nothing of it stays in the environment, and nothing else goes", () => {
  const { environment, start } = managed({ ...socket, ...notified, WATCHDOG_USEC: "1000000", WATCHDOG_PID: String(pid) });
  start();
  expect(environment).toEqual({ PATH: "/bin" });
});

test("readiness and the end are told, with a status of one line", () => {
  const { sent, start } = managed(notified);
  const manager = start();
  manager.ready("serving\nthis");
  manager.stopping("draining");
  expect(sent).toEqual(["/run/notify READY=1\nSTATUS=serving this", "/run/notify STOPPING=1\nSTATUS=draining"]);
});

test("readiness that comes after the end is not told", () => {
  const { sent, start } = managed({ ...notified, WATCHDOG_USEC: "1000000" });
  const manager = start();
  manager.stopping("draining");
  manager.ready("serving");
  expect(sent).toHaveLength(1);
});

test("a sign of life comes twice in the watchdog's time, from readiness until the manager is disposed of", () => {
  const { sent, clock, start } = managed({ ...notified, WATCHDOG_USEC: "1000000", WATCHDOG_PID: String(pid) });
  {
    using manager = start();
    clock.advance(5000);
    expect(sent).toEqual([]);
    manager.ready("serving");
    clock.advance(2000);
    expect(sent.slice(1)).toEqual(Array.from({ length: 5 }, () => "/run/notify WATCHDOG=1"));
    manager.stopping("draining");
    clock.advance(500);
    expect(sent.at(-1)).toBe("/run/notify WATCHDOG=1");
  }
  expect(clock.armed).toBe(0);
});

test.each([
  ["another process", { ...notified, WATCHDOG_USEC: "1000000", WATCHDOG_PID: "1" }],
  ["nobody", { ...notified }],
  ["nonsense", { ...notified, WATCHDOG_USEC: "soon" }],
  ["a manager that hears nothing", { WATCHDOG_USEC: "1000000" }],
])("no timer runs for a watchdog of %s", (_whose, variables) => {
  const { clock, start } = managed(variables);
  start().ready("serving");
  expect(clock.armed).toBe(0);
});

test("an address that is neither a path nor an abstract one is not used", () => {
  for (const address of ["", "relative", "@", "/", "vsock:2:1"]) {
    const { sent, start } = managed({ NOTIFY_SOCKET: address });
    start().ready("serving");
    expect(sent).toEqual([]);
  }
});

test("a manager that cannot be told is logged once, at debug, and nothing fails", () => {
  const { sent, logged, clock, start } = managed({ ...notified, WATCHDOG_USEC: "1000000" }, "errno 111");
  start().ready("serving");
  clock.advance(1000);
  expect(sent).toHaveLength(4);
  expect(logged).toEqual([{ address: "/run/notify", error: "errno 111" }]);
});
