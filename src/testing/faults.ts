// Faults for a runtime under test: messages get lost, late, doubled or overtaken on their way to an agent, and handlers
// crash or hang. Given to `ActonApp.launch`; a message meets the faults as it comes into a mailbox, and no more than one.

import type { Mailbox } from "../agent/mailbox.ts";
import type { AgentServices, FaultInjection } from "../agent/services.ts";
import { ActonError } from "../errors.ts";
import { type Fault, type FaultEffect, type FaultMatch, FaultRule } from "./fault-rule.ts";
import { FaultyMailbox } from "./faulty-mailbox.ts";

/** Each method puts a fault in force for what matches, until it ends. Of several, the one that was put first strikes. */
export class Faults implements FaultInjection {
  readonly #rules: FaultRule[] = [];

  /** The message is lost: its sender hears nothing of it, whoever asks hears nothing until their deadline. */
  drop(match: FaultMatch): Fault {
    return this.#put(match, { kind: "drop" });
  }

  /** The message comes in so many milliseconds later, by the runtime's clock. Others may overtake it. */
  delay(match: FaultMatch, delayMs: number): Fault {
    return this.#put(match, { kind: "delay", ms: delayMs });
  }

  /** The message comes in twice. What is asked twice is answered once, by the first. */
  duplicate(match: FaultMatch): Fault {
    return this.#put(match, { kind: "duplicate" });
  }

  /** The message waits until another one has come into the same mailbox, and then follows it. */
  reorder(match: FaultMatch): Fault {
    return this.#put(match, { kind: "reorder" });
  }

  /** The message's handler throws the error instead of running. */
  crash(match: FaultMatch, error: unknown = new ActonError("HANDLER_FAILED", "crashed by a fault")): Fault {
    return this.#put(match, { kind: "crash", error });
  }

  /** The message's handler hangs until the fault ends, and runs then, unless its asker has gone or its agent was stopped. */
  stall(match: FaultMatch): Fault {
    return this.#put(match, { kind: "stall" });
  }

  /** For the runtime. */
  mailboxFor(owner: { readonly name: string; readonly id: string }, services: AgentServices, wake: () => void): Mailbox {
    return new FaultyMailbox(this.#rules, owner, services, wake);
  }

  #put(match: FaultMatch, effect: FaultEffect): Fault {
    const rule = new FaultRule(match, effect, () => {
      const place = this.#rules.indexOf(rule);
      if (place >= 0) this.#rules.splice(place, 1);
    });
    this.#rules.push(rule);
    return rule;
  }
}
