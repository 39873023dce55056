// The module of `acton serve --watch`: bundled and loaded whenever a file of it changes, and handed to the application that
// runs. What is wrong with it is one line in the log, and the code before goes on.

import { resolve } from "node:path";
import type { Application } from "../../application.ts";
import type { Clock } from "../../clock.ts";
import { systemFiles } from "../../files.ts";
import type { Log } from "../../log.ts";
import type { RunningApplication } from "../../running-application.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { moduleFailure } from "../module-failure.ts";
import { checkPresent, importDefault, registerVirtualModules } from "../module-loader.ts";
import { applicationIn } from "../serving.ts";
import { openTemporaryDirectory } from "../own-directory.ts";
import { type Bundle, Bundler } from "./bundler.ts";
import { changedAgents } from "./changed-agents.ts";
import { missingImport } from "./missing-import.ts";
import { SourceWatch } from "./source-watch.ts";

interface Loaded extends Bundle {
  readonly application: Application;
}

export class WatchedModule implements AsyncDisposable {
  readonly path: string;
  readonly #directory = openTemporaryDirectory("acton-watch-");
  readonly #bundler: Bundler;
  #current: Loaded | undefined;
  #watch: SourceWatch | undefined;
  #building: Promise<unknown> | undefined;
  /** What is wrong with the newest code, for which the old one goes on. */
  #problem: string | undefined;
  #busy = false;
  #again = false;

  constructor(module: string) {
    this.path = resolve(module);
    this.#bundler = new Bundler(this.path, this.#directory.path);
  }

  /** Loads it for the first time. Rejects with one line about what is wrong with it. */
  async load(): Promise<Application> {
    checkPresent(this.path);
    registerVirtualModules();
    try {
      this.#current = await this.#loaded(await this.#bundle());
    } catch (thrown) {
      throw new CommandError(exitCodes.cannotStart, this.#problemOf(thrown), { cause: thrown });
    }
    return this.#current.application;
  }

  /** The bundle that is served. */
  get file(): string | undefined {
    return this.#current?.file;
  }

  /** From now on each change goes to the application that was started from it. */
  follow(running: RunningApplication, { clock, log }: { readonly clock: Clock; readonly log: Log }): void {
    this.#watch = new SourceWatch(systemFiles, clock, () => void this.#changed(running, log));
    log.info("watching", { module: this.path, files: this.#bundler.inputs.size });
    // Tells soon, for what has changed since it was loaded.
    this.#follow(log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#again = false;
    // A bundle that is being written would make its directory anew.
    await this.#building;
    this.#directory[Symbol.dispose]();
  }

  async #changed(running: RunningApplication, log: Log): Promise<void> {
    this.#again = this.#watch !== undefined;
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#again) {
        this.#again = false;
        await this.#reload(running, log);
        this.#follow(log);
      }
    } finally {
      this.#busy = false;
    }
  }

  async #reload(running: RunningApplication, log: Log): Promise<void> {
    let fresh: Bundle | undefined;
    try {
      fresh = await this.#bundle();
      this.#follow(log);
      const old = this.#current;
      if (old === undefined) return;
      if (fresh.code === old.code) {
        this.#bundler.discard(fresh);
        if (this.#problem !== undefined) log.info("reloaded", { agents: "none" });
        this.#problem = undefined;
        return;
      }
      const loaded = await this.#loaded(fresh);
      const changed = changedAgents(old, loaded);
      await running.reload({ application: loaded.application, module: loaded.file }, changed);
      this.#current = loaded;
      this.#bundler.discard(old);
      this.#problem = undefined;
      log.info("reloaded", { agents: changed === undefined ? "all" : [...changed].join(", ") });
    } catch (thrown) {
      if (fresh !== undefined) this.#bundler.discard(fresh);
      const problem = this.#problemOf(thrown);
      if (problem !== this.#problem) log.error("not reloaded, the old code goes on", { error: problem });
      this.#problem = problem;
    }
  }

  #follow(log: Log): void {
    try {
      this.#watch?.follow(this.#bundler.inputs, this.#problem !== undefined);
    } catch (thrown) {
      log.error("cannot watch", { module: this.path, error: String(thrown) });
    }
  }

  #problemOf(thrown: unknown): string {
    return missingImport(thrown, this.#bundler.inputs) ?? moduleFailure(this.path, thrown).message;
  }

  #bundle(): Promise<Bundle> {
    const bundle = this.#bundler.build();
    this.#building = bundle.catch(() => {});
    return bundle;
  }

  async #loaded(bundle: Bundle): Promise<Loaded> {
    return { ...bundle, application: applicationIn(await importDefault(bundle.file), this.path) };
  }
}
