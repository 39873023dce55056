// The whole command line as one tree: what there is, with which arguments and options, and which function does it. The help,
// docs/cli.md and the completion are read from it. Nothing that a command needs is loaded before it is run.

import { product } from "../../product.ts";
import { wantsColour } from "../palette.ts";
import { stdoutIsTerminal } from "../terminal.ts";
import { ActonCommand } from "./command.ts";
import { lookCommands } from "./look-commands.ts";
import { runCommands } from "./run-commands.ts";
import { talkCommands } from "./talk-commands.ts";
import { toolCommands } from "./tool-commands.ts";

const groups: Readonly<Record<string, Readonly<Record<string, (program: ActonCommand) => void>>>> = {
  "Run agents:": runCommands,
  "Talk to agents:": talkCommands,
  "Look at a server:": lookCommands,
  "Other commands:": toolCommands,
};

/**
 * `printHelp` gets what --help asks for. Failures are thrown, and nothing is printed of them here. When `first`, the first word,
 * is a command, the tree has only that: making the others would take a fifth of the time that a call may take.
 */
export function commandLine(printHelp: (text: string) => void, first?: string): ActonCommand {
  const only = Object.values(groups).some((commands) => first !== undefined && first !== "document" && Object.hasOwn(commands, first))
    ? first
    : undefined;
  const program = new ActonCommand("acton");
  program
    .description("A local agent runtime: agents, broker and Unix-socket IPC in one executable")
    .version(`${product.name} ${product.version}`, "--version")
    .option("--debug", "show where an error comes from")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: printHelp,
      writeErr() {},
      outputError() {},
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
      getOutHasColors: () => wantsColour(stdoutIsTerminal(), process.env),
    })
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) => command.name(),
      styleTitle: (title) => `\x1b[1m${title}\x1b[0m`,
      styleCommandText: (text) => `\x1b[36m${text}\x1b[0m`,
    });
  program.options.find(({ long }) => long === "--version")?.hideHelp();
  for (const [heading, commands] of Object.entries(groups)) {
    program.commandsGroup(heading);
    for (const [name, add] of Object.entries(commands)) if (only === undefined || name === only) add(program);
  }
  program.example("acton serve", "the demo services, to try things with").example("acton discover", "what they are");
  for (const command of [program, ...program.subcommands]) command.addHelpText("after", () => textBelow(command));
  program.addHelpText("after", exitCodeHelp);
  return program;
}

const helpWidth = 100;

function textBelow(command: ActonCommand): string {
  const paragraphs = command.paragraphs.map((paragraph) => `\n${Bun.wrapAnsi(paragraph, helpWidth)}\n`);
  const examples = command.examples.map(({ line, says }) => `  ${line}\n      ${says}\n`);
  return `${paragraphs.join("")}${examples.length === 0 ? "" : `\nExamples:\n${examples.join("")}`}`.trimEnd();
}

const exitCodeHelp = `
Exit status:
  0 ok                    4 unknown message type     8 cannot start
  1 the agent's error     5 busy or rate limited     9 drain incomplete
  2 usage                 6 timeout
  3 agent not found       7 no connection
`;
