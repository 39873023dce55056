// What a worker thread runs: an agent system with one agent, made from the blueprint that the application's module has under
// its name. Everything that the agent needs from elsewhere goes through the port to the thread that started it.

import type { AnyBlueprint, BlueprintDefinition } from "../agent/definition.ts";
import type { StartContext } from "../agent/living.ts";
import type { AgentServices } from "../agent/services.ts";
import type { Clock } from "../clock.ts";
import { ActonError, assertNever, detailOf, stackOf } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Log } from "../log.ts";
import { systemRandom } from "../random.ts";
import { AgentSystem, type SystemSeams } from "../runtime/agent-system.ts";
import { TurnScheduler } from "../scheduler.ts";
import { BorrowedAgents } from "./borrowed-agents.ts";
import { IncomingCalls } from "./incoming-calls.ts";
import { Line } from "./line.ts";
import { Marks } from "./marks.ts";
import { OutgoingCalls } from "./outgoing-calls.ts";
import type { Order, Report, StartPacket } from "./packets.ts";
import { ResidentCell } from "./resident-cell.ts";
import type { ThreadPort } from "./thread.ts";
import { Uplink, uplinkLog } from "./uplink.ts";
import { UplinkBroker } from "./uplink-broker.ts";

/** An application, as far as threads need it. */
export interface WorkerApplication {
  readonly agents: readonly AnyBlueprint[];
}

export interface ProgramSeams {
  readonly port: ThreadPort<Report, Order>;
  readonly host: Pick<Host, "onFault" | "heapBytes">;
  readonly clock: Clock;
  /** Imports the module that has the application. Rejects with what is wrong with it. */
  load(module: string): Promise<WorkerApplication>;
}

/** Runs until the thread is ended. */
export function runWorker(seams: ProgramSeams): void {
  const { clock } = seams;
  const scheduler = new TurnScheduler(clock);
  const line = new Line<Report>(seams.port, clock, scheduler);
  let program: WorkerProgram | undefined;
  seams.port.listen((orders) => {
    for (const order of orders) {
      if (order.kind !== "start") program?.take(order);
      else {
        program = new WorkerProgram(order, seams, { clock, scheduler }, line);
        void program.start();
      }
    }
  });
}

class WorkerProgram {
  readonly #order: StartPacket;
  readonly #seams: ProgramSeams;
  readonly #line: Line<Report>;
  readonly #marks: Marks;
  readonly #uplink: Uplink;
  readonly #log: Log;
  readonly #system: AgentSystem;
  readonly #outgoing: OutgoingCalls;
  #broker: UplinkBroker | undefined;
  #tenant: Tenant | undefined;
  #children = 0;

