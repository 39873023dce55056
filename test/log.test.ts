import { describe, expect, test } from "bun:test";
import { ManualClock } from "../src/clock.ts";
import { createLog, type LogOptions, type LogOutput, silentLog } from "../src/log.ts";

/** An output that can be blocked. */
class TestOutput implements LogOutput {
  text = "";
  blocked = false;
  #drained: () => void = () => {};

  write(text: string): boolean {
    this.text += text;
    return !this.blocked;
  }

  onDrain(callback: () => void): void {
    this.#drained = callback;
  }

  unblock(): void {
    this.blocked = false;
    this.#drained();
  }

  get lines(): string[] {
    return this.text.split("\n").filter((line) => line !== "");
  }

  get records(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

function logTo(output: LogOutput, options: Partial<LogOptions> = {}) {
  return createLog({ output, clock: new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5, 6)), ...options });
}

describe("a line", () => {
  test("is one JSON object with time, level, message and fields", () => {
    const output = new TestOutput();
    logTo(output).info("listening", { socket: "/tmp/acton.sock", pid: 7 });
    expect(output.text).toBe('{"time":"2026-01-02T03:04:05.006Z","level":"info","message":"listening","socket":"/tmp/acton.sock","pid":7}\n');
  });

  test("carries the fields of the log that it was written to, its own winning", () => {
    const output = new TestOutput();
    logTo(output).with({ agent: "calculator", try: 1 }).with({ child: true }).warn("slow", { try: 2 });
    expect(output.records).toMatchObject([{ agent: "calculator", try: 2, child: true }]);
  });

  test("is written only from its level up", () => {
    const output = new TestOutput();
    const log = logTo(output, { level: "warn" });
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
    expect(output.records.map(({ message }) => message)).toEqual(["w", "e"]);
    expect(log.debugOn).toBe(false);
    expect(logTo(output, { level: "debug" }).with({}).debugOn).toBe(true);
  });

  test("is never written when the level is off", () => {
    const output = new TestOutput();
    logTo(output, { level: "off" }).error("e");
    silentLog.with({}).error("e");
    expect(output.text).toBe("");
  });

  test("for people has level, message and fields, and colour only where it is wanted", () => {
    const plain = new TestOutput();
    logTo(plain, { format: "pretty" }).warn("slow handler", { agent: "a", took: "3 ms", list: [1] });
    expect(plain.text).toMatch(/^\d\d:\d\d:05\.006 warn {2}slow handler agent=a took="3 ms" list=\[1\]\n$/);
    const coloured = new TestOutput();
    logTo(coloured, { format: "pretty", colour: true }).warn("slow handler");
    expect(coloured.text).toContain("\u001b[33mwarn \u001b[0m");
  });
});

