// Which agents of an application another version of its code leaves as they are. Only what stands in place, as the argument
// of a blueprint's method, is an agent's own: nothing else can call it. Whatever changes elsewhere may concern every agent.

import type { AnyBlueprint } from "../../agent/definition.ts";
import type { Application } from "../../application.ts";

export interface Version {
  readonly application: Pick<Application, "agents">;
  /** The text that its functions are cut from. */
  readonly code: string;
}

/** The names of the application's agents whose own code differs; undefined when anything else does. */
export function changedAgents(before: Version, after: Version): ReadonlySet<string> | undefined {
  if (sharedCode(before) !== sharedCode(after)) return undefined;
  const old = new Map(before.application.agents.map((blueprint) => [blueprint.definition.name, ownCode(blueprint).join("\n")]));
  const changed = after.application.agents.filter((blueprint) => old.get(blueprint.definition.name) !== ownCode(blueprint).join("\n"));
  return new Set(changed.map(({ definition }) => definition.name));
}

function sharedCode({ application, code }: Version): string {
  let shared = code;
  for (const text of application.agents.flatMap(ownCode).sort((one, other) => other.length - one.length)) {
    const at = shared.indexOf(text);
    // Twice there, it may be somebody else's as well.
    if (at < 0 || shared.includes(text, at + 1) || !inPlace.test(shared.slice(0, at))) continue;
    shared = `${shared.slice(0, at)}\0${shared.slice(at + text.length)}`;
  }
  return shared;
}

const inPlace =
  /(?:\.(?:mutateOn|actOn)\([\w$.]+, |\.(?:beforeStart|afterStart|beforeStop|afterStop|carryOver|onCrash)\(|\bagent[\d$]*\("(?:[^"\\\n]|\\.)*", )$/;

/** The source of each function of the agent and of its blueprint's children. */
function ownCode({ definition }: AnyBlueprint): readonly string[] {
  const { model, carryOver, handlers, hooks, crashPolicy, children } = definition;
  const own = [model, carryOver, ...[...handlers.values()].map(({ handler }) => handler), ...Object.values(hooks), crashPolicy];
  const texts = own.filter((each) => typeof each === "function").map(String);
  return [...texts, ...children.flatMap(({ blueprint }) => ownCode(blueprint))];
}
