// An application module's description: what `acton serve` runs. Plain data; running it is the business of others.

import type { AnyBlueprint } from "./agent/definition.ts";
import type { ActonApp } from "./app.ts";
import type { AppConfigInput } from "./config.ts";
import type { Policy } from "./ipc/server/policy.ts";
import type { MessageType } from "./message/message-type.ts";

export interface ApplicationDefinition {
  readonly name?: string;
  readonly version?: string;
  /** Started in this order and exposed under their names. */
  readonly agents?: readonly AnyBlueprint[];
  /** Types that clients may subscribe to beside those that the agents handle and answer with. */
  readonly publishes?: readonly MessageType[];
  /** The lowest layer of configuration above the defaults. */
  readonly config?: AppConfigInput;
  readonly policy?: Policy | undefined;
  /**
   * Runs when the agents have started and before anyone can connect. When it fails nothing is served. It may return a function
   * that undoes what it did: when the application is reloaded, that is called and the new `setup` runs; else it does not.
   */
  readonly setup?: ((runtime: ActonApp) => unknown) | undefined;
}

export class Application {
  readonly name: string;
  readonly version: string;
  readonly agents: readonly AnyBlueprint[];
  readonly publishes: readonly MessageType[];
  readonly config: AppConfigInput;
  readonly policy: Policy | undefined;
  readonly setup: ((runtime: ActonApp) => unknown) | undefined;

  constructor(definition: ApplicationDefinition) {
    this.name = definition.name ?? "application";
    this.version = definition.version ?? "0.0.0";
    this.agents = definition.agents ?? [];
    this.publishes = definition.publishes ?? [];
    this.config = definition.config ?? {};
    this.policy = definition.policy;
    this.setup = definition.setup;
  }
}
