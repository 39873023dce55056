// `acton complete -- WORD…`: what the last word may become. Commands and options come from the tree of commands; agents, types
// and keys from the server that the words point at, if it answers soon. Whatever fails, fails in silence.

import { after, SystemClock } from "../../clock.ts";
import type { Discovery } from "../../ipc/client/discovery.ts";
import { handlersOf, publishedTypes } from "../discovered.ts";
import { openClient } from "../open-client.ts";
import { SchemaView } from "../schema-view.ts";
import { printOut } from "../terminal.ts";
import type { ActonCommand } from "../tree/command.ts";

export interface Candidate {
  readonly value: string;
  readonly says: string;
}

/** `keys` are completed without a space after them; `files` leaves it to the shell. */
type Answer = { readonly kind: "names" | "keys"; readonly candidates: readonly Candidate[] } | { readonly kind: "files" };

export async function complete(words: readonly string[], program: ActonCommand): Promise<void> {
  const typed = words[0] === "--" ? words.slice(1) : words;
  const answer = await answerTo(typed, program).catch((): Answer => ({ kind: "names", candidates: [] }));
  if (answer.kind === "files") return printOut("files\n");
  const current = typed.at(-1) ?? "";
  const fitting = answer.candidates.filter(({ value }) => value.startsWith(current) && isPlain(value));
  await printOut([answer.kind, ...fitting.map(({ value, says }) => (says === "" ? value : `${value}\t${oneLine(says)}`)), ""].join("\n"));
}

async function answerTo(words: readonly string[], program: ActonCommand): Promise<Answer> {
  const current = words.at(-1) ?? "";
  const command = commandOf(words, program);
  if (command === undefined) return names(current.startsWith("-") ? optionsOf(program) : commandsOf(program));
  const line = readLine(words.slice(words.indexOf(command.name()) + 1), command);
  if (line.option === "--push") return names(typesOf(publishedTypes(await discovered(line)), "broadcast"));
  if (line.option !== undefined) return valuesOf(line.option, command);
  if (current.startsWith("-")) return names([...optionsOf(command), ...optionsOf(program)]);
  return argumentsFor(command, line);
}

function commandOf(words: readonly string[], program: ActonCommand): ActonCommand | undefined {
  const at = words.slice(0, -1).findIndex((word) => !word.startsWith("-"));
  return at < 0 ? undefined : program.subcommands.find((command) => command.name() === words[at]);
}

interface Line {
  /** Arguments before the word that is completed. */
  readonly positional: readonly string[];
  readonly current: string;
  /** The option whose value the current word is. */
  readonly option: string | undefined;
  readonly flags: Readonly<Record<string, string>>;
}

function readLine(words: readonly string[], command: ActonCommand): Line {
  const positional: string[] = [];
  const flags: Record<string, string> = {};
  let option: string | undefined;
  for (const word of words.slice(0, -1)) {
    if (option !== undefined) {
      flags[option] = word;
      option = undefined;
    } else if (/^--[\w-]+=/.test(word)) {
      flags[word.slice(0, word.indexOf("="))] = word.slice(word.indexOf("=") + 1);
    } else if (word.startsWith("--")) {
      const takesValue = command.options.find(({ long }) => long === word)?.required;
      if (takesValue === true) option = word;
    } else {
      positional.push(word);
    }
  }
  return { positional, current: words.at(-1) ?? "", option, flags };
}

function valuesOf(option: string, command: ActonCommand): Answer {
  const choices = command.options.find(({ long }) => long === option)?.argChoices;
  if (choices !== undefined) return names(choices.map((value) => ({ value, says: "" })));
  return option === "--socket" || option === "--config" ? { kind: "files" } : names([]);
}

async function argumentsFor(command: ActonCommand, line: Line): Promise<Answer> {
  const { positional, current } = line;
  const choices = command.registeredArguments[positional.length]?.argChoices;
  if (choices !== undefined) return names(choices.map((value) => ({ value, says: "" })));
  switch (command.name()) {
    case "serve":
    case "new":
    case "test":
      return { kind: "files" };
    case "call":
    case "send":
    case "stream":
    case "bench":
      if (current.startsWith("@")) return { kind: "files" };
      return messageWords(command.name(), positional, current, await discovered(line));
    case "subscribe":
      return names(typesOf(publishedTypes(await discovered(line)), "broadcast"));
    case "policy":
      return policyWords(positional.slice(1), () => discovered(line));
    case "describe":
      return describable(await discovered(line));
    default:
      return names([]);
  }
}

