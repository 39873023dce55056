// One life of an agent on its thread, as the runtime's thread sees it: what it was given, what it has begun, what it asks of
// agents here. A life ends for good; the next one has a thread of its own.

import type { HandlerEntry } from "../agent/definition.ts";
import { agentStopped } from "../agent/living.ts";
import type { AgentServices } from "../agent/services.ts";
import type { Broker } from "../broker/broker.ts";
import { assertNever, type Failure } from "../errors.ts";
import type { Envelope } from "../message/envelope.ts";
import { OutgoingCalls } from "./outgoing-calls.ts";
import { IncomingCalls } from "./incoming-calls.ts";
import { LentAgents } from "./lent-agents.ts";
import type { LifeOwner } from "./life-owner.ts";
import { Line } from "./line.ts";
import { Marks } from "./marks.ts";
import { Milestones } from "./milestones.ts";
import type { CallPacket, Order, Report } from "./packets.ts";
import { startPacket } from "./start-packet.ts";
import { StuckWatch, type ThreadLimits } from "./stuck-watch.ts";
import type { Thread } from "./thread.ts";
import { Topics } from "./topics.ts";
import { type Given, Window } from "./window.ts";

export class ThreadLife {
  readonly #owner: LifeOwner;
  readonly #services: AgentServices;
  readonly #thread: Thread;
  readonly #line: Line<Order>;
  readonly #outgoing: OutgoingCalls;
  readonly #incoming: IncomingCalls;
  readonly #lent: LentAgents;
  readonly #topics: Topics;
  readonly #marks = new Marks();
  readonly #window: Window;
  readonly #watch: StuckWatch;
  readonly #milestones = new Milestones();
  #stage: "starting" | "up" | "closed" | "ended" = "starting";

