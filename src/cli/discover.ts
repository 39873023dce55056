// `acton discover`: the agents, what each takes and answers, and what is published.

import { printable } from "../errors.ts";
import type { Discovery } from "../ipc/client/discovery.ts";
import { publishedTypes } from "./discovered.ts";
import { type ClientOptions, openClient } from "./open-client.ts";
import { paletteFor } from "./palette.ts";
import { programName } from "./program-name.ts";
import { tableText } from "./table.ts";
import { jsonText, printOut, stdoutIsTerminal } from "./terminal.ts";
import { shellWord } from "./typed-payload.ts";
import { waiting } from "./waiting.ts";

export interface DiscoverOptions extends ClientOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly json?: boolean | undefined;
}

export async function discover(options: DiscoverOptions): Promise<void> {
  const client = await openClient(options);
  const discovery = await waiting("waiting for the server", client.discover({ timeoutMs: options.timeout }));
  client.close();
  await printOut(options.json === true || !stdoutIsTerminal() ? `${jsonText(discoveryRecord(discovery), false)}\n` : discoveryTable(discovery));
}

/** The answer for programs: names as on the wire. */
function discoveryRecord({ protocolVersion, product, application, agents, schemas }: Discovery): Record<string, unknown> {
  return {
    product,
    application,
    protocol_version: protocolVersion,
    agents: agents.map(({ name, ern, handles }) => ({ name, ern, handles })),
    message_types: schemas,
  };
}

function discoveryTable(discovery: Discovery): string {
  const { product, application, agents, schemas } = discovery;
  const { bold, cyan, dim, green } = paletteFor(true);
  const row = (agent: string, name: string): readonly string[] => {
    const type = schemas[name];
    return [bold(agent), cyan(printable(name)), type?.kind ?? "", type?.replies === undefined ? "" : green(printable(type.replies))];
  };
  const rows = agents.flatMap(({ name, handles }) =>
    handles.length === 0 ? [[bold(printable(name)), dim("–"), "", ""]] : handles.map((type, index) => row(index === 0 ? printable(name) : "", type)),
  );
  const published = publishedTypes(discovery).map((name, index) => row(index === 0 ? "(published)" : "", name));
  const heading = ["AGENT", "MESSAGE", "KIND", "ANSWER"].map(dim);
  const example = agents.find(({ handles }) => handles.length > 0)?.name;
  return [
    `${bold(printable(application.name))} ${printable(application.version)}, served by ${printable(product.name)} ${printable(product.version)}\n\n`,
    tableText([heading, ...rows, ...published]),
    example === undefined ? "" : dim(`\n${programName} describe ${shellWord(example)} shows the fields, and a call to try\n`),
  ].join("");
}
