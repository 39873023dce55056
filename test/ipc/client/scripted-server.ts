// A real socket with a server behind it that does what a test tells it, right or wrong.

import { unlinkSync } from "node:fs";
import { type Fields, fieldsOf, jsonFrame } from "../../support/raw-client.ts";
import { eventually } from "../../support/conditions.ts";

type RawSocket = Bun.Socket<ScriptedConnection>;

export class ScriptedConnection {
  /** Frames that have come, the greeting left out. */
  readonly frames: Fields[] = [];
  closed = false;
  readonly #socket: RawSocket;
  readonly #server: ScriptedServer;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(socket: RawSocket, server: ScriptedServer) {
    this.#socket = socket;
    this.#server = server;
  }

  arrived(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= 4) {
      const end = 4 + this.#bytes.readUInt32BE(0);
      if (this.#bytes.length < end) break;
      const body = this.#bytes.subarray(4, end);
      this.#bytes = this.#bytes.subarray(end);
      if (body.length === 0) continue;
      const fields = fieldsOf(body);
      if (fields["request_id"] === "0") {
        if (this.#server.greets) this.answer({ request_id: "0", success: true, payload: null, error: null });
        continue;
      }
      this.frames.push(fields);
      this.#server.onFrame(this, fields);
    }
  }

  answer(body: unknown): void {
    this.write(jsonFrame(body));
  }

  reply(id: unknown, payload: unknown): void {
    this.answer({ request_id: id, success: true, payload, error: null });
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  stopReading(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.terminate();
  }

  shutdown(): void {
    this.#socket.shutdown();
  }

  async next(type: string): Promise<Fields> {
    await eventually(() => this.frames.some((fields) => fields["message_type"] === type), `a ${type}`);
    return this.frames.find((fields) => fields["message_type"] === type) as Fields;
  }
}

export class ScriptedServer implements AsyncDisposable {
  readonly connections: ScriptedConnection[] = [];
  /** Answers the greeting with which a client opens its connection. */
  greets = true;
  onFrame: (connection: ScriptedConnection, fields: Fields) => void;
  readonly path: string;
  #listener: Bun.UnixSocketListener<ScriptedConnection> | undefined;

  constructor(path: string, onFrame: (connection: ScriptedConnection, fields: Fields) => void = () => {}) {
    this.path = path;
    this.onFrame = onFrame;
    this.start();
  }

  start(): void {
    this.#listener = Bun.listen<ScriptedConnection>({
      unix: this.path,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          socket.data = new ScriptedConnection(socket, this);
          this.connections.push(socket.data);
        },
        data: (socket, bytes) => socket.data.arrived(bytes),
        close: (socket) => {
          socket.data.closed = true;
        },
        error: () => {},
      },
    });
  }

  /** Goes away with all its connections, as one that was killed. */
  stop(): void {
    this.#listener?.stop(true);
    this.#listener = undefined;
    try {
      unlinkSync(this.path);
    } catch {
      // Bun has removed it.
    }
  }

  async connection(index = 0): Promise<ScriptedConnection> {
    await eventually(() => this.connections.length > index, `connection ${index}`);
    return this.connections[index] as ScriptedConnection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
  }
}
