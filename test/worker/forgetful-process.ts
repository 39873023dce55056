// Reads a slow stream from an agent on a thread, and ends without shutting anything down.

import { ActonApp, agent, app, message, silentLog } from "acton";
import { z } from "zod";

const Count = message("Count", { to: z.int() }).streams(message("Number", { n: z.int() }));
const counter = agent("counter", () => ({}))
  .actOn(Count, async function* ({ message: { to } }) {
    for (let n = 0; n < to; n++) {
      await Bun.sleep(50);
      yield { n };
    }
  })
  .runOn("worker", { stuckMs: Infinity });

export default Bun.isMainThread ? await read() : app({ agents: [counter] });

async function read(): Promise<void> {
  const runtime = ActonApp.launch({ log: silentLog });
  const handle = await runtime.start(counter);
  const numbers: number[] = [];
  for await (const { n } of handle.stream(Count, { to: 4 })) numbers.push(n);
  process.stdout.write(JSON.stringify(numbers));
}
