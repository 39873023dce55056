// Agents on threads behind the socket: for a client they are agents like any other.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { agent, AgentRestarted, type AgentHandle, type Policy } from "acton";
import { type Client, connect } from "acton/client";
import { TemporaryDirectory } from "../support/test-server.ts";
import { usual, Who } from "./pooled.ts";
import { actor, Beside, BesideFlow, deciding, Do, Order, Told, Unknown } from "./scene.ts";
import { heard, outcomeOf, outcomesOf, passing, read, type Stage, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

type Exposed = AgentHandle<typeof Do | typeof Beside | typeof Order | typeof BesideFlow>;

class Served implements AsyncDisposable {
  readonly scene: Stage;
  readonly handle: Exposed;
  readonly #directory = new TemporaryDirectory();
  readonly #clients: Client[] = [];

  private constructor(scene: Stage, handle: Exposed) {
    this.scene = scene;
    this.handle = handle;
  }

  static async start(placed: boolean, policy?: Policy): Promise<Served> {
    const scene = stage("scene.ts");
    const handle = await scene.runtime.start(placed ? actor.runOn("worker") : actor);
    const served = new Served(scene, handle);
    scene.runtime.ipcExpose("actor", handle);
    scene.runtime.ipcRegistry().register(Told);
    await scene.runtime.startIpcListener({ socketPath: served.#path, policy });
    return served;
  }

  get #path(): string {
    return join(this.#directory.path, "s.sock");
  }

  async connect(): Promise<Client> {
    const client = await connect(this.#path);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.scene[Symbol.asyncDispose]();
    this.#directory[Symbol.dispose]();
  }
}

const ask = (client: Client, deed: string, given?: unknown): Promise<unknown> => outcomeOf(client.ask("actor", Do, { deed, with: given }));
const noted = (client: Client, note: string): Promise<void> =>
  until(async () => ((await client.ask("actor", Beside, { deed: "notes" })) as unknown[]).includes(note), note);

const scenarios: Readonly<Record<string, (client: Client, served: Served) => Promise<unknown>>> = {
  "requests and what they fail with": (client) =>
    outcomesOf([
      ...["echo", "resolve"].map((deed) => client.ask("actor", Do, { deed, with: { a: [1, "two", null] } })),
      ...["nothing", "null", "twice", "deferAndSend", "replyThenThrow"].map((deed) => client.ask("actor", Do, { deed })),
      ...["error", "text", "failure"].flatMap((what) => ["throw", "reject", "fail"].map((deed) => client.ask("actor", Do, { deed, with: what }))),
      client.send("actor", Order, { deed: "note", with: 1 }),
      client.ask("actor", "Do", { nonsense: true }),
      client.ask("actor", Unknown, {}),
    ]),
  streams: (client) =>
    Promise.all(
      ["count", "sync", "send", "none", "one", "throws", "fails", "slow"].map((deed) =>
        read(client.stream("actor", BesideFlow, { deed, with: 100 })),
      ),
    ),
  "what is known of who asks": (client) => client.ask("actor", Do, { deed: "who" }),
  "a request that runs out of time": async (client) => {
    const outcome = await outcomeOf(client.ask("actor", Beside, { deed: "untilAborted" }, { timeoutMs: 200 }));
    await noted(client, "aborted");
    return outcome;
  },
  "a client that leaves in the middle of a request and of a stream": async (client, served) => {
    const leaving = await served.connect();
    const asked = outcomeOf(leaving.ask("actor", Beside, { deed: "untilAborted" }));
    const stream = leaving.stream("actor", BesideFlow, { deed: "endless" });
    const seen = [await stream.next(), await stream.next()];
    await noted(client, "waits");
    leaving.close();
    await until(async () => ((await client.ask("actor", Beside, { deed: "notes" })) as unknown[]).filter((note) => note === "aborted").length === 2);
    await noted(client, "left");
    return [seen, await asked];
  },
  "a broadcast": async (client) => {
    const subscription = client.subscribe(Told);
    await subscription.ready;
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`);
    await client.ask("actor", Do, { deed: "broadcast", with: texts });
    const pushes: unknown[] = [];
    for await (const { payload, source, dropped } of subscription) if (pushes.push([payload, source, dropped]) === 20) break;
    return pushes;
  },
  "a watch": async (client, served) => {
    let gone = 0;
    client.agent("actor").watch(() => (gone += 1));
    await ask(client, "echo", 1);
    await served.handle.stop();
    await until(() => gone === 1);
    return [gone, await ask(client, "echo", 1)];
  },
  "what is discovered": async (client) => (await client.discover()).agents,
};

const policy: Policy = { admit: () => ({ identity: { role: "guest", since: [1] } }) };

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  test("over the socket, the same in place and on a thread", async () => {
    const told: unknown[] = [];
    for (const placed of [false, true]) {
      await using served = await Served.start(placed, policy);
      told.push(await scenario(await served.connect(), served));
    }
    expect(told[1]).toEqual(told[0]);
  });
});

test("a thread that ends leaves each client's request one outcome, and the name serves on", async () => {
  await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
  using directory = new TemporaryDirectory();
  const keeper = await scene.runtime.start(agent("keeper", () => ({})));
  const handle = await keeper.supervise(deciding.default.runOn("worker"));
  scene.runtime.ipcExpose("actor", handle);
  await scene.runtime.startIpcListener({ socketPath: join(directory.path, "s.sock") });
  const client = await connect(join(directory.path, "s.sock"));
  const restarted = client.subscribe(AgentRestarted);
  await restarted.ready;
  const told = heard(scene, Told);
  const outcomes = await outcomesOf([
    client.ask("actor", Do, { deed: "tell", with: ["before"] }),
    client.ask("actor", Do, { deed: "exit" }),
    ...Array.from({ length: 60 }, (_, i) => client.ask("actor", Do, { deed: "tell", with: [`${i}`] })),
  ]);
  expect(outcomes[1]).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
  expect(outcomes.slice(2)).toEqual(Array.from({ length: 60 }, () => ({ value: "broadcast" })));
  expect(told.map(({ payload }) => payload)).toEqual(["before", ...Array.from({ length: 60 }, (_, i) => `${i}`)]);
  expect((await restarted.next()).value?.payload).toMatchObject({ agent: handle.id, generation: 2 });
  client.close();
});

test("a pool is one agent for clients", async () => {
  await using scene = stage("pooled.ts");
  using directory = new TemporaryDirectory();
  scene.runtime.ipcExpose("usual", await scene.runtime.start(usual));
  await scene.runtime.startIpcListener({ socketPath: join(directory.path, "s.sock") });
  const client = await connect(join(directory.path, "s.sock"));
  const names = await Promise.all(Array.from({ length: 40 }, () => client.ask("usual", Who, {})));
  expect([...new Set(names)].sort()).toEqual(["usual-1", "usual-2"]);
  expect((await client.discover()).agents.map(({ name }) => name)).toEqual(["usual"]);
  client.close();
});

test("an ask through a client, in circles over a thread and a socket, is found", async () => {
  await using served = await Served.start(true);
  const client = await served.connect();
  const starter = await served.scene.runtime.start(
    agent("starter", () => ({}))
      .mutateOn(Beside, () => served.handle.ask(Do, { deed: "askSender", with: { deed: "again" } }))
      .actOn(Do, () => client.ask("actor", Do, { deed: "echo", with: 1 })),
  );
  expect(await outcomeOf(starter.ask(Beside, { deed: "" }, { timeoutMs: 10_000 }))).toMatchObject({
    code: "HANDLER_FAILED",
    message: expect.stringContaining("wait for itself"),
  });
});

test("shutting down answers what was accepted", async () => {
  const served = await Served.start(true);
  const client = await served.connect();
  const asked = outcomesOf(Array.from({ length: 20 }, (_, i) => client.ask("actor", Do, { deed: "resolve", with: i })));
  await passing(20);
  expect(await served.scene.runtime.shutdownAll()).toEqual({ complete: true, lost: 0 });
  expect(await asked).toEqual(Array.from({ length: 20 }, (_, i) => ({ value: i })));
  await served[Symbol.asyncDispose]();
});
