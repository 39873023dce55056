// The way up of one agent: a fresh model, beforeStart, its children. Of several attempts only the last one counts:
// whatever an earlier one, or one that was called off, still waits for does not matter any more.

import { ActonError, detailOf } from "../errors.ts";
import type { Belongings } from "./belongings.ts";
import { bounded } from "./bounded.ts";
import { runHook } from "./hooks.ts";
import type { Household, Living } from "./living.ts";
import type { AgentServices } from "./services.ts";

/** Who comes up. */
export interface Climber {
  readonly cell: Living;
  readonly services: AgentServices;
  readonly life: { readonly belongings: Belongings; readonly family: Household };
}

export class Ascent {
  /** It is coming up, or about to: a stop waits for that, and then works off what is queued. */
  underway = false;
  /** Settles with the attempt, for all who want the agent up again. */
  raising: Promise<void> | undefined;
  #attempt = 0;
  #flaw: { readonly error: unknown } | undefined;

  /** The number of a new attempt. */
  begin(): number {
    this.#flaw = undefined;
    return (this.#attempt += 1);
  }

  isCurrent(attempt: number): boolean {
    return this.#attempt === attempt;
  }

  /** The attempt is to fail, though none of its steps does. */
  spoil(error: unknown): void {
    this.#flaw = { error };
  }

  /** Who waits for the way down to bring the agent back does not do that any more. What is under way goes on. */
  dissuade(): void {
    if (!this.underway) this.callOff();
  }

  callOff(): void {
    this.#attempt += 1;
    this.underway = false;
    this.raising = undefined;
  }

  /** It is up, when the attempt is the current one still. */
  arrive(attempt: number): boolean {
    if (!this.isCurrent(attempt)) return false;
    this.underway = false;
    this.raising = undefined;
    return true;
  }

  /** Takes the steps, as long as nobody calls it off. Rejects with START_FAILED. */
  async climb(attempt: number, { cell, services, life }: Climber): Promise<void> {
    const { definition } = cell;
    this.underway = true;
    try {
      cell.model = (cell.bequest ?? definition.model)();
      await runHook(cell, "beforeStart", services);
      if (!this.isCurrent(attempt)) return;
      if (definition.subscriptions.size > 0 || cell.bequest !== undefined) life.belongings.subscribe(definition, cell, services);
      if (definition.children.length > 0) await life.family.rise();
      if (!this.isCurrent(attempt)) return;
      if (this.#flaw !== undefined) throw this.#flaw.error;
      if (cell.bequest !== undefined) cell.rebind();
      cell.bequest = undefined;
    } catch (error) {
      throw startFailed(cell, `did not start: ${detailOf(error)}`, error);
    }
  }
}

/** Rejects with START_FAILED when the way up fails, or takes too long. */
export async function upInTime(cell: Living, { clock, limits: { startTimeoutMs } }: AgentServices, rise: Promise<unknown>): Promise<void> {
  const up = await bounded(clock, startTimeoutMs, (within) => within(rise));
  if (!up) throw startFailed(cell, `was not up within ${startTimeoutMs} ms`);
}

export function startFailed({ name }: Living, why: string, cause?: unknown): ActonError {
  return new ActonError("START_FAILED", `the agent ${name} ${why}`, { cause });
}
