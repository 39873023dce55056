// `acton describe NAME`: an agent or a message type, field by field, with an example and a command line to try.

import { detailOf, printable } from "../errors.ts";
import type { Client } from "../ipc/client/client.ts";
import type { DiscoveredType, Discovery } from "../ipc/client/discovery.ts";
import { commandFor, handlersOf, publishedTypes, socketWords } from "./discovered.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { type ClientOptions, openClient } from "./open-client.ts";
import { paintedJson, type Palette, paletteFor } from "./palette.ts";
import { programName } from "./program-name.ts";
import { didYouMean } from "./request.ts";
import { SchemaView } from "./schema-view.ts";
import { tableText } from "./table.ts";
import { jsonText, printOut, stdoutIsTerminal } from "./terminal.ts";
import { waiting } from "./waiting.ts";

export interface DescribeOptions extends ClientOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly json?: boolean | undefined;
}

export async function describe(name: string, options: DescribeOptions): Promise<void> {
  const client = await openClient(options);
  const found = await look(client, name, options);
  client.close();
  if (options.json === true || !stdoutIsTerminal()) return printOut(found.map((each) => `${jsonText(each.record(), false)}\n`).join(""));
  await printOut(found.map((each) => each.text(paletteFor(true))).join("\n"));
}

interface Description {
  record(): Record<string, unknown>;
  text(palette: Palette): string;
}

// A name may be an agent's and a type's: then both are meant.
async function look(client: Client, name: string, options: DescribeOptions): Promise<readonly Description[]> {
  const discovery = await waiting("waiting for the server", client.discover({ timeoutMs: options.timeout }));
  const socket = socketWords(options);
  const agent = discovery.agents.find((each) => each.name === name);
  const type = Object.hasOwn(discovery.schemas, name) ? discovery.schemas[name] : undefined;
  const found: Description[] = [];
  if (agent !== undefined) found.push(new AgentDescription(agent.name, agent.handles, { discovery, socket }));
  if (type !== undefined) found.push(new TypeDescription(name, type, { discovery, socket, agent: undefined }));
  if (found.length > 0) return found;
  const names = [...discovery.agents.map((each) => each.name), ...discovery.messageTypes];
  const hint = didYouMean(name, names, "") || `; ${programName} discover lists them`;
  throw new CommandError(exitCodes.agentNotFound, `no agent and no message type is called ${JSON.stringify(name)}${hint}`);
}

interface Around {
  readonly discovery: Discovery;
  readonly socket: readonly string[];
}

class AgentDescription implements Description {
  readonly #name: string;
  readonly #types: readonly TypeDescription[];

  constructor(name: string, handles: readonly string[], around: Around) {
    this.#name = name;
    this.#types = handles.flatMap((handled) => {
      const type = around.discovery.schemas[handled];
      return type === undefined ? [] : [new TypeDescription(handled, type, { ...around, agent: name })];
    });
  }

  record(): Record<string, unknown> {
    return { agent: this.#name, messages: this.#types.map((type) => type.record()) };
  }

  text(palette: Palette): string {
    const { bold, dim } = palette;
    const head = `${bold(printable(this.#name))} ${dim("agent")}\n`;
    if (this.#types.length === 0) return `${head}\nTakes no messages: it works by itself.\n`;
    return `${head}\n${this.#types.map((type) => type.text(palette)).join("\n")}`;
  }
}

class TypeDescription implements Description {
  readonly #name: string;
  readonly #type: DiscoveredType;
  readonly #around: Around & { readonly agent: string | undefined };

  constructor(name: string, type: DiscoveredType, around: Around & { readonly agent: string | undefined }) {
    this.#name = name;
    this.#type = type;
    this.#around = around;
  }

  record(): Record<string, unknown> {
    const { kind, schema, replies, example } = this.#type;
    const answer = this.#answer;
    return {
      message_type: this.#name,
      kind,
      handled_by: handlersOf(this.#name, this.#around.discovery),
      schema,
      ...(replies === undefined ? {} : { replies }),
      ...(answer === undefined ? {} : { reply_schema: answer.schema }),
      example,
      ...(this.#command === undefined ? {} : { command: this.#command }),
    };
  }

  text(palette: Palette): string {
    const { bold, cyan, dim, green } = palette;
    const { kind, replies, schema, example } = this.#type;
    const handlers = handlersOf(this.#name, this.#around.discovery);
    const by = this.#around.agent !== undefined || handlers.length === 0 ? "" : dim(`, taken by ${handlers.map(printable).join(", ")}`);
    const answer = this.#answer;
    return [
      `${cyan(printable(this.#name))} ${dim(kind)}${by}\n`,
      fieldsText(schema, { presence: taken, palette }),
      replies === undefined ? "" : `${dim(kind === "stream" ? "  each item" : "  answer")} ${green(printable(replies))}\n`,
      answer === undefined ? "" : fieldsText(answer.schema, { presence: answered, palette }),
      `${dim("  example")} ${paintedJson(jsonText(example, false), palette)}\n`,
      this.#command === undefined ? "" : `${dim("  try")}     ${bold(this.#command)}\n`,
    ].join("");
  }

  get #answer(): DiscoveredType | undefined {
    return this.#around.discovery.schemas[this.#type.replies ?? ""];
  }

  // A type that is only ever an answer can be neither sent nor subscribed to.
  get #command(): string | undefined {
    const { discovery, socket, agent = handlersOf(this.#name, discovery)[0] } = this.#around;
    if (agent === undefined && !publishedTypes(discovery).includes(this.#name)) return undefined;
    return commandFor(this.#name, this.#type, agent, socket);
  }
}

/** What is said of a field that must be there, and of one that need not. */
interface Look {
  readonly presence: readonly [always: string, perhaps: string];
  readonly palette: Palette;
}

const taken = ["required", "optional"] as const;
const answered = ["", "may be missing"] as const;

function fieldsText(schema: Readonly<Record<string, unknown>>, look: Look): string {
  const view = SchemaView.of(schema);
  const rows = fieldRows(view, [], look);
  return rows.length === 0 ? look.palette.dim(`    ${view.kinds.includes("object") ? "no fields" : view.words}\n`) : tableText(rows);
}

const depthMax = 3;

/** A row for each field, and below it those of the object that it holds: a type may hold itself, so only so deep. */
function fieldRows(view: SchemaView, above: readonly string[], look: Look): readonly (readonly string[])[] {
  const { presence } = look;
  const { dim, yellow } = look.palette;
  return view.fields.flatMap(({ name, view: field, required }) => {
    const path = [...above, name];
    const standard = field.default === undefined ? presence[1] : `default ${jsonText(field.default, false)}`;
    const about = dim(detailOf([field.limits, field.description].filter(Boolean).join("; ")));
    const row = [`    ${printable(path.join("."))}`, yellow(field.label), dim(required ? presence[0] : standard), about];
    return [row, ...(path.length === depthMax ? [] : fieldRows(field, path, look))];
  });
}
