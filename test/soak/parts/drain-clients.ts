// The clients under which a server is restarted: those of drain-client.py, and the same in this process.

import { join } from "node:path";
import { type Fields, RawClient } from "../../support/raw-client.ts";
import { linesOf } from "../../support/serve-process-handle.ts";
import { request, streamRequest } from "../../support/test-server.ts";

/** What a client has seen in one life of the server. */
export interface Life {
  readonly answered: number;
  /** Told that the server shuts down. */
  readonly refused: number;
  readonly failed: number;
  readonly unanswered: number;
  /** Streams without a last frame. */
  readonly cut: number;
  readonly misordered: number;
  readonly pushes: number;
  readonly reset: number;
}

export interface DrainClient extends AsyncDisposable {
  /** Lives until the server has closed the connection. */
  live(): Promise<Life>;
}

export class PythonClient implements DrainClient {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncGenerator<string, void>;

  constructor(path: string, inFlight: number) {
    const script = join(import.meta.dir, "drain-client.py");
    this.#child = Bun.spawn(["python3", script, path, String(inFlight)], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#lines = linesOf(this.#child.stdout);
  }

  async live(): Promise<Life> {
    void this.#child.stdin.write("live\n");
    void this.#child.stdin.flush();
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error("the Python client has ended");
    return JSON.parse(value) as Life;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

export class BunClient implements DrainClient {
  readonly #path: string;
  readonly #inFlight: number;

  constructor(path: string, inFlight: number) {
    this.#path = path;
    this.#inFlight = inFlight;
  }

  async live(): Promise<Life> {
    const life = new BunLife(await connected(this.#path), this.#inFlight);
    return life.run();
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function connected(path: string): Promise<RawClient> {
  for (;;) {
    try {
      return await RawClient.connect(path);
    } catch {
      await Bun.sleep(5);
    }
  }
}

class BunLife {
  readonly #client: RawClient;
  readonly #inFlight: number;
  readonly #waiting = new Set<unknown>();
  /** The number that the next frame of each open stream has. */
  readonly #streams = new Map<unknown, number>();
  readonly #said = { answered: 0, refused: 0, failed: 0, unanswered: 0, cut: 0, misordered: 0, pushes: 0, reset: 0 };
  #asked = 0;
  #begun = 0;
  #nextPush = 0;
  #asking = true;

  constructor(client: RawClient, inFlight: number) {
    this.#client = client;
    this.#inFlight = inFlight;
  }

  async run(): Promise<Life> {
    const client = this.#client;
    client.send({ message_types: ["News"] });
    this.#more();
    try {
      for (;;) {
        this.#heard(await client.next());
        this.#more();
      }
    } catch {
      // Nothing more comes.
    }
    await client.until(() => client.gone);
    return { ...this.#said, unanswered: this.#waiting.size, cut: this.#streams.size, reset: client.broke === undefined ? 0 : 1 };
  }

  #more(): void {
    while (this.#asking && this.#waiting.size < this.#inFlight) {
      const id = `r${(this.#asked += 1)}`;
      this.#waiting.add(id);
      this.#client.send(request("work", "Pause", { ms: 5 }, { request_id: id }));
    }
    if (!this.#asking || this.#streams.size > 0) return;
    const id = `s${(this.#begun += 1)}`;
    this.#streams.set(id, 0);
    this.#client.send(streamRequest("streams", "Items", { count: 10, pauseMs: 2 }, { request_id: id }));
  }

  #heard(answer: Fields): void {
    const said = this.#said;
    const id = answer["request_id"];
    const refused = answer["error_code"] === "SHUTTING_DOWN";
    if (refused) this.#asking = false;
    said.refused += refused ? 1 : 0;
    if (id === undefined) this.#pushed(answer);
    else if (this.#streams.has(id)) this.#streamed(id, answer, refused);
    else {
      this.#waiting.delete(id);
      if (answer["success"] === true) said.answered += 1;
      else said.failed += refused ? 0 : 1;
    }
  }

  #pushed(push: Fields): void {
    const seq = Number(push["seq"]);
    if (seq !== this.#nextPush && seq !== this.#nextPush + Number(push["dropped"] ?? 0)) this.#said.misordered += 1;
    this.#nextPush = seq + 1;
    this.#said.pushes += 1;
  }

  #streamed(id: unknown, answer: Fields, refused: boolean): void {
    const expected = this.#streams.get(id) ?? 0;
    if (answer["is_final"] === true) {
      this.#streams.delete(id);
      this.#said.failed += answer["error"] === null || answer["error"] === undefined || refused ? 0 : 1;
    } else {
      this.#streams.set(id, expected + 1);
      this.#said.misordered += answer["sequence"] === expected ? 0 : 1;
    }
  }
}