  constructor(owner: LifeOwner, broker: Broker, thread: Thread, limits: ThreadLimits) {
    const { services } = owner;
    this.#owner = owner;
    this.#services = services;
    this.#thread = thread;
    this.#window = new Window(this.#marks, services.limits.mailboxSize);
    const line = new Line<Order>(thread, services.clock, services.scheduler);
    this.#line = line;
    this.#lent = new LentAgents((id) => line.send({ kind: "gone", id }));
    this.#topics = new Topics(services, broker, owner.id, line);
    this.#outgoing = new OutgoingCalls(line, {
      lend: (sender) => this.#lent.lend(sender),
      uncopied: (packet, envelope, why) => this.#uncopied(packet, envelope, why),
      hasBegun: (call) => this.#marks.hasBegun(call),
      changed: () => thread.keepAlive(this.#outgoing.length > 0),
    });
    this.#incoming = new IncomingCalls(line, {
      askChains: services.askChains,
      agentOf: (id) => this.#lent.find(id),
      senderOf: ({ id }) => (id === owner.id ? owner.handle : undefined),
      hand: (to, envelope, settled) => to.post(envelope, settled),
      settled: (packet, failure) => this.#settled(packet, failure),
      begins: () => true,
    });
    const ping = (count: number): void => line.send({ kind: "ping", count });
    this.#watch = new StuckWatch(services.clock, this.#marks, limits, ping, (why) => this.#lost(why));
    thread.listen((reports) => this.#hear(reports));
    thread.onEnd((error) => this.#lost(error ?? "its thread ended"));
  }

  /** Resolves when the agent is up. Rejects with START_FAILED. */
  begin(module: string, validateLocal: boolean): Promise<void> {
    this.#line.send(startPacket(this.#owner, { module, validateLocal, marks: this.#marks.memory }));
    return this.#milestones.up.promise;
  }

  /** Settles when `afterStart` has. */
  get started(): Promise<void> {
    return this.#milestones.started.promise;
  }

  get hasRoom(): boolean {
    return this.#stage === "up" && !this.#window.isFull;
  }

  /** Not one message, so far. */
  get hasBegunNone(): boolean {
    return this.#marks.begun === 0;
  }

  get hasBegunAll(): boolean {
    return this.#window.length === 0;
  }

  /** Messages that it was given and has not finished, as far as is known. */
  get load(): number {
    return Math.max(this.#outgoing.length, this.#window.length);
  }

  get isRunning(): boolean {
    return this.#stage === "up";
  }

  deliver(entry: HandlerEntry, envelope: Envelope): void {
    this.#services.counters.handled += 1;
    this.#window.add({ call: this.#outgoing.send(envelope, this.#owner.id), entry, envelope });
  }

  resume(): void {
    this.#line.send({ kind: "resume" });
  }

  /** Nothing begins any more. What has begun fails; returns what has not, in order. */
  close(failure: Failure): readonly Given[] {
    if (this.#stage === "closed" || this.#stage === "ended") return [];
    this.#stage = "closed";
    // So that it is known what of it had to move.
    this.#line.run();
    const unbegun = this.#window.close();
    for (const { call } of unbegun) this.#outgoing.takeBack(call);
    this.#outgoing.end(failure, "yes");
    return unbegun;
  }

  /** Has its owner told once nothing runs there any more. */
  drain(): void {
    this.#line.send({ kind: "drain" });
  }

  /** Resolves when no handler runs there but streams, of what has been given to it; or when it has ended. */
  quiet(): Promise<void> {
    if (this.#stage !== "up") return Promise.resolve();
    this.#line.send({ kind: "quiet" });
    return this.#milestones.whenQuiet();
  }

  /** Lets the agent there go down in order, its hooks included. Resolves when it has. */
  async stop(): Promise<void> {
    if (this.#stage === "ended") return;
    this.#line.send({ kind: "stop" });
    await this.#milestones.stopped.promise;
  }

  /** Ends the thread now. What has begun, and not been told otherwise, fails. */
  end(why = "its thread was ended"): void {
    if (this.#stage === "ended") return;
    this.close(agentStopped);
    this.#stage = "ended";
    this.#thread.terminate();
    this.#watch.end();
    this.#line.close();
    this.#incoming.end();
    this.#lent.end();
    this.#topics.end();
    this.#milestones.end(why);
  }

  // Whoever asked there has the error; what was only sent is lost.
  #settled({ to, type, answer }: CallPacket, failure: Failure | undefined): void {
    this.#line.send({ kind: "taken", to, calls: 1 });
    if (failure !== undefined && answer === "none") this.#services.log.warn("message of a worker lost", { agent: to, type, error: failure.message });
  }

  // Whoever asked has the error; what was only sent is lost.
  #uncopied({ call }: CallPacket, envelope: Envelope, why: string): void {
    this.#window.drop(call);
    if (envelope.port === null) {
      this.#services.deadLetter(envelope, this.#owner.name, why);
      this.#services.log.warn("message lost: it cannot be copied to another thread", {
        agent: this.#owner.name,
        type: envelope.type.name,
        error: why,
      });
    }
    this.#owner.progressed();
  }

  #hear(reports: readonly Report[]): void {
    let notices = 0;
    for (const report of reports) {
      if (this.#stage === "ended") return;
      if (report.kind === "broadcast" || report.kind === "log") notices += 1;
      this.#take(report);
    }
    if (notices > 0) this.#line.send({ kind: "heard", notices });
    if (this.#stage === "up") this.#owner.progressed();
  }

  #take(report: Report): void {
    switch (report.kind) {
      case "reply":
      case "item":
      case "failed":
        return this.#outgoing.answered(report);
      case "taken":
        return;
      case "dropped":
        this.#window.drop(report.call);
        return;
      case "call":
        return this.#incoming.called(report);
      case "cancel":
      case "credit":
        return this.#incoming.told(report);
      case "up":
        this.#stage = "up";
        this.#watch.begin();
        return this.#milestones.up.resolve();
      case "started":
        return this.#milestones.started.resolve();
      case "startFailed":
        return this.#milestones.failStart(report.error);
      case "crashed":
        return this.#owner.crashedThere(report);
      case "gaveUp":
        return this.#owner.gaveUpThere(report.error);
      case "stopWanted":
        void this.#owner.stop();
        return;
      case "quiet":
        return this.#milestones.isQuiet();
      case "drained":
        return this.#owner.drainedThere();
      case "stopped":
        this.#milestones.stopped.resolve();
        if (this.#stage === "up" && this.#owner.life.standing.status === "running") this.#lost("it stopped in its thread");
        return;
      case "log":
        return this.#services.log[report.level](report.message, report.fields);
      case "subscribe":
        return this.#topics.subscribe(report.type);
      case "unsubscribe":
        return this.#topics.unsubscribe(report.type);
      case "heard":
        return this.#topics.heard(report.notices);
      case "broadcast":
        return this.#topics.broadcast(report);
      default:
        return assertNever(report);
    }
  }

  #lost(why: string): void {
    if (this.#stage === "ended") return;
    this.#milestones.failStart(why);
    const wasUp = this.#stage !== "starting";
    if (wasUp) this.#owner.lost(why);
    this.end();
    this.#owner.progressed();
  }
}
