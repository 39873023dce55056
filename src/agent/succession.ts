// Exchanges an agent's code between two of its lives, in place: handle, name, subscriptions and mailbox stay. The next
// life begins with what the blueprint makes of the model; when it does not begin, the code before comes back with its model.

import { ActonError, detailOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { bounded } from "./bounded.ts";
import type { BlueprintDefinition } from "./definition.ts";
import { agentStopped, type CodeExchange, type Living, type Within } from "./living.ts";
import { isSamePlace } from "./placement.ts";
import type { AgentServices } from "./services.ts";

export class Succession implements CodeExchange {
  readonly #cell: Living;
  readonly #services: AgentServices;
  /** The code that is to come back should the new one fail. */
  #past: { readonly definition: BlueprintDefinition; readonly model: unknown } | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(cell: Living, services: AgentServices) {
    this.#cell = cell;
    this.#services = services;
  }

  /** As `exchange` and then `settle`, or where that fails `revert`. */
  reload(definition: BlueprintDefinition): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#exchange(definition);
      } catch (error) {
        await this.#revert();
        throw error;
      }
      await this.settle();
    });
  }

  /**
   * Handlers that run may finish, but for streams; what is queued waits for the new code. Rejects with START_FAILED when that
   * does not start: then it waits for `revert`. AGENT_STOPPED when there is no next life.
   */
  exchange(definition: BlueprintDefinition): Promise<void> {
    return this.#inTurn(() => this.#exchange(definition));
  }

  /** Brings the code before back, where the exchange has not been settled. */
  revert(): Promise<void> {
    return this.#inTurn(() => this.#revert());
  }

  adopt(given: BlueprintDefinition): void {
    const cell = this.#cell;
    const past = (this.#past ??= { definition: cell.definition, model: cell.model });
    const definition = cell.localOf(given);
    cell.bequest = past.definition === definition ? () => past.model : bequestOf(definition, past.model);
    cell.definition = definition;
  }

  async settle(): Promise<void> {
    this.#past = undefined;
    await this.#cell.life.family.settle();
  }

  async #exchange(definition: BlueprintDefinition): Promise<void> {
    if (!isSamePlace(definition, this.#cell.definition))
      throw new TypeError(`Cannot move the agent ${this.#cell.name} to another place while it lives`);
    if (!(await this.#laidDown())) throw ActonError.from(agentStopped);
    this.adopt(definition);
    await this.#cell.life.raise();
  }

  async #revert(): Promise<void> {
    const past = this.#past;
    if (past === undefined || !(await this.#laidDown())) return;
    this.adopt(past.definition);
    await comeBack(this.#cell, this.#services.log);
    await this.settle();
  }

  /** False when it stops for good instead. Whoever looks after an agent brings it back in any case. */
  async #laidDown(): Promise<boolean> {
    const { life } = this.#cell;
    const { clock, limits } = this.#services;
    await bounded(clock, limits.stopTimeoutMs, (within) => this.finish(within));
    // Stopped meanwhile, it works off what is queued.
    if (this.#ends) this.resume();
    await life.lower();
    return !this.#ends || life.guardian !== undefined;
  }

  async finish(within: Within): Promise<void> {
    const { life } = this.#cell;
    if (life.standing.status !== "running") return;
    this.#cell.hold();
    await within(this.#cell.quiet());
    if (!this.#ends) await life.family.finish(within);
  }

  resume(): void {
    const { life } = this.#cell;
    if (life.standing.status !== "running" && !this.#ends) return;
    this.#cell.release();
    life.family.resume();
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => {});
    return done;
  }

  get #ends(): boolean {
    const { status } = this.#cell.life.standing;
    return status === "stopping" || status === "stopped";
  }
}

/** Raises the agent. When that fails, whoever looks after it decides; alone, it has nobody who would try again. */
export async function comeBack({ life, name }: Living, log: Log): Promise<void> {
  try {
    await life.raise();
  } catch (error) {
    log.error("agent did not restart", { agent: name, error: detailOf(error) });
    if (life.guardian === undefined) await life.end();
    else life.guardian.departed({ kind: "startFailed", error });
  }
}

function bequestOf({ carryOver, model }: BlueprintDefinition, old: unknown): () => unknown {
  return carryOver === undefined ? model : () => carryOver(old as never);
}
