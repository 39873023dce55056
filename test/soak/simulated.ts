// D1, D2 and D3: the whole runtime on a simulated machine under many seeds, what is looked at after every event, and whether
// that finds what is wrong when something is.

import { type Scenario, simulate, type SimulationResult } from "acton/testing";
import { defects } from "../simulation/defects/planted.ts";
import { trial } from "../simulation/defects/trial.ts";
import { scenario } from "../simulation/scenario.ts";
import type { SoakCheck } from "./check.ts";

const events = 500;
const sameSeeds = 100;
const defectSeeds = 2_000;

const shown = (count: number): string => count.toLocaleString("en");
const failuresOf = ({ failures }: SimulationResult): string => failures.map(({ seed, what }) => `; seed ${seed}: ${what}`).join("");

export interface Checked {
  readonly result: SimulationResult;
  /** How often every invariant was looked at. */
  readonly checks: number;
}

export async function checked(seeds: number, from: number): Promise<Checked> {
  let checks = 0;
  const counted: Scenario = async (world) => {
    const simulation = await scenario(world);
    const check = simulation.check?.bind(simulation);
    return Object.assign(simulation, {
      check(): void {
        checks += 1;
        check?.();
      },
    });
  };
  return { result: await simulate(counted, { seeds, from, events }), checks };
}

export interface Hunt {
  readonly found: number;
  /** The most seeds that one took. */
  readonly seedsMost: number;
  readonly missed: readonly string[];
}

/** Tries the simulation on each of the first so many defects, two at a time. */
export async function hunt(count: number): Promise<Hunt> {
  const waiting = defects.slice(0, count);
  const missed: string[] = [];
  let seedsMost = 0;
  const work = async (): Promise<void> => {
    for (let defect = waiting.shift(); defect !== undefined; defect = waiting.shift()) {
      const { found } = await trial(defect, { seeds: defectSeeds, events });
      if (found === undefined) missed.push(defect.name);
      else seedsMost = Math.max(seedsMost, found.seed);
    }
  };
  await Promise.all([work(), work()]);
  return { found: Math.min(count, defects.length) - missed.length, seedsMost, missed };
}

export const checks: readonly SoakCheck[] = [
  {
    id: "D1",
    title:
      "Deterministic simulation: runtime, broker, supervision, codecs, server and client on simulated sockets, clock, disk and processes, which stall, cut, reorder, jump and kill",
    pass: "10,000 seeds of 500 events: 0 failures; 100 seeds once more with equal traces",
    async run({ rounds: seeds = 10_000, seed = 1 }) {
      const result = await simulate(scenario, { seeds, from: seed, events });
      const again = { seeds: Math.min(seeds, sameSeeds), from: seed, events };
      const [first, second] = [await simulate(scenario, again), await simulate(scenario, again)];
      const same = first.hash === second.hash;
      const figure = `${shown(result.seeds)} seeds from ${seed}, ${shown(result.events)} events: ${result.failures.length} failures${failuresOf(result)}; ${again.seeds} seeds twice: traces ${same ? "equal" : "differ"}`;
      return { figure, passed: result.failures.length === 0 && same && seeds >= 10_000 };
    },
  },
  {
    id: "D2",
    title:
      "The same, and after every event: order, one outcome for each request in its time, whole streams, pushes sent and lost, every bound and gauge, restarts; nothing is left at the end",
    pass: "looked at after each event, 0 broken",
    async run({ rounds: seeds = 1_000, seed = 20_001 }) {
      const { result, checks: looks } = await checked(seeds, seed);
      const figure = `${shown(result.seeds)} seeds from ${seed}, ${shown(result.events)} events and their ends: looked at ${shown(looks)} times, ${result.failures.length} broken${failuresOf(result)}`;
      return { figure, passed: result.failures.length === 0 && looks >= result.events };
    },
  },
  {
    id: "D3",
    title: "The simulation tried: one [planted defect](../test/simulation/defects.md) after the other in a copy of the sources",
    pass: "20 defects or more, each found within 2,000 seeds",
    async run({ rounds: count = defects.length }) {
      const { found, seedsMost, missed } = await hunt(count);
      const figure = `${found} of ${found + missed.length} found, the last by seed ${seedsMost}${missed.map((name) => `; not found: ${name}`).join("")}`;
      return { figure, passed: found >= 20 && missed.length === 0 };
    },
  },
];
