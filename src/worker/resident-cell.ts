// The agent for which a thread was started, in that thread: an agent like any other, but that its end and its crashes are
// decided on by the thread that holds its mailbox.

import { AgentCell } from "../agent/cell.ts";
import { decideCrash } from "../agent/crash-policy.ts";
import type { BlueprintDefinition } from "../agent/definition.ts";
import type { Guardian, StartContext } from "../agent/living.ts";
import type { AgentServices } from "../agent/services.ts";
import { detailOf, stackOf } from "../errors.ts";
import type { Speaker } from "./line.ts";
import type { Report, StartPacket } from "./packets.ts";

export interface Residence {
  readonly start: Pick<StartPacket, "generation" | "supervised">;
  readonly line: Speaker<Report>;
}

export class ResidentCell extends AgentCell {
  readonly #line: Speaker<Report>;

  constructor(definition: BlueprintDefinition, services: AgentServices, context: StartContext, { start, line }: Residence) {
    const own: { cell?: ResidentCell } = {};
    const crashPolicy = (error: unknown): "resume" => (own.cell === undefined ? "resume" : own.cell.#reportCrash(error, definition));
    super({ ...definition, crashPolicy }, services, context);
    own.cell = this;
    this.#line = line;
    this.life.generation = start.generation;
    if (start.supervised) this.life.guardian = this.#guardian();
  }

  /** From inside of the thread: whoever holds the mailbox has it worked off first. */
  override stop(): Promise<void> {
    this.#line.send({ kind: "stopWanted" });
    return new Promise((resolve) => this.watch(resolve));
  }

  /** In order. `closed`: nothing more begins here, and what runs is nobody's any more. */
  goDown(closed: boolean): Promise<void> {
    if (closed) {
      this.abandon({ code: "AGENT_STOPPED", message: "the agent restarted" }, false);
      this.release();
    }
    return this.life.stop();
  }

  // Its real one, in the other thread, hears what it is to decide on.
  #guardian(): Guardian {
    return {
      departed: (departure) => {
        if (departure.kind === "crashed") this.#line.send({ kind: "gaveUp", error: detailOf(departure.error) });
      },
    };
  }

  // Nothing more begins until it is decided what becomes of the agent.
  #reportCrash(error: unknown, definition: BlueprintDefinition): "resume" {
    const { services, name, life } = this;
    const decision = definition.crashPolicy === undefined ? undefined : decideCrash({ name, definition, life }, error, services);
    if (decision !== "resume") this.hold();
    this.#line.send({ kind: "crashed", decision, error: detailOf(error), stack: stackOf(error) });
    return "resume";
  }
}
