// What the server offers, as `discover`, `describe` and completion show it: each message of each agent once, and how to send it.

import type { DiscoveredType, Discovery } from "../ipc/client/discovery.ts";
import { isRecord } from "../record.ts";
import { programName } from "./program-name.ts";
import { SchemaView } from "./schema-view.ts";
import { jsonText } from "./terminal.ts";
import { pairsOf, shellWord } from "./typed-payload.ts";

/** Types that are broadcast: pushes that are nobody's answer. */
export function publishedTypes({ agents, schemas }: Discovery): readonly string[] {
  const answers = new Set(Object.values(schemas).map(({ replies }) => replies));
  const handled = new Set(agents.flatMap(({ handles }) => handles));
  return Object.entries(schemas).flatMap(([name, { kind }]) => (kind === "push" && !answers.has(name) && !handled.has(name) ? [name] : []));
}

export function handlersOf(type: string, { agents }: Discovery): readonly string[] {
  return agents.filter(({ handles }) => handles.includes(type)).map(({ name }) => name);
}

const verbs = { request: "call", stream: "stream", push: "send" } as const;

/** A command line that does something with the type, ready to be tried. `agent` handles it; without one it is subscribed to. */
export function commandFor(name: string, type: DiscoveredType, agent: string | undefined, socket: readonly string[]): string {
  if (agent === undefined) return [`${programName} subscribe`, shellWord(name), ...socket].join(" ");
  const payload = payloadWords(type);
  return [`${programName} ${verbs[type.kind] ?? "call"}`, shellWord(agent), shellWord(name), ...(payload === "" ? [] : [payload]), ...socket].join(
    " ",
  );
}

/** The flags that lead to the same socket again. */
export function socketWords({ socket, app }: { readonly socket?: string | undefined; readonly app?: string | undefined }): readonly string[] {
  if (socket !== undefined) return [`--socket ${shellWord(socket)}`];
  return app === undefined ? [] : [`--app ${shellWord(app)}`];
}

// What may be left out is, if the rest is then the plainer.
function payloadWords({ example, schema }: DiscoveredType): string {
  if (!isRecord(example)) return shellWord(jsonText(example, false));
  const required = SchemaView.of(schema).fields.filter((field) => field.required);
  const least = Object.fromEntries(required.flatMap(({ name }) => (Object.hasOwn(example, name) ? [[name, example[name]]] : [])));
  return pairsOf(least) ?? shellWord(jsonText(least, false));
}
