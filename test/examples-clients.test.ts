// The example clients against the compiled executable: each runs its demonstration with bytes that come alone, says why
// the server refused it, and ends when the server does. Clients whose toolchain is not here are skipped.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect, createServer, type Server as NetServer, type Socket } from "node:net";
import { basename, join } from "node:path";
import { serve, type Server, temporaryDirectory } from "./cli/executable.ts";
import { RawClient } from "./support/raw-client.ts";

const root = join(import.meta.dir, "..");
const folder = join(root, "examples/clients");
const scratch = temporaryDirectory();
const rustManifest = join(folder, "rust_client/Cargo.toml");

interface ExampleClient {
  readonly file: string;
  /** Empty when all that it needs is here. */
  readonly missing: string;
  readonly build?: readonly string[];
  readonly words: readonly string[];
  /** What it prints for the first step of the demonstration. */
  readonly sums: string;
}

const severalCalls = "5 + 1, 2, 3 = 6, 7, 8";
const oneCall = "5 + 3 = 8";
const clients: readonly ExampleClient[] = [
  { file: "node-client.mjs", missing: "", words: ["node", join(folder, "node-client.mjs")], sums: severalCalls },
  { file: "python_client.py", missing: without("python3"), words: ["python3", join(folder, "python_client.py")], sums: oneCall },
  { file: "python_async_client.py", missing: without("python3"), words: ["python3", join(folder, "python_async_client.py")], sums: severalCalls },
  {
    file: "go_client/main.go",
    missing: without("go"),
    build: ["go", "build", "-o", join(scratch.path, "go-client"), join(folder, "go_client/main.go")],
    words: [join(scratch.path, "go-client")],
    sums: severalCalls,
  },
  {
    file: "rust_client/src/main.rs",
    missing: without("cargo") || withoutCrates(),
    build: ["cargo", "build", "--quiet", "--locked", "--manifest-path", rustManifest, "--target-dir", join(scratch.path, "rust")],
    words: [join(scratch.path, "rust/debug/acton-rust-client")],
    sums: oneCall,
  },
];
const present = clients.filter(({ missing }) => missing === "");

let demo: Server;

beforeAll(async () => {
  await Promise.all(present.map(({ build }) => build && expectOutput(build)));
  demo = await serve(join(scratch.path, "demo.sock"));
}, 120_000);

afterAll(async () => {
  await demo[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

test("every client in examples/clients has its tests here", () => {
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.(?:\w?js|ts|py|go|rs)$/.test(name));
  expect(sources.sort()).toEqual(clients.map(({ file }) => file).sort());
});

for (const client of clients) {
  const { file, missing, words, sums } = client;
  const demonstration = [sums, "0 item-0", "1 item-1", "2 item-2", "ACTOR_NOT_FOUND", "PriceUpdate ACME", "PriceUpdate ACME", ""];

  describe.skipIf(missing !== "")(missing === "" ? file : `${file} (skipped: ${missing})`, () => {
    test.concurrent("understands frames that come byte by byte", async () => {
      await using proxy = await inPieces(demo.socket);
      expect(await expectOutput([...words, proxy.path])).toEqual(demonstration.join("\n"));
    }, 20_000);

    test.concurrent("says why the server refuses the connection", async () => {
      await using full = await serve(join(scratch.path, `${basename(file)}.full.sock`), [], { env: { ACTON_MAX_CONNECTIONS: "1" } });
      await using held = await RawClient.connect(full.socket);
      expect(await held.ask({ ping: true })).toMatchObject({ success: true });
      const { stderr, exitCode } = await output([...words, full.socket]);
      expect(stderr).toContain("ConnectionLimitReached");
      expect(exitCode).not.toBe(0);
    });

    test.concurrent("ends when the server hangs up in the middle of a frame", async () => {
      await using server = await listen((socket) => socket.once("data", () => socket.end(Buffer.from([0, 0]))));
      const { stdout, stderr, exitCode } = await output([...words, server.path]);
      expect({ stdout, silent: stderr === "", exitCode: exitCode === 0 }).toEqual({ stdout: "", silent: false, exitCode: false });
    });
  });
}

describe("a stream of many windows is read to its end", () => {
  const total = 1000;

  test.skipIf(without("python3") !== "")("by python_async_client.py", async () => {
    const program = `
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from python_async_client import ActonClient
async def main():
    async with ActonClient(sys.argv[2]) as client:
        print(len([item async for item in client.stream("list_service", "ListRequest", {"page_size": ${total}})]))
asyncio.run(main())`;
    expect(await expectOutput(["python3", "-B", "-c", program, folder, demo.socket])).toBe(`${total}\n`);
  });

  test("by node-client.mjs", async () => {
    const program = `
      import { ActonClient } from ${JSON.stringify(join(folder, "node-client.mjs"))};
      const client = new ActonClient(${JSON.stringify(demo.socket)});
      let count = 0;
      for await (const _ of client.stream("list_service", "ListRequest", { page_size: ${total} })) count += 1;
      console.log(count);
      client.close();`;
    expect(await expectOutput(["node", "--input-type=module", "-e", program])).toBe(`${total}\n`);
  });
});

const withoutMsgpack = Bun.spawnSync(["python3", "-c", "import msgpack"]).exitCode !== 0;

for (const file of ["python_client.py", "python_async_client.py"]) {
  test.skipIf(withoutMsgpack)(`${file} speaks MessagePack too${withoutMsgpack ? " (skipped: no msgpack)" : ""}`, async () => {
    expect(await expectOutput(["python3", join(folder, file), demo.socket, "msgpack"])).toContain("PriceUpdate ACME\nPriceUpdate ACME\n");
  });
}

// Toolchains and programs ---------------------------------------------------------------------------------------------

function without(program: string): string {
  return Bun.which(program) === null ? `no ${program}` : "";
}

/** Without a network, and with no copy of them on this machine, there is nothing to compile with. */
function withoutCrates(): string {
  const env = { ...process.env, CARGO_NET_RETRY: "0", CARGO_HTTP_TIMEOUT: "10" };
  const fetched = Bun.spawnSync(["cargo", "fetch", "--quiet", "--locked", "--manifest-path", rustManifest], { env });
  return fetched.exitCode === 0 ? "" : "cargo cannot get serde_json";
}

async function output(words: readonly string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  const child = Bun.spawn([...words], { stdin: "ignore", stdout: "pipe", stderr: "pipe", env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } });
  const [stdout, stderr, exitCode] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { stdout, stderr, exitCode };
}

async function expectOutput(words: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await output(words);
  expect({ stderr: exitCode === 0 ? "" : stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout;
}

// Servers that make it hard -------------------------------------------------------------------------------------------

interface Listening extends AsyncDisposable {
  readonly path: string;
}

let lastListener = 0;

async function listen(accept: (socket: Socket) => void): Promise<Listening> {
  lastListener += 1;
  const path = join(scratch.path, `${lastListener}.sock`);
  const sockets = new Set<Socket>();
  const server: NetServer = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    accept(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Hands on what comes in either direction: every byte alone for a while, then in pieces that fit no frame. */
function inPieces(path: string): Promise<Listening> {
  return listen((client) => {
    const server = connect(path);
    server.on("error", () => client.destroy());
    void handOn(client, server);
    void handOn(server, client);
  });
}

async function handOn(from: Socket, to: Socket): Promise<void> {
  let passed = 0;
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length;) {
        const piece = chunk.subarray(at, at + (passed < 4096 ? 1 : 997));
        to.write(piece);
        at += piece.length;
        passed += piece.length;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    to.end();
  } catch {
    to.destroy();
  }
}
