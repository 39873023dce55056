// docs/cli.md, written from the tree of commands: `acton document > docs/cli.md`. A test holds the file to it.

import type { Argument, Option } from "commander";
import { errorKinds, isErrorCode } from "../errors.ts";
import { exitCodeOfError, exitCodes } from "./exit-codes.ts";
import { jsonText, printOut } from "./terminal.ts";
import { type ActonCommand, payloadHelp } from "./tree/command.ts";

export async function printDocument(program: ActonCommand): Promise<void> {
  await printOut(documentOf(program));
}

function documentOf(program: ActonCommand): string {
  const commands = program.subcommands.filter((command) => program.createHelp().visibleCommands(program).includes(command));
  return (
    [
      "# The command line",
      "<!-- Written by `dist/acton document > docs/cli.md`. Change src/cli/tree instead. -->",
      [
        "One executable, `acton`, that serves agents, talks to them and looks at them. `acton COMMAND --help` says the same as",
        "this page. Results go to standard output, everything else to standard error. People on a terminal get tables and",
        "colour; a pipe gets JSON, one value a line. `NO_COLOR` turns colours off, `FORCE_COLOR` on.",
      ].join(" "),
      table(
        ["Command", "Does"],
        commands.map((command) => [`[\`acton ${command.name()}\`](#acton-${command.name()})`, sentence(command.description())]),
      ),
      ...commands.map(sectionOf),
      payloads,
      everywhere,
      whichSocket,
      exitStatus(),
    ].join("\n\n") + "\n"
  );
}

function sectionOf(command: ActonCommand): string {
  const own = command.options.filter(({ long }) => !["--socket", "--app", "--server-uid"].includes(long ?? ""));
  const hasSocket = own.length < command.options.length;
  const paragraphs = command.paragraphs.filter((paragraph) => paragraph !== payloadHelp);
  const notes = [
    ...(paragraphs.length < command.paragraphs.length ? ["What a payload looks like: [payloads](#payloads)."] : []),
    ...(hasSocket ? ["Which socket is meant: [which socket](#which-socket)."] : []),
  ];
  const examples = command.examples.map(({ line, says }) => `# ${sentence(says).replace(/\.$/, "")}\n${line}`);
  return [
    `## acton ${command.name()}`,
    `\`\`\`text\nacton ${command.name()} ${command.usage()}\n\`\`\``,
    sentence(command.description()),
    ...(command.registeredArguments.length === 0 ? [] : [table(["Argument", "Is"], command.registeredArguments.map(argumentRow))]),
    ...(own.length === 0 ? [] : [table(["Option", "Meaning"], own.map(optionRow))]),
    ...paragraphs.map(marked),
    ...(notes.length === 0 ? [] : [notes.join(" ")]),
    ...(examples.length === 0 ? [] : [`\`\`\`text\n${examples.join("\n\n")}\n\`\`\``]),
  ].join("\n\n");
}

function argumentRow(argument: Argument): readonly string[] {
  const name = argument.variadic ? `${argument.name()}…` : argument.name();
  const standard = typeof argument.defaultValue === "string" ? ` Default: \`${argument.defaultValue}\`.` : "";
  return [`\`${argument.required ? name : `[${name}]`}\``, marked(`${argument.description}${standard === "" ? "" : "."}${standard}`)];
}

function optionRow(option: Option): readonly string[] {
  const value: unknown = option.defaultValue;
  const standard = value === undefined ? "" : ` Default: \`${jsonText(value, false).replaceAll('"', "")}\`.`;
  const choices = option.argChoices === undefined ? "" : ` One of ${option.argChoices.map((choice) => `\`${choice}\``).join(", ")}.`;
  return [`\`${option.flags}\``, `${sentence(option.description)}${choices}${standard}`];
}

const payloads = `## Payloads

${table(
  ["Written", "Means"],
  [
    [
      "`a=5 name=Ada`",
      "Fields. What a value is, the message's schema says, which the server is asked for: a number where it says number, a text where it says text.",
    ],
    ["`address.city=Rome`", "A field of an object in the payload."],
    ['`tag=a tag=b`, `\'tag=["a","b"]\'`', "A list."],
    ["`'{\"a\":5}'`", "The whole payload as JSON, sent as it is."],
    ["`@file.json`", "The JSON in the file."],
    ["`-`", "The JSON on standard input."],
    ["nothing", "`{}`"],
  ],
)}

A field that the schema does not have, a value that cannot be what it says, and a field that is missing are said before anything
is sent, with status 2. A server that does not tell its schemas gets each value as what it says in JSON, or else as a text.`;

const everywhere = `## Everywhere

${table(
  ["Option", "Meaning"],
  [
    ["`-h, --help`", "Explains the command; so does `acton help COMMAND`."],
    ["`--debug`", "Shows where an error comes from."],
  ],
)}`;

const whichSocket = `## Which socket

${table(
  ["Option", "Meaning"],
  [
    ["`--socket <path>`", "The path of the socket."],
    [
      "`--app <name>`",
      "The socket of the application of that name: `$XDG_RUNTIME_DIR/acton/NAME/ipc.sock`, or `/tmp/acton/NAME/ipc.sock` without that variable.",
    ],
    ["`--server-uid <uid>`", "Trusts a server of this user too. Not for `serve`."],
  ],
)}

With neither it is the configured [\`socket_path\`](configuration.md), which is \`/tmp/acton.sock\` unless something else is said.
A command talks only to a server that runs as the same user, as root, or as the user of \`--server-uid\`; to any other nothing is
sent.`;

const meanings: Readonly<Record<keyof typeof exitCodes, readonly [meaning: string, more: string]>> = {
  ok: ["It worked", ""],
  agentError: ["The agent answered with an error", ""],
  usage: ["The command was used wrongly", "an unknown option, a missing argument or field, a payload that cannot be read"],
  agentNotFound: ["Agent not found", ""],
  unknownMessageType: ["Unknown message type", ""],
  busy: ["Busy, try again", ""],
  timeout: ["Timeout", ""],
  noConnection: ["No connection", ""],
  cannotStart: ["Cannot start", "a module that cannot be loaded"],
  drainIncomplete: ["Stopped before all was answered", "`drain_timeout_ms` ran out"],
};

function exitStatus(): string {
  const rows = Object.entries(exitCodes).map(([name, status]) => {
    const [meaning, more] = meanings[name as keyof typeof exitCodes];
    const variants = Object.keys(errorKinds).filter((code) => isErrorCode(code) && exitCodeOfError[code] === status);
    const errors = variants.map((code) => (isErrorCode(code) ? `\`${errorKinds[code].variant}\`` : ""));
    return [String(status), meaning, [...errors, more].filter(Boolean).join(", ")];
  });
  const head = "## Exit status\n\nAn error is one line that begins with `acton: `. Scripts may rely on these numbers.";
  return `${head}\n\n${table(["Status", "Meaning", "Comes from"], rows)}`;
}

// As the formatter of this repository writes tables.
function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [heading, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = heading.map((_, column) => Math.max(3, ...cells.map((row) => Bun.stringWidth(row[column] ?? ""))));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - Bun.stringWidth(cell))).join(" | ")} |`;
  const [head = [], ...body] = cells;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body.map(line)].join("\n");
}

function sentence(text: string): string {
  const whole = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?)]$/.test(whole) ? whole.replace(/\)$/, ").") : `${whole}.`;
}

/** What would be read as emphasis stands for itself. */
function marked(paragraph: string): string {
  return paragraph.replaceAll("*", "\\*");
}