  constructor(order: StartPacket, seams: ProgramSeams, time: Pick<SystemSeams, "clock" | "scheduler">, line: Line<Report>) {
    const { limits, validateLocal, marks, debugOn } = order;
    this.#order = order;
    this.#seams = seams;
    this.#line = line;
    this.#marks = new Marks(marks);
    this.#uplink = new Uplink(line);
    this.#log = uplinkLog(this.#uplink, debugOn);
    this.#outgoing = new OutgoingCalls(line, {
      lend: ({ id, name }) => ({ id, name }),
      hasBegun: () => false,
      changed() {},
      uncopied: ({ to }, { port, type }, error) => {
        this.#tenant?.borrowed.taken(to, 1);
        if (port === null) this.#log.warn("message lost: it cannot be copied to another thread", { agent: order.agent.name, type: type.name, error });
      },
    });
    this.#system = new AgentSystem(
      { ...time, random: systemRandom, log: this.#log },
      {
        limits,
        validateLocal,
        elsewhere: { cellFor: (definition, services, context) => this.#cellFor(definition, services, context) },
        broker: (services) => (this.#broker = new UplinkBroker(services, line, this.#uplink, order.agent.id)),
        agentNumbers: () => this.#nextNumber(),
      },
    );
  }

  async start(): Promise<void> {
    const { module, agent } = this.#order;
    this.#seams.host.onFault((thrown) => this.#log.error("uncaught error", { agent: agent.name, error: detailOf(thrown), stack: stackOf(thrown) }));
    try {
      const definition = blueprintIn(await this.#seams.load(module), this.#order);
      const afterStart = (argument: never): unknown => {
        this.#line.send({ kind: "up" });
        return definition.hooks.afterStart?.(argument);
      };
      await this.#system.start({ definition: { ...definition, hooks: { ...definition.hooks, afterStart } } }, { name: agent.name });
      this.#line.send({ kind: "started" });
    } catch (error) {
      this.#line.send({ kind: "startFailed", error: detailOf(error) });
    }
  }

  take(order: Exclude<Order, StartPacket>): void {
    switch (order.kind) {
      case "call":
        return this.#tenant?.incoming.called(order);
      case "cancel":
      case "credit":
        return this.#tenant?.incoming.told(order);
      case "reply":
      case "item":
      case "failed":
        return this.#outgoing.answered(order);
      case "dropped":
        return;
      case "taken":
        return this.#tenant?.borrowed.taken(order.to, order.calls);
      case "gone":
        return this.#tenant?.borrowed.gone(order.id);
      case "broadcast":
        return this.#broker?.arrived(order);
      case "heard":
        return this.#uplink.heard(order.notices);
      case "ping":
        return this.#marks.answer(order.count, this.#seams.host.heapBytes());
      case "resume":
        return this.#tenant?.cell.release();
      case "quiet":
        return void this.#tenant?.cell.quiet().then(() => this.#line.send({ kind: "quiet" }));
      case "drain":
        return this.#tenant?.cell.drain(() => this.#line.send({ kind: "drained" }));
      case "stop":
        return void this.#stop();
      default:
        return assertNever(order);
    }
  }

  // Only the agent that the thread was started for is marked as one that runs on a worker: others would need a further thread.
  #cellFor(definition: BlueprintDefinition, services: AgentServices, context: StartContext): ResidentCell {
    if (this.#tenant !== undefined)
      throw new ActonError(
        "START_FAILED",
        `the agent ${definition.name} is to run on a worker: only agents of the runtime's own thread can start it`,
      );
    const line = this.#line;
    const cell = new ResidentCell(definition, services, context, { start: this.#order, line });
    const borrowed = new BorrowedAgents(this.#outgoing, services);
    const incoming = new IncomingCalls(line, {
      askChains: services.askChains,
      agentOf: () => cell,
      senderOf: (name) => borrowed.refTo(name),
      hand: (to, envelope, settled) => settled(to.accept(envelope)),
      settled: ({ call }, failure) => {
        if (failure !== undefined) line.send({ kind: "dropped", call });
      },
      begins: ({ call, to }) => {
        line.hurry();
        const begins = this.#marks.begin(call);
        if (begins) line.send({ kind: "taken", to, calls: 1 });
        return begins;
      },
    });
    this.#tenant = { cell, borrowed, incoming };
    return cell;
  }

  async #stop(): Promise<void> {
    await this.#tenant?.cell.goDown(this.#marks.closed);
    this.#line.send({ kind: "stopped" });
  }

  // The agent has the id that it has elsewhere; its children's ids begin with that.
  #nextNumber(): string {
    const { id, name } = this.#order.agent;
    const number = id.slice(name.length + 1);
    return this.#children++ === 0 ? number : `${number}.${this.#children - 1}`;
  }
}

/** What there is once the agent is made. */
interface Tenant {
  readonly cell: ResidentCell;
  readonly borrowed: BorrowedAgents;
  readonly incoming: IncomingCalls;
}

/** Among the application's agents and their children. START_FAILED when it is not there, or not as the other thread knows it. */
function blueprintIn({ agents }: WorkerApplication, { blueprint, handles }: StartPacket): BlueprintDefinition {
  const waiting = [...agents];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { definition } = next;
    waiting.push(...definition.children.map((child) => child.blueprint));
    if (definition.name !== blueprint || definition.placement === undefined) continue;
    if ([...definition.handlers.keys()].join() === handles.join()) return definition;
    throw new ActonError("START_FAILED", `the application's module has another agent ${blueprint} now: it was changed since the start`);
  }
  throw new ActonError("START_FAILED", `the application has no agent ${blueprint} that runs on a worker, among its agents and their children`);
}
