// R1: four processes start to serve one path at the same instant, over whatever may be there. Exactly one server has it
// afterwards, the one that clients reach: a new one, or the one that has been there all along.

import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { seededRandom, type Random } from "acton";
import { TemporaryDirectory } from "../support/test-server.ts";
import { LineProcess, whoAnswers } from "./parts/processes.ts";
import type { SoakCheck, SoakOptions } from "./check.ts";

export const scenes = ["absent", "stale", "live", "live-stopped", "live with full backlog", "non-socket"] as const;
export type Scene = (typeof scenes)[number];

export interface RaceOptions extends SoakOptions {
  readonly scenes?: readonly Scene[];
  /** As those decide who have no lock: to see that the test can fail. */
  readonly naive?: boolean;
}

const starters = 4;
const spreadMs = 0.5;
const answerMsMax = 10_000;

export const takeoverRace = {
  id: "R1",
  title: `${starters} starters at one path: ${scenes.join(", ")}`,
  pass: "1,000 rounds of each: exactly 1 server, and it is the one that clients reach",
  async run({ rounds = 1000, seed = 1, scenes: played = scenes, naive = false }: RaceOptions) {
    const random = seededRandom(seed);
    await using race = await Race.prepare(random, naive);
    const wrong: string[] = [];
    for (const scene of played) {
      for (let round = 0; round < rounds; round++) {
        const complaint = await race.round(scene);
        if (complaint !== undefined) wrong.push(`${scene} ${round}: ${complaint}`);
      }
    }
    const all = rounds * played.length;
    const first = wrong.length === 0 ? "" : `; the first wrong one: ${wrong[0]}`;
    return { figure: `${all - wrong.length} of ${all} rounds (${rounds} of each), seed ${seed}${first}`, passed: wrong.length === 0 };
  },
} satisfies SoakCheck;

class Race implements AsyncDisposable {
  readonly #directory = new TemporaryDirectory();
  readonly #random: Random;
  readonly #naive: boolean;
  readonly #contenders: readonly LineProcess[];
  readonly #holder: LineProcess;
  #number = 0;

  private constructor(random: Random, naive: boolean) {
    this.#random = random;
    this.#naive = naive;
    this.#contenders = Array.from({ length: starters }, () => new LineProcess("contender.ts"));
    this.#holder = new LineProcess("contender.ts");
  }

  static async prepare(random: Random, naive: boolean): Promise<Race> {
    const race = new Race(random, naive);
    for (const each of [...race.#contenders, race.#holder]) await each.line();
    return race;
  }

  /** What was wrong with it, if anything. */
  async round(scene: Scene): Promise<string | undefined> {
    this.#number += 1;
    const path = join(this.#directory.path, `s${this.#number % 50}`);
    if (scene === "non-socket") return this.#overFile(path);
    return scene.startsWith("live") ? this.#overLive(path, scene) : this.#overNobody(path, scene);
  }

  async #overNobody(path: string, scene: Scene): Promise<string | undefined> {
    if (scene === "stale") leaveStale(path);
    const outcomes = await this.#start(path);
    const serving = this.#contenders.filter((_, index) => outcomes[index] === "serving");
    const reached = await whoAnswers(path);
    const complaint =
      complaintOf(outcomes, "ADDRESS_IN_USE", 1) ??
      (reached === serving[0]?.pid ? leftovers(path) : `clients reach ${reached}, not ${serving[0]?.pid}`);
    for (const each of serving) await each.ask("stop");
    rmSync(path, { force: true });
    return complaint;
  }

  async #overLive(path: string, scene: Scene): Promise<string | undefined> {
    if ((await this.#holder.ask("start", path)) !== "serving") return "the first server did not start";
    const { ino } = lstatSync(path);
    if (scene !== "live") this.#holder.signal("SIGSTOP");
    const waiting = scene === "live with full backlog" ? await fillBacklog(path) : [];
    const outcomes = await this.#start(path);
    const same = lstatSync(path, { throwIfNoEntry: false })?.ino === ino;
    for (const socket of waiting) socket.terminate();
    this.#holder.signal("SIGCONT");
    const reached = await whoAnswersAtLast(path);
    const complaint =
      complaintOf(outcomes, "ADDRESS_IN_USE", 0) ??
      (same ? undefined : "the socket is not the one that was there") ??
      (reached === this.#holder.pid ? leftovers(path) : `clients reach ${reached}, not ${this.#holder.pid} that was there`);
    for (const [index, each] of this.#contenders.entries()) if (outcomes[index] === "serving") await each.ask("stop");
    await this.#holder.ask("stop");
    rmSync(path, { force: true });
    return complaint;
  }

  async #overFile(path: string): Promise<string | undefined> {
    const file = `${path}.file`;
    writeFileSync(file, "precious", { mode: 0o640 });
    const before = lstatSync(file);
    const outcomes = await this.#start(file);
    const after = lstatSync(file, { throwIfNoEntry: false });
    const same =
      after?.ino === before.ino && after.mode === before.mode && after.mtimeMs === before.mtimeMs && readFileSync(file, "utf8") === "precious";
    rmSync(file, { force: true });
    return complaintOf(outcomes, "PATH_REFUSED", 0) ?? (same ? leftovers(file) : "the file is not what it was");
  }

  /** All at once, but for a part of a millisecond that chance gives. */
  #start(path: string): Promise<readonly (string | undefined)[]> {
    const soon = performance.timeOrigin + performance.now() + 2;
    const how = this.#naive ? ["naive"] : [];
    return Promise.all(this.#contenders.map((each) => each.ask("start", path, String(soon + this.#random.next() * spreadMs), ...how)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#contenders, this.#holder].map((each) => each[Symbol.asyncDispose]()));
    this.#directory[Symbol.dispose]();
  }
}

function complaintOf(outcomes: readonly (string | undefined)[], otherwise: string, servers: number): string | undefined {
  const serving = outcomes.filter((outcome) => outcome === "serving").length;
  const right = serving === servers && outcomes.every((outcome) => outcome === "serving" || outcome === otherwise);
  return right ? undefined : outcomes.join(", ");
}

function leftovers(path: string): string | undefined {
  return readdirSync(dirname(path)).includes(`${basename(path)}.new`) ? "a socket under the first name is left" : undefined;
}

/** As a killed server leaves it: a socket at which nobody listens. */
function leaveStale(path: string): void {
  const server = Bun.listen({ unix: `${path}.was`, socket: { data() {} } });
  renameSync(`${path}.was`, path);
  server.stop(true);
}

/** Connects until the kernel takes no more. */
async function fillBacklog(path: string): Promise<readonly Bun.Socket[]> {
  const sockets: Bun.Socket[] = [];
  try {
    for (;;) sockets.push(await Bun.connect({ unix: path, socket: { data() {}, error() {} } }));
  } catch {
    return sockets;
  }
}

/** Whoever answers, once the connections that were hung up no longer fill the server. On a busy machine that takes a while. */
async function whoAnswersAtLast(path: string): Promise<number | undefined> {
  const last = performance.now() + answerMsMax;
  let reached: number | undefined;
  while (reached === undefined && performance.now() < last) {
    reached = await whoAnswers(path);
    if (reached === undefined) await Bun.sleep(1);
  }
  return reached;
}

export const checks = [takeoverRace];