describe("fields are safe", () => {
  test("whatever they hold: cycles, throwing getters, bigints, functions, bytes, invalid dates", () => {
    const output = new TestOutput();
    const cycle: Record<string, unknown> = { name: "c" };
    cycle["self"] = cycle;
    const thrower = {
      get bad(): never {
        throw new Error("no");
      },
      fine: 1,
    };
    logTo(output).info("m", {
      cycle,
      thrower,
      big: 2n ** 70n,
      call: logTo,
      bytes: new Uint8Array(9),
      never: Number.NaN,
      date: new Date(Number.NaN),
      mark: Symbol("s"),
      nothing: undefined,
      none: null,
    });
    expect(output.records[0]).toEqual({
      time: "2026-01-02T03:04:05.006Z",
      level: "info",
      message: "m",
      cycle: { name: "c", self: "[cycle]" },
      thrower: { bad: "[threw]", fine: 1 },
      big: "1180591620717411303424",
      call: "[function logTo]",
      bytes: "[9 bytes]",
      never: "NaN",
      date: "[invalid date]",
      mark: "Symbol(s)",
      none: null,
    });
  });

  test("and bounded in depth, width and length", () => {
    const output = new TestOutput();
    const long = "y".repeat(100_000);
    let deep: unknown = "end";
    for (let level = 0; level < 1000; level++) deep = { deep };
    logTo(output).info("x".repeat(100_000), { deep, wide: Array.from({ length: 100_000 }, () => [long, [long]]) });
    expect(output.text.length).toBeLessThan(32 * 1024);
    expect(output.records[0]?.["deep"]).toEqual({ deep: { deep: { deep: { deep: "[object]" } } } });
  });

  test.each(["json", "pretty"] as const)("and cannot drive a terminal or break a line (%s)", (format) => {
    const output = new TestOutput();
    const evil = "a\u001b[2Jb\nc\rd\u009be\u2028f\u202eg\u007f";
    logTo(output, { format }).info(evil, { [evil]: evil, nested: { [evil]: [evil] } });
    expect(output.text.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
    expect(output.text).toContain("\\u001b[2J");
  });

  test("and never overwrite what makes a line a line", () => {
    const output = new TestOutput();
    logTo(output).info("real", { message: "fake", level: "debug", time: "never" });
    expect(output.records).toMatchObject([{ message: "real", level: "info", message_: "fake", level_: "debug", time_: "never" }]);
  });

  test("an error shows its name, message, code and where it was thrown", () => {
    const json = new TestOutput();
    const pretty = new TestOutput();
    const error = Object.assign(new TypeError("no such thing"), { code: "ENOENT" });
    logTo(json).error("failed", { error });
    logTo(pretty, { format: "pretty" }).error("failed", { error });
    expect(json.records).toMatchObject([{ error: { name: "TypeError", message: "no such thing", code: "ENOENT" } }]);
    expect(JSON.stringify(json.records)).toContain("log.test.ts");
    expect(pretty.lines[0]).toEndWith('error failed error="TypeError: no such thing"');
    expect(pretty.lines[1]).toMatch(/^ {4}at .*log\.test\.ts:\d+/);
  });
});

describe("while the output is blocked", () => {
  test("lines wait in order, up to the bound; the rest is dropped, counted, and told of afterwards", () => {
    const output = new TestOutput();
    const log = logTo(output, { queueSize: 3 });
    output.blocked = true;
    for (let n = 0; n < 10; n++) log.info(`line ${n}`);
    expect(output.records.map(({ message }) => message)).toEqual(["line 0"]);
    expect(log.dropped).toBe(6);
    output.unblock();
    expect(output.records.map(({ message }) => message).slice(0, 4)).toEqual(["line 0", "line 1", "line 2", "line 3"]);
    expect(output.records[4]).toMatchObject({ level: "warn", dropped: 6 });
    log.info("after");
    expect(output.records.map(({ message }) => message).slice(5)).toEqual(["after"]);
    expect(log.dropped).toBe(6);
  });

  test("a flush waits for the drain", async () => {
    const output = new TestOutput();
    const log = logTo(output);
    await log.flush();
    output.blocked = true;
    log.info("one");
    log.info("two");
    const flushed = log.flush().then(() => output.records.length);
    output.unblock();
    expect(await flushed).toBe(2);
  });

  test("a flush gives up after its time", async () => {
    const output = new TestOutput();
    const clock = new ManualClock();
    const log = createLog({ output, clock });
    output.blocked = true;
    log.info("one");
    const flushed = log.flush(250);
    clock.advance(250);
    expect(await flushed).toBeUndefined();
  });

  test("nothing is lost when the output blocks again while draining", () => {
    const output = new TestOutput();
    const log = logTo(output, { queueSize: 1000 });
    output.blocked = true;
    for (let n = 0; n < 500; n++) log.info("l", { n });
    for (let turn = 0; turn < 500 && output.records.length < 500; turn++) {
      output.unblock();
      output.blocked = turn % 2 === 0;
    }
    expect(output.records.map(({ n }) => n)).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });
});

describe("what repeats", () => {
  test("is written once a second, and counted", () => {
    const output = new TestOutput();
    const clock = new ManualClock();
    const log = logTo(output, { clock });
    for (let n = 0; n < 1000; n++) log.error("handler failed", { agent: "a", type: "Q", error: "no", stack: `${n}` });
    log.error("handler failed", { agent: "b", type: "Q", error: "no" });
    expect(output.records.map(({ agent, repeated }) => [agent, repeated])).toEqual([
      ["a", undefined],
      ["b", undefined],
    ]);
    clock.advance(1000);
    expect(output.records.slice(2)).toMatchObject([{ level: "error", message: "handler failed", agent: "a", error: "no", repeated: 999 }]);
    log.error("handler failed", { agent: "a", type: "Q", error: "no" });
    expect(output.records).toHaveLength(4);
  });

  test("is not what tells something of its own, up to 64 texts a second", () => {
    const output = new TestOutput();
    const log = logTo(output);
    for (let n = 0; n < 1000; n++) log.error("handler failed", { error: `client text ${n}` });
    expect(output.records).toHaveLength(65);
    log.error("another", { error: "x" });
    expect(output.records).toHaveLength(66);
  });

  test("is told when the log is flushed; info lines are not counted", async () => {
    const output = new TestOutput();
    const log = logTo(output);
    for (let n = 0; n < 3; n++) {
      log.warn("late");
      log.info("done");
    }
    await log.flush();
    expect(output.records.map(({ message, repeated }) => [message, repeated])).toEqual([
      ["late", undefined],
      ["done", undefined],
      ["done", undefined],
      ["done", undefined],
      ["late", 2],
    ]);
  });
});
