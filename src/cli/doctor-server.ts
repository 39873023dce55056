// What the one behind a socket says for itself: whether anybody listens, who, whether it answers, and what it is.

import { readFileSync } from "node:fs";
import { SystemClock } from "../clock.ts";
import { ActonError, codeOf, detailOf, quoted } from "../errors.ts";
import { bunTransport } from "../ipc/bun-transport.ts";
import { type Client, connect } from "../ipc/client/client.ts";
import type { PeerCredentials, Socket } from "../ipc/transport.ts";
import { product } from "../product.ts";
import { type Check, type Holder, holderText, userName } from "./doctor-files.ts";
import { pause } from "./pause.ts";
import { shellWord } from "./typed-payload.ts";

export interface CheckOptions {
  readonly holder: Holder;
  /** The users whose servers are trusted. */
  readonly trusted: readonly number[];
  readonly timeoutMs: number;
}

/** Ends with the first check that is bad. */
export async function* checkServer(path: string, { holder, trusted, timeoutMs }: CheckOptions): AsyncGenerator<Check> {
  const peer = await connected(path, holder);
  yield peer.check;
  if (peer.check.verdict === "bad") return;
  if (peer.credentials !== undefined) {
    const user = checkUser(peer.credentials, trusted);
    yield user;
    if (user.verdict === "bad") return;
  }
  const client = await connect(path, { transport: bunTransport, keepAliveMs: 0, serverUids: trusted });
  try {
    const answer = await checkAnswer(client, { path, pid: peer.credentials?.pid, timeoutMs });
    yield answer;
    if (answer.verdict !== "bad") yield* checkSelf(client, timeoutMs);
  } finally {
    client.close();
  }
}

const ignored = { data() {}, drain() {}, end() {}, close() {} };

async function connected(path: string, holder: Holder): Promise<{ readonly check: Check; readonly credentials?: PeerCredentials | undefined }> {
  const check = "connection";
  let socket: Socket;
  try {
    socket = await bunTransport.connect(path, ignored);
  } catch (thrown) {
    const code = codeOf(thrown);
    const takeOver = `start the server, which takes the path over: acton serve --socket ${shellWord(path)}`;
    const [finding, advice] =
      code === "EACCES" || code === "EPERM"
        ? ["access is denied", "run this as the user who runs the server"]
        : holder.kind === "process"
          ? [`${holderText(holder)} holds the lock, and takes no connections now`, "look into its log; if it hangs, stop it"]
          : code === "ECONNREFUSED" || code === "ENOENT"
            ? ["stale: nobody listens, the socket was left behind", takeOver]
            : [detailOf(thrown), takeOver];
    return { check: { check, verdict: "bad", finding, advice } };
  }
  const { credentials } = socket;
  socket.terminate();
  const who = credentials === undefined ? "somebody" : `process ${credentials.pid}`;
  return { check: { check, verdict: "ok", finding: `${who} accepts connections` }, credentials };
}

function checkUser({ uid }: PeerCredentials, trusted: readonly number[]): Check {
  const own = process.geteuid?.() ?? 0;
  if (trusted.includes(uid)) return { check: "user", verdict: "ok", finding: `it runs as ${userName(uid)}, who is trusted` };
  const advice = `only servers of one's own user and of root are trusted: run this as that user, or trust them: --server-uid ${uid}`;
  return { check: "user", verdict: "bad", finding: `it runs as ${userName(uid)}, and this is ${userName(own)}`, advice };
}

interface Asked {
  readonly path: string;
  readonly pid: number | undefined;
  readonly timeoutMs: number;
}

async function checkAnswer(client: Client, asked: Asked): Promise<Check> {
  const check = "answer";
  try {
    const ms = await client.ping({ timeoutMs: asked.timeoutMs });
    return { check, verdict: "ok", finding: `a ping came back in ${ms.toFixed(2)} ms` };
  } catch (thrown) {
    const error = thrown instanceof ActonError ? thrown : undefined;
    if (error?.code === "TIMEOUT") return silent(asked);
    if (error?.code === "CONNECTION_LIMIT_REACHED") {
      return {
        check,
        verdict: "bad",
        finding: `it is an acton server, and full: ${error.message}`,
        advice: "raise max_connections, or find who does not disconnect",
      };
    }
    if (error?.code === "ACCESS_DENIED") {
      return {
        check,
        verdict: "bad",
        finding: `its policy refuses this connection: ${error.message}`,
        advice: "ask whoever runs it to admit this user",
      };
    }
    const said = await firstWords(asked);
    const advice = "it is not an acton server: choose another path";
    return {
      check,
      verdict: "bad",
      finding: said === "" ? `it hangs up on a ping: ${detailOf(error?.message ?? thrown)}` : `it answers ${quoted(said)}`,
      advice,
    };
  }
}

function silent({ pid, timeoutMs }: Asked): Check {
  const state = pid === undefined ? "" : processState(pid);
  const finding = `nothing came back within ${timeoutMs} ms`;
  if (state === "T" || state === "t") {
    return { check: "answer", verdict: "bad", finding: `${finding}: process ${pid} is suspended`, advice: `let it go on: kill -CONT ${pid}` };
  }
  return { check: "answer", verdict: "bad", finding, advice: "it hangs, or is not an acton server: look into its log, or stop it" };
}

/** What a line of text brings out of a server that speaks something else. */
async function firstWords({ path, timeoutMs }: Asked): Promise<string> {
  let text = "";
  const ended = new AbortController();
  try {
    const socket = await bunTransport.connect(path, {
      ...ignored,
      data(bytes) {
        text += Buffer.from(bytes).toString("latin1");
        ended.abort();
      },
      end: () => ended.abort(),
      close: () => ended.abort(),
    });
    socket.write(Buffer.from("GET / HTTP/1.0\r\n\r\n"));
    await pause(new SystemClock(), Math.min(timeoutMs, 500), ended.signal);
    socket.terminate();
  } catch {
    // It has said what it had to say.
  }
  return text.slice(0, 40);
}

async function* checkSelf(client: Client, timeoutMs: number): AsyncGenerator<Check> {
  try {
    const { product: its, application, agents } = await client.discover({ timeoutMs });
    const what = `${its.name} ${its.version}, serving ${application.name} ${application.version} with ${agents.length} agents`;
    if (its.version === product.version) yield { check: "version", verdict: "ok", finding: what };
    else
      yield {
        check: "version",
        verdict: "warning",
        finding: what,
        advice: `this is ${product.name} ${product.version}; both speak the same protocol`,
      };
  } catch (thrown) {
    yield { check: "version", verdict: "warning", finding: `it does not say what it is: ${detailOf(thrown)}` };
  }
  try {
    const figures = await client.stats({ timeoutMs });
    const open = `connections: ${String(figures["active_connections"])}, requests that run: ${String(figures["requests_in_flight"])}`;
    if (figures["draining"] === true)
      yield { check: "state", verdict: "warning", finding: `it is stopping: ${open}`, advice: "new requests are refused; wait for the next one" };
    else yield { check: "state", verdict: "ok", finding: open };
  } catch (thrown) {
    yield { check: "state", verdict: "warning", finding: `it does not show its figures: ${detailOf(thrown)}` };
  }
}

function processState(pid: number): string {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1] ?? "";
  } catch {
    return "";
  }
}
