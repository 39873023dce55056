// Requests per second of one client on one connection, with 1 and with 64 in flight, against `acton serve` in a process of
// its own. Run by hand: `bun test/bench/client.bench.ts [--msgpack] [EXECUTABLE]`.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "../../src/client.ts";

const measuredMs = 3000;
const format = process.argv.includes("--msgpack") ? "msgpack" : "json";
const executable = process.argv.slice(2).find((word) => !word.startsWith("--")) ?? join(import.meta.dir, "../../dist/acton");

const directory = mkdtempSync(join(tmpdir(), "acton-bench-"));
const path = join(directory, "s.sock");
const server = Bun.spawn([executable, "serve", "--socket", path], { stdout: "ignore", stderr: "ignore" });
try {
  const client = await whenServing();
  for (const inFlight of [1, 64]) {
    await rate(client, inFlight, measuredMs / 3);
    const perSecond = await rate(client, inFlight, measuredMs);
    console.log(`${format} ${String(inFlight).padStart(3)} in flight: ${Math.round(perSecond).toLocaleString("en")} requests/s`);
  }
  client.close();
} finally {
  server.kill();
  await server.exited;
  rmSync(directory, { recursive: true });
}

async function whenServing(): Promise<Client> {
  for (;;) {
    try {
      return await connect(path, { format });
    } catch {
      await Bun.sleep(5);
    }
  }
}

async function rate(client: Client, inFlight: number, ms: number): Promise<number> {
  const started = performance.now();
  const end = started + ms;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const reply = (await client.ask("calculator", "AddRequest", { a: 5, b: done })) as { readonly sum: number };
      if (reply.sum < 5) throw new RangeError(`a wrong sum: ${reply.sum}`);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (done / (performance.now() - started)) * 1000;
}
