// Clients that mean harm or have gone wrong, in a process of their own: `bun attackers.ts SOCKET KIND COUNT [MS]`. Says `attacking`
// when all are connected, and goes on until it is killed.

import { RawClient, jsonFrame } from "../../support/raw-client.ts";
import { request, streamRequest } from "../../support/test-server.ts";

const [path = "", kind = "", count = "1", everyMs = "1000"] = process.argv.slice(2);

/** How an attacker goes on once it is connected. */
const kinds: Readonly<Record<string, (client: RawClient, index: number) => void>> = {
  /** Asks for more than the kernel holds, and reads nothing. */
  unread(client, index) {
    client.stopReading();
    client.send(streamRequest("streams", "Items", { count: 1e9, size: 16_000 }, { request_id: `s${index}` }));
  },
  /** One byte of a frame a second, or as often as is said. */
  dribble(client) {
    const frame = jsonFrame({ ping: true, pad: "x".repeat(1000) });
    let sent = 0;
    const next = (): void => client.write(frame.subarray(sent, (sent += 1)));
    next();
    setInterval(next, Number(everyMs));
  },
  /** Asks, shuts its side, and never closes. */
  halfOpen(client, index) {
    client.holdOpen();
    client.send(request("plain", "Echo", index));
    client.shutWrite();
  },
  /** Says nothing. */
  silent() {},
  /** As much as is taken, 256 KiB at a time. */
  blast(client) {
    const frame = jsonFrame(request("plain", "Echo", 1, { request_id: "b" }));
    pour(client, Buffer.concat(Array.from({ length: Math.floor((256 * 1024) / frame.length) }, () => frame)));
  },
  /** Calls that are cancelled at once. */
  cancel(client) {
    let n = 0;
    pour(client, () => {
      const ids = Array.from({ length: 500 }, () => `c${(n += 1)}`);
      const both = (id: string): Buffer[] => [jsonFrame(request("forever", "Hold", 1, { request_id: id })), jsonFrame({ cancel: id })];
      return Buffer.concat(ids.flatMap(both));
    });
  },
  /** Subscribes and unsubscribes. */
  subscribe(client) {
    const types = ["News", "Wave"];
    const pair = [jsonFrame({ message_types: types, patterns: ["N*", "W*"], request_id: "s" }), jsonFrame({ unsubscribe: types, request_id: "u" })];
    pour(client, Buffer.concat(Array.from({ length: 500 }, () => pair).flat()));
  },
  /** Requests of nearly the largest size, which are never answered. */
  hold(client, index) {
    const filler = "x".repeat(1_000_000);
    let n = 0;
    pour(client, () => (n < 70 ? jsonFrame(request("forever", "Hold", filler, { request_id: `h${index}-${(n += 1)}` })) : Buffer.alloc(0)));
  },
};

const attack = kinds[kind];
if (attack === undefined) throw new Error(`no such attacker: ${kind}`);
for (let index = 0; index < Number(count); index++) attack(await connected(), index);
process.stdout.write("attacking\n");
// Whoever started it may have ended without a word.
const starter = process.ppid;
setInterval(() => {
  if (process.ppid !== starter) process.exit(1);
}, 1000);

// A backlog that is full, because so many come, is reported as a refusal.
async function connected(): Promise<RawClient> {
  for (let tries = 0; ; tries++) {
    try {
      return await RawClient.connect(path);
    } catch (error) {
      if (tries > 1000) throw error;
      await Bun.sleep(10);
    }
  }
}

/** Sends it again as often as the server takes it, and throws away what comes back. */
function pour(client: RawClient, what: Buffer | (() => Buffer)): void {
  const next = (): void => {
    client.frames.length = 0;
    if (client.gone) return;
    if (client.unsent === 0) {
      const bytes = typeof what === "function" ? what() : what;
      if (bytes.length > 0) client.write(bytes);
    }
    setImmediate(next);
  };
  next();
}
