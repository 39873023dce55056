// The agent system: agents, their broker, and what they share. Knows nothing of sockets.

import { Activity } from "../agent/activity.ts";
import { AskChains } from "../agent/ask-chains.ts";
import type { Blueprint } from "../agent/blueprint.ts";
import type { AnyBlueprint, BlueprintDefinition, StartOptions } from "../agent/definition.ts";
import type { AgentHandle } from "../agent/handle.ts";
import type { LagMonitor } from "../agent/lag-monitor.ts";
import type { BroadcastTarget, Living, Startable, StartContext } from "../agent/living.ts";
import type { AgentCounters, AgentServices, FaultInjection } from "../agent/services.ts";
import { startAgent } from "../agent/start-agent.ts";
import { Broker, type BrokerServices } from "../broker/broker.ts";
import { after, type Clock } from "../clock.ts";
import type { RuntimeConfig } from "../config.ts";
import { ActonError, type Failure } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Envelope } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";
import type { Publisher } from "../message/publisher.ts";
import { logSchemaFault } from "../message/schema-fault.ts";
import type { Random } from "../random.ts";
import type { Scheduler } from "../scheduler.ts";
import { Supervisor } from "../supervision/supervisor.ts";
import { DeadLetter } from "./dead-letter.ts";

export interface SystemSeams {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly log: Log;
}

export interface SystemOptions {
  readonly limits: RuntimeConfig;
  /** Checks local payloads against their types too: for tests. */
  readonly validateLocal: boolean;
  /** Called whenever an agent begins to supervise another. */
  readonly onSupervision?: () => void;
  readonly faults?: FaultInjection | undefined;
  readonly lag?: LagMonitor | undefined;
  /** Where agents run that do not run on this thread. Undefined: there is no other. */
  readonly elsewhere?: Elsewhere | undefined;
  /** Instead of one of its own, in a thread whose broker is another's. */
  readonly broker?: ((services: BrokerServices) => Broker) | undefined;
  /** Makes the numbers for agents' ids. */
  readonly agentNumbers?: (() => number | string) | undefined;
}

/** Makes the agents of another thread. */
export interface Elsewhere {
  cellFor(definition: BlueprintDefinition, services: AgentServices, context: StartContext): Startable;
}

export class AgentSystem {
  readonly broker: Broker;
  readonly askChains: AskChains;
  readonly counters: AgentCounters & { deadLetters: number } = {
    handled: 0,
    crashed: 0,
    stoppedByForce: 0,
    surplusReplies: 0,
    lateReplies: 0,
    deadLetters: 0,
  };
  readonly #services: AgentServices;
  readonly #agents = new Set<AgentHandle>();
  #agentNumber = 0;
  #closed = false;

  constructor(seams: SystemSeams, options: SystemOptions) {
    const { faults, lag, limits, validateLocal, onSupervision = () => {}, elsewhere, broker = (given) => new Broker(given) } = options;
    const activity = new Activity();
    this.broker = broker({ ...seams, limits, activity });
    this.askChains = new AskChains(seams.random, activity);
    this.#services = {
      ...seams,
      limits,
      faults,
      lag,
      activity,
      askChains: this.askChains,
      counters: this.counters,
      subscribe: (type: MessageType, target: BroadcastTarget) => this.broker.subscribeAgent(type, target),
      publisherFor: (agentName: string) => this.#publisherFor(agentName),
      deadLetter: (envelope: Envelope, agentName: string, reason: string) => this.#deadLetter(envelope, agentName, reason),
      startAgent: (blueprint: AnyBlueprint, context: StartContext) => startAgent(blueprint, this.#services, context),
      orphaned: (handle: AgentHandle) => this.#own(handle),
      supervisionBegins: onSupervision,
      householdOf: (parent: Living) => new Supervisor(parent, this.#services),
      nextAgentNumber: options.agentNumbers ?? (() => (this.#agentNumber += 1)),
      cellElsewhere: (definition: BlueprintDefinition, context: StartContext) => {
        if (elsewhere !== undefined) return elsewhere.cellFor(definition, this.#services, context);
        throw new ActonError("START_FAILED", `the agent ${definition.name} runs on a worker, and this runtime has none`);
      },
      checkLocal: validateLocal ? (type, payload) => checkLocal(type, payload, seams.log) : () => undefined,
    };
  }

  start<Model, Handled extends MessageType>(blueprint: Blueprint<Model, Handled>, options?: StartOptions): Promise<AgentHandle<Handled>>;
  start(blueprint: AnyBlueprint, options?: StartOptions): Promise<AgentHandle<MessageType>>;
  async start(blueprint: AnyBlueprint, options?: StartOptions): Promise<AgentHandle<MessageType>> {
    const closed = (): ActonError =>
      new ActonError("SHUTTING_DOWN", `cannot start the agent ${blueprint.definition.name}: the runtime is shutting down`);
    if (this.#closed) throw closed();
    const { handle, afterStart } = await startAgent(blueprint, this.#services, options);
    if (this.#closed) {
      await handle.stop();
      throw closed();
    }
    this.#own(handle);
    await afterStart;
    return handle;
  }

  /** Stops every agent, the last started first, as long as none takes too long. False when one had to be forced. */
  async stopAll(): Promise<boolean> {
    this.#closed = true;
    const { clock, limits } = this.#services;
    const forcedBefore = this.counters.stoppedByForce;
    const late = Promise.withResolvers<void>();
    const timer = after(clock, limits.stopTimeoutMs, late.resolve);
    // Who stops may leave children behind that it supervised.
    while (this.#agents.size > 0) {
      const stopping: Array<Promise<void>> = [];
      for (const handle of [...this.#agents].reverse()) {
        const stopped = handle.stop();
        stopping.push(stopped);
        await Promise.race([stopped, late.promise]);
      }
      await Promise.all(stopping);
    }
    clock.disarm(timer);
    return this.counters.stoppedByForce === forcedBefore;
  }

  #own(handle: AgentHandle): void {
    this.#agents.add(handle);
    handle.watch(() => this.#agents.delete(handle));
  }

  #publisherFor(agentName: string): Publisher {
    return { broadcast: (type, payload) => this.broker.broadcastFrom(agentName, type, payload) };
  }

  // A dead letter about a dead letter would never end.
  #deadLetter(envelope: Envelope, agentName: string, reason: string): void {
    if (envelope.type === DeadLetter) return;
    this.counters.deadLetters += 1;
    this.broker.broadcast(DeadLetter, { agent: agentName, type: envelope.type.name, payload: envelope.payload, reason });
  }
}

function checkLocal(type: MessageType, payload: unknown, log: Log): Failure | undefined {
  const result = type.validate(payload);
  if (result.ok) return undefined;
  logSchemaFault(log, type, result);
  return { code: "SERIALIZATION_ERROR", message: `${type.name}: ${result.problem}` };
}