function messageWords(verb: string, positional: readonly string[], current: string, discovery: Discovery): Answer {
  const [agent, type] = positional;
  if (agent === undefined) {
    const agents = discovery.agents.filter(({ handles }) => handles.length > 0);
    return names(agents.map(({ name, handles }) => ({ value: name, says: handles.join(", ") })));
  }
  if (type === undefined) {
    const handled = discovery.agents.find(({ name }) => name === agent)?.handles ?? [];
    const wanted = verb === "stream" ? "stream" : verb === "call" ? "request" : undefined;
    const fitting = handled.filter((name) => wanted === undefined || discovery.schemas[name]?.kind === wanted);
    return names((fitting.length > 0 ? fitting : handled).map((value) => ({ value, says: discovery.schemas[value]?.replies ?? "" })));
  }
  return keys(SchemaView.of(discovery.schemas[type]?.schema ?? { properties: {} }), positional.slice(2), current);
}

async function policyWords([operation = "", ...given]: readonly string[], ask: () => Promise<Discovery>): Promise<Answer> {
  const [agent] = given;
  const takes = { request: 2, watch: 1, subscribe: 1, pattern: 1, push: 1 }[operation] ?? 0;
  if (given.length >= takes) return { kind: "files" };
  const discovery = await ask();
  if (operation !== "request" && operation !== "watch") return names(typesOf(publishedTypes(discovery), "broadcast"));
  if (agent === undefined) return names(discovery.agents.map(({ name }) => ({ value: name, says: "agent" })));
  return names(typesOf(discovery.agents.find(({ name }) => name === agent)?.handles ?? [], "message"));
}

// After `key=` the values, where there are only some; before it the keys that are not there yet.
function keys(view: SchemaView, given: readonly string[], current: string): Answer {
  const [, path = "", value] = /^([^=]*)=(.*)$/s.exec(current) ?? [];
  if (value !== undefined) {
    const field = view.field(path)?.view;
    const choices = field?.choices ?? (field?.kinds.join() === "boolean" ? [true, false] : []);
    return names(choices.map((choice) => ({ value: `${path}=${String(choice)}`, says: "" })));
  }
  const used = given.map((word) => word.split("=")[0]);
  const unused = view.fields.filter(({ name }) => !used.includes(name));
  return {
    kind: "keys",
    candidates: unused.map(({ name, view: field, required }) => ({ value: `${name}=`, says: `${field.label}${required ? "" : ", optional"}` })),
  };
}

function describable(discovery: Discovery): Answer {
  return names([...discovery.agents.map(({ name }) => ({ value: name, says: "agent" })), ...typesOf(discovery.messageTypes, "message", discovery)]);
}

function typesOf(types: readonly string[], otherwise: string, discovery?: Discovery): readonly Candidate[] {
  return types.map((value) => ({ value, says: (discovery === undefined ? "" : handlersOf(value, discovery).join(", ")) || otherwise }));
}

const answerMs = 150;

async function discovered({ flags }: Line): Promise<Discovery> {
  const clock = new SystemClock();
  const tooLate = new Promise<never>((_, reject) => after(clock, answerMs, () => reject(new RangeError("too late"))));
  const asked = async (): Promise<Discovery> => {
    const client = await openClient({ socket: flags["--socket"], app: flags["--app"] });
    return client.discover({ timeoutMs: answerMs });
  };
  return Promise.race([asked(), tooLate]);
}

function names(candidates: readonly Candidate[]): Answer {
  return { kind: "names", candidates };
}

function commandsOf(program: ActonCommand): readonly Candidate[] {
  const visible = program.createHelp().visibleCommands(program);
  return visible.map((command) => ({ value: command.name(), says: command.description() }));
}

function optionsOf(command: ActonCommand): readonly Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, description }) => (long === undefined || long === null ? [] : [{ value: long, says: description }]));
}

// A name with anything in it that a shell could take for more than a name is not offered.
function isPlain(value: string): boolean {
  return /^(?:--)?\w[\w.:/@=+-]{0,127}$/.test(value);
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ").slice(0, 80);
}
