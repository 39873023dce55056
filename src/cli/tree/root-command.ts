// What every command line of ours has at its root, acton's own and those of programs that it builds: how help and failures
// leave it, the option --debug, and the texts below the help.

import { wantsColour } from "../palette.ts";
import { stdoutIsTerminal } from "../terminal.ts";
import { ActonCommand } from "./command.ts";

/** `printHelp` gets what --help asks for. Failures are thrown, and nothing is printed of them here. */
export function rootCommand(name: string, printHelp: (text: string) => void): ActonCommand {
  return new ActonCommand(name)
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
}

/** By the heading under which they stand in the help, and then by their name, what adds a command. */
export type Groups = Readonly<Record<string, Readonly<Record<string, (program: ActonCommand) => void>>>>;

/** When `first` is a command, the tree has only that: making the others would take a fifth of the time that a call may take. */
export function addCommands(program: ActonCommand, groups: Groups, first?: string): void {
  program.options.find(({ long }) => long === "--version")?.hideHelp();
  const only = Object.values(groups).some((commands) => first !== undefined && Object.hasOwn(commands, first)) ? first : undefined;
  for (const [heading, commands] of Object.entries(groups)) {
    program.commandsGroup(heading);
    for (const [name, add] of Object.entries(commands)) if (only === undefined || name === only) add(program);
  }
}

/** To be called when all commands are there. */
export function finishHelp(program: ActonCommand): ActonCommand {
  for (const command of [program, ...program.subcommands]) command.addHelpText("after", () => textBelow(command, program.name()));
  return program.addHelpText("after", exitCodeHelp);
}

const helpWidth = 100;

// Texts say acton; a built program is called otherwise.
function textBelow(command: ActonCommand, name: string): string {
  const own = (text: string): string => text.replaceAll(/\bacton (?=[a-z])/g, `${name} `);
  const paragraphs = command.paragraphs.map((paragraph) => `\n${Bun.wrapAnsi(own(paragraph), helpWidth)}\n`);
  const examples = command.examples.map(({ line, says }) => `  ${own(line)}\n      ${says}\n`);
  return `${paragraphs.join("")}${examples.length === 0 ? "" : `\nExamples:\n${examples.join("")}`}`.trimEnd();
}

const exitCodeHelp = `
Exit status:
  0 ok                    4 unknown message type     8 cannot start
  1 the agent's error     5 busy or rate limited     9 drain incomplete
  2 usage                 6 timeout
  3 agent not found       7 no connection
`;
