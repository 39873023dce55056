// A client of acton for Node 20 or later. It needs nothing but Node itself.
//
//   node examples/clients/node-client.mjs [SOCKET]
//
// runs the demonstration at the end of this file against the demo services (`npm start`). For TypeScript, and for all that
// is left out here (connecting anew, keep-alive, time limits of its own), there is `acton/client`: see docs/clients.md.

import { connect } from "node:net";
import { pathToFileURL } from "node:url";

/** Items of a stream that may wait here for their reader; then the agent waits. */
const itemsAhead = 64;
/** Pushes that may wait here for their reader; then the newest are lost. */
const pushesMax = 256;

/** What the server answered instead of a reply. `code` is one of the codes in docs/protocol.md. */
export class ActonError extends Error {
  constructor({ error, error_code, retry_after_ms }) {
    super(error);
    this.name = "ActonError";
    this.code = error_code;
    this.retryAfterMs = retry_after_ms;
  }
}

/** One connection. Any number of calls may be open at once: each has its own request id. */
export class ActonClient {
  #socket;
  #lastId = 0;
  /** What takes the frames of a call, by request id. */
  #calls = new Map();
  /** Message types, by the queue that takes their pushes. */
  #subscribers = new Map();
  #unread = Buffer.alloc(0);

  constructor(path = "/tmp/acton.sock") {
    this.#socket = connect(path);
    this.#socket.on("data", (chunk) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#end(error));
    this.#socket.on("close", () => this.#end(new Error("the connection was closed")));
  }

  /** The agent's reply. */
  async ask(agent, type, payload, { timeoutMs = 30_000 } = {}) {
    const response = await this.#call({ target: agent, message_type: type, payload, expects_reply: true, timeout_ms: timeoutMs });
    return response.payload;
  }

  /** Resolves once the message is in the agent's mailbox. Nobody waits for what the agent makes of it. */
  async send(agent, type, payload) {
    await this.#call({ target: agent, message_type: type, payload });
  }

  /** The items of a stream. Leaving the loop early tells the agent to stop. */
  async *stream(agent, type, payload) {
    const frames = new FrameQueue(itemsAhead + 1);
    const id = this.#send({ target: agent, message_type: type, payload, expects_stream: true, stream_window: itemsAhead }, frames);
    let open = true;
    let read = 0;
    try {
      for await (const frame of frames) {
        open = !frame.is_final;
        if (frame.error_code !== undefined) throw new ActonError(frame);
        if (open || frame.payload !== null) yield frame.payload;
        if (!open) return;
        if (++read % (itemsAhead / 2) === 0) this.#write({ credit: itemsAhead / 2, stream_id: id });
      }
    } finally {
      this.#calls.delete(id);
      if (open) this.#write({ cancel: id });
    }
  }

  /** Every message of these types that is broadcast from now on: `{ message_type, payload, timestamp, … }`. */
  async *subscribe(...types) {
    const pushes = new FrameQueue(pushesMax);
    this.#subscribers.set(pushes, types);
    try {
      const { rejected_types } = await this.#call({ message_types: types });
      if (rejected_types.length > 0) throw new Error(`the server does not know ${rejected_types.join(", ")}`);
      yield* pushes;
    } finally {
      this.#subscribers.delete(pushes);
      const wanted = [...this.#subscribers.values()].flat();
      const unwanted = types.filter((name) => !wanted.includes(name));
      if (unwanted.length > 0) this.#write({ unsubscribe: unwanted }); // An empty list would leave everything.
    }
  }

  close() {
    this.#socket.destroy();
  }

  #call(body) {
    return new Promise((resolve, reject) => {
      const id = this.#send(body, {
        take: (response) => {
          this.#calls.delete(id);
          if (response.success) resolve(response);
          else reject(new ActonError(response));
        },
        end: reject,
      });
    });
  }

  #send(body, call) {
    const id = String(++this.#lastId);
    this.#calls.set(id, call);
    if (this.#socket.destroyed) call.end(new Error("the connection is closed"));
    else this.#write({ request_id: id, ...body });
    return id;
  }

  #write(body) {
    const data = Buffer.from(JSON.stringify(body));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    this.#socket.write(Buffer.concat([length, data]));
  }

  // A chunk may hold half a frame or a hundred of them.
  #read(chunk) {
    let bytes = Buffer.concat([this.#unread, chunk]);
    while (bytes.length >= 4) {
      const end = 4 + bytes.readUInt32BE(0);
      if (bytes.length < end) break;
      if (end > 4) this.#receive(JSON.parse(bytes.toString("utf8", 4, end)));
      bytes = bytes.subarray(end);
    }
    this.#unread = bytes;
  }

  #receive(frame) {
    if (frame.notification_type === "subscription") {
      for (const [pushes, types] of this.#subscribers) if (types.includes(frame.message_type)) pushes.take(frame);
    } else if (frame.request_id != null) this.#calls.get(frame.request_id)?.take(frame);
    // An error that names no request is about the connection itself.
    else if (frame.success === false) this.#end(new ActonError(frame));
  }

  #end(error) {
    this.#socket.destroy();
    for (const call of [...this.#calls.values(), ...this.#subscribers.keys()]) call.end(error);
    this.#calls.clear();
    this.#subscribers.clear();
  }
}

/** Frames between the socket and a loop that reads them. */
class FrameQueue {
  #max;
  #frames = [];
  #error;
  #wake = () => {};

  constructor(max) {
    this.#max = max;
  }

  take(frame) {
    if (this.#frames.length < this.#max) this.#frames.push(frame);
    this.#wake();
  }

  end(error) {
    this.#error ??= error;
    this.#wake();
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#frames.length > 0) yield this.#frames.shift();
      if (this.#error !== undefined) throw this.#error;
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }
}

async function main(path) {
  const client = new ActonClient(path);

  const replies = await Promise.all([1, 2, 3].map((b) => client.ask("calculator", "AddRequest", { a: 5, b })));
  console.log("5 + 1, 2, 3 =", replies.map(({ sum }) => sum).join(", "));

  for await (const { id, name } of client.stream("list_service", "ListRequest", { page_size: 1_000_000 })) {
    console.log(id, name);
    if (id === 2) break;
  }

  await client.ask("nobody", "AddRequest", { a: 5, b: 3 }).catch((error) => console.log(error.code));

  let left = 2;
  for await (const { message_type, payload } of client.subscribe("PriceUpdate")) {
    console.log(message_type, payload.symbol);
    if (--left === 0) break;
  }
  client.close();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv[2]);
