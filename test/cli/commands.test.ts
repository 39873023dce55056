import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../package.json";
import { executable, run, type Server, serve, temporaryDirectory, timesVersion } from "./executable.ts";

const directory = temporaryDirectory();
const at = (name: string): string => join(directory.path, name);
let server: Server;
beforeAll(async () => {
  server = await serve(at("acton.sock"));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const call = (...words: string[]) => run(["call", ...words, "--socket", server.socket], { cwd: directory.path });

test("version prints what is installed", async () => {
  expect((await run(["version"])).stdout).toStartWith(`acton ${version} (Bun ${Bun.version}, `);
  expect(JSON.parse((await run(["version", "--json"])).stdout)).toMatchObject({ name: "acton", version, bun: Bun.version });
});

const commandNames = (await run(["--help"])).stdout
  .split("\n\n")
  .flatMap((part) => [...part.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name = ""]) => name));

test("'help' and '--version' do what people expect of them", async () => {
  expect(await run(["help"])).toEqual(await run(["--help"]));
  expect(await run(["help", "call"])).toEqual(await run(["call", "--help"]));
  expect((await run(["--version"])).stdout).toBe(`acton ${version}\n`);
});

test("--help lists every command, by what it is for", async () => {
  const { exitCode, stdout, stderr } = await run(["--help"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toStartWith("Usage: acton");
  for (const heading of ["Run agents:", "Talk to agents:", "Look at a server:", "Exit status:"]) expect(stdout).toContain(`\n${heading}\n`);
  expect(commandNames).toHaveLength(20);
});

test.each(commandNames.map((name) => [name]))("%s --help prints its usage, and ends with examples that name the command", async (name) => {
  const { exitCode, stdout, stderr } = await run([name, "--help"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toStartWith(`Usage: acton ${name} `);
  const [, examples = ""] = stdout.split("\nExamples:\n");
  expect(examples.match(new RegExp(`acton ${name}\\b`, "g"))?.length).toBe(examples.split("\n").filter((line) => /^ {2}\S/.test(line)).length);
  expect(stdout.split("\n").filter((line) => line.length > 100)).toEqual([]);
});

describe("call", () => {
  test("prints the reply as one line of JSON in a pipe", async () => {
    expect(await call("calculator", "AddRequest", "a=5", "b=3")).toEqual({ exitCode: 0, stdout: '{"sum":8}\n', stderr: "" });
  });

  test("takes a payload as key=value, JSON, a file or standard input, in JSON and in MessagePack", async () => {
    writeFileSync(at("payload.json"), '{"a": 1, "b": 2}');
    for (const words of [["a=1", "b=2"], ['{"a":1,"b":2}'], ["@payload.json"]]) {
      for (const format of [[], ["--msgpack"]]) expect((await call("calculator", "AddRequest", ...words, ...format)).stdout).toBe('{"sum":3}\n');
    }
    const piped = await run(["call", "calculator", "AddRequest", "-", "--socket", server.socket], { stdin: '{"a":1,"b":2}' });
    expect(piped.stdout).toBe('{"sum":3}\n');
  });

  test("sends values as what they say in JSON, and as text otherwise", async () => {
    for (const [written, sent] of [
      ["value=5", 5],
      ["value=bob", "bob"],
      ['value="5"', "5"],
      ["value=true", true],
      ["value=null", null],
      ["value=", ""],
      ["value=a=b", "a=b"],
      ["value=[1,{}]", [1, {}]],
    ] as const) {
      expect((await call("kv_store", "SetValue", "key=k", written)).stdout).toBe('{"key":"k"}\n');
      expect(JSON.parse((await call("kv_store", "GetValue", "key=k")).stdout)).toEqual({ key: "k", value: sent, found: true });
    }
  });

  test.each([
    [["nobody", "AddRequest", "a=1", "b=1"], 3, "AgentNotFound: "],
    [["calculator", "NoSuchType"], 4, "UnknownMessageType: "],
    [["calculator", "AddRequest", '{"a":1,"b":"x"}'], 1, "SerializationError: payload.b: "],
    [["calculator", "AddRequest", "a=1", "b=x"], 2, 'b must be a whole number, not "x"'],
    [["calculator", "AddRequest"], 2, "AddRequest needs a (a whole number) and b (a whole number); for example: a=1 b=1"],
  ])("%j exits with %i and says %j", async (words, exitCode, message) => {
    const { stdout, stderr, ...result } = await call(...words);
    expect(result.exitCode).toBe(exitCode);
    expect(stdout).toBe("");
    expect(stderr).toStartWith(`acton: ${message}`);
    expect(stderr.split("\n").length).toBe(2);
  });

  test("finds the socket by environment and by application name", async () => {
    const words = ["call", "health", "HealthCheck"];
    expect((await run(words, { env: { ACTON_SOCKET_PATH: server.socket } })).stdout).toBe('{"status":"ok"}\n');
    await using named = await serve(at("run/acton/shop/ipc.sock"));
    expect((await run([...words, "--app", "shop"], { env: { XDG_RUNTIME_DIR: at("run") } })).stdout).toBe('{"status":"ok"}\n');
    expect(named.socket).toBe(at("run/acton/shop/ipc.sock"));
  });
});

describe("the demo services", () => {
  test("are the documented ones", async () => {
    expect((await call("health", "HealthCheck")).stdout).toBe('{"status":"ok"}\n');
    expect((await call("kv_store", "GetValue", "key=none")).stdout).toBe('{"key":"none","value":null,"found":false}\n');
    expect((await call("price_feed", "HealthCheck")).exitCode).toBe(4);
  });
});

describe("a user's module", () => {
  test("imports acton, its client and zod, in all its flavours, from inside the executable, with nothing installed beside it", async () => {
    mkdirSync(at("lone"));
    writeFileSync(
      at("lone/module.ts"),
      `import { ActonError, agent, app, message } from "acton";
import { ActonError as sameError, connect } from "acton/client";
import z, { z as same } from "zod";
import * as v4 from "zod/v4";
import * as mini from "zod/mini";
import { greeting } from "./greeting";

enum Mood { Glad = "glad" }
const Greeting = message("Greeting", { text: z.string(), mood: v4.z.enum(Mood), same: same.boolean() });
const Greet = message("Greet", mini.object({ name: mini.string() })).replies(Greeting);

export default app({
  name: "greeter",
  agents: [agent("greeter", () => ({})).actOn(Greet, ({ message }) => ({ text: greeting(message.name), mood: Mood.Glad, same: z === same && ActonError === sameError && connect !== undefined }))],
});
`,
    );
    writeFileSync(at("lone/greeting.ts"), "export const greeting = (name: string): string => `hello ${name}`;\n");
    await using greeter = await serve(at("lone.sock"), ["lone/module.ts"], { cwd: directory.path });
    const reply = await run(["call", "greeter", "Greet", "name=you", "--socket", greeter.socket]);
    expect(reply).toEqual({ exitCode: 0, stdout: '{"text":"hello you","mood":"glad","same":true}\n', stderr: "" });
    expect((await run(["call", "greeter", "Greet", "name=5", "--socket", greeter.socket])).stdout).toStartWith('{"text":"hello 5"');
  });

  test("uses npm packages that are beside it, which share the executable's acton and zod", async () => {
    mkdirSync(at("app/node_modules/adder/lib"), { recursive: true });
    writeFileSync(at("app/node_modules/adder/package.json"), '{"name":"adder","type":"module","exports":{".":"./lib/main.js"}}');
    writeFileSync(
      at("app/node_modules/adder/lib/main.js"),
      'import { agent, message } from "acton"; import { z } from "zod"; const Sum = message("Sum", { sum: z.number() });\nexport const adder = agent("adder", () => ({})).actOn(message("Add", { a: z.number() }).replies(Sum), ({ message }) => ({ sum: message.a + 1 }));\n',
    );
    cpSync(join(import.meta.dir, "../../node_modules/zod/package.json"), at("app/node_modules/zod/package.json"));
    writeFileSync(at("app/module.ts"), 'import { app } from "acton"; import { adder } from "adder"; export default app({ agents: [adder] });');
    await using adder = await serve(at("app.sock"), [at("app/module.ts")]);
    expect((await run(["call", "adder", "Add", "a=1", "--socket", adder.socket])).stdout).toBe('{"sum":2}\n');
  });

  test("brings its configuration, which acton.toml beside it, the environment and flags overrule", async () => {
    mkdirSync(at("configured"));
    writeFileSync(
      at("configured/module.ts"),
      'import { app } from "acton"; export default app({ config: { maxConnections: 7, streamsMax: 7, runtime: { mailboxSize: 7 } } });',
    );
    writeFileSync(at("configured/acton.toml"), "# ours\nstreams_max = 8\nin_flight_max = 8\n");
    const printed = await run(["serve", at("configured/module.ts"), "--print-config", "--socket", "/run/flag.sock"], {
      env: { ACTON_IN_FLIGHT_MAX: "9" },
    });
    expect({ exitCode: printed.exitCode, stderr: printed.stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(JSON.parse(printed.stdout)).toMatchObject({
      socket_path: { value: "/run/flag.sock", origin: "--socket" },
      max_connections: { value: 7, origin: "app({ config })" },
      "runtime.mailbox_size": { value: 7, origin: "app({ config })" },
      streams_max: { value: 8, origin: `${at("configured/acton.toml")}:2` },
      in_flight_max: { value: 9, origin: "ACTON_IN_FLIGHT_MAX" },
      depth_max: { value: 127, origin: "default" },
    });
  });

  test("whose handler throws fails that request, and the log names the file and line", async () => {
    mkdirSync(at("faulty"));
    writeFileSync(
      at("faulty/module.ts"),
      'import { agent, app, message } from "acton";\nconst Done = message("Done", {});\nconst Do = message("Do", {}).replies(Done);\nexport default app({\n  agents: [agent("worker", () => ({})).mutateOn(Do, () => {\n    throw new Error("broken");\n  })],\n});\n',
    );
    await using faulty = await serve(at("faulty.sock"), [at("faulty/module.ts")]);
    const { exitCode, stderr } = await run(["call", "worker", "Do", "--socket", faulty.socket]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "acton: HandlerFailed: broken\n" });
  });
});

describe("a server", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("ends with 0 on %s, and its socket is gone", async (signal) => {
    await using ending = await serve(at("ending.sock"));
    ending.signal(signal);
    expect(await ending.exited).toBe(0);
    expect(await Bun.file(ending.socket).exists()).toBe(false);
  });

  test("that was killed is followed by one that serves at once", async () => {
    const killed = await serve(at("killed.sock"));
    killed.signal("SIGKILL");
    await killed.exited;
    await using next = await serve(at("killed.sock"));
    expect((await run(["call", "health", "HealthCheck", "--socket", next.socket])).exitCode).toBe(0);
  });

  test("that cannot answer all within the drain's time ends with 9 and says how much was lost", async () => {
    mkdirSync(at("slow"));
    writeFileSync(
      at("slow/module.ts"),
      'import { agent, app, message } from "acton";\nconst Done = message("Done", {});\nconst Wait = message("Wait", {}).replies(Done);\nexport default app({ agents: [agent("slow", () => ({})).actOn(Wait, ({ log }) => { log.info("waiting"); return new Promise(() => {}); })] });\n',
    );
    await using slow = await serve(at("slow.sock"), [at("slow/module.ts")], { env: { ACTON_DRAIN_TIMEOUT_MS: "50" } });
    const waiting = run(["call", "slow", "Wait", "--socket", slow.socket]);
    await slow.line("waiting");
    slow.signal("SIGTERM");
    expect(await slow.exited).toBe(9);
    expect((await waiting).exitCode).not.toBe(0);
  });

  test("whose start hangs ends with a signal all the same", async () => {
    writeFileSync(
      at("hanging.ts"),
      'import { app } from "acton"; export default app({ setup(runtime) { console.error(JSON.stringify({ message: "hanging" })); return new Promise(() => {}); } });',
    );
    await using hanging = await serve(at("hanging.sock"), [at("hanging.ts")], {}, "hanging");
    hanging.signal("SIGTERM");
    expect(await hanging.exited).toBe(0);
  });

  test("logs as it is configured to", async () => {
    const env = { ACTON_LOG_LEVEL: "off" };
    const quiet = Bun.spawn([executable, "serve", "--socket", at("quiet.sock")], { env, stdio: ["ignore", "ignore", "pipe"] });
    while (!(await run(["call", "health", "HealthCheck", "--socket", at("quiet.sock")])).stdout.includes("ok"));
    quiet.kill("SIGTERM");
    expect(await quiet.exited).toBe(0);
    expect(await new Response(quiet.stderr).text()).toBe("");
    const pretty = Bun.spawn([executable, "serve", "--socket", at("pretty.sock"), "--log-level", "info"], {
      env: { ACTON_LOG_FORMAT: "pretty" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const { value } = await pretty.stderr.getReader().read();
    expect(new TextDecoder().decode(value)).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}listening path=\S+ pid=\d+ .*\n$/);
    pretty.kill("SIGKILL");
    await pretty.exited;
  });

  test("ends at once with the second signal", async () => {
    await using slow = await serve(at("slow2.sock"), [at("slow/module.ts")], { env: { ACTON_DRAIN_TIMEOUT_MS: "600000" } });
    const waiting = run(["call", "slow", "Wait", "--socket", slow.socket]);
    await slow.line("waiting");
    slow.signal("SIGTERM");
    await slow.line("draining");
    slow.signal("SIGTERM");
    expect(await slow.exited).not.toBe(0);
    expect((await waiting).exitCode).toBe(7);
  });
});

test("nothing from the current directory is ever run or read", async () => {
  mkdirSync(at("hostile/prebuilds/linux-x64"), { recursive: true });
  const evil = `require("fs").appendFileSync(${JSON.stringify(at("evidence"))}, "ran\\n");`;
  for (const file of ["evil.js", "evil.ts", "index.ts", "acton.ts", "main.ts"]) writeFileSync(at(`hostile/${file}`), evil);
  writeFileSync(at("hostile/bunfig.toml"), 'preload = ["./evil.js"]\n[run]\npreload = ["./evil.js"]\n');
  writeFileSync(at("hostile/.env"), `ACTON_SOCKET_PATH=${at("hostile.sock")}\nACTON_LOG_LEVEL=nonsense\nBUN_OPTIONS=--preload=./evil.js\n`);
  writeFileSync(at("hostile/acton.toml"), "nonsense = 1\n");
  writeFileSync(at("hostile/package.json"), '{"name":"acton","main":"evil.js","imports":{"zod":"./evil.js"}}');
  writeFileSync(at("hostile/tsconfig.json"), '{"compilerOptions":{"paths":{"acton":["./evil.ts"],"zod":["./evil.ts"],"*":["./evil.ts"]}}}');
  mkdirSync(at("elsewhere"));
  writeFileSync(at("elsewhere/module.ts"), 'import { app } from "acton";\nimport "./part.ts";\nexport default app({});\n');
  writeFileSync(at("elsewhere/part.ts"), 'if (!process.cwd().endsWith("/hostile")) throw new Error(process.cwd());\n');
  writeFileSync(at("hostile/libc.so.6"), "not a library");
  writeFileSync(at("hostile/prebuilds/linux-x64/node.napi.node"), "not an addon");
  const cwd = at("hostile");
  await using hosted = await serve(at("not-hostile.sock"), [], { cwd });
  expect((await run(["version"], { cwd })).exitCode).toBe(0);
  expect((await run(["call", "health", "HealthCheck", "--socket", hosted.socket, "--msgpack"], { cwd })).stdout).toBe('{"status":"ok"}\n');
  expect(JSON.parse((await run(["serve", "--print-config"], { cwd })).stdout)).toMatchObject({ socket_path: { value: "/tmp/acton.sock" } });
  expect(await run(["serve", at("elsewhere/module.ts"), "--print-config"], { cwd })).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await Bun.file(at("evidence")).exists()).toBe(false);
});

test("a call takes no longer than it must", async () => {
  const call = ["call", "calculator", "AddRequest", "--socket", server.socket];
  const [typed, json] = await timesVersion([
    [...call, "a=5", "b=3"],
    [...call, '{"a":5,"b":3}'],
  ]);
  expect(typed).toBeLessThan(3);
  expect(json).toBeLessThan(2.5);
}, 60_000);
