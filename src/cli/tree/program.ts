// The whole command line as one tree: what there is, with which arguments and options, and which function does it. The help,
// docs/cli.md and the completion are read from it. Nothing that a command needs is loaded before it is run.

import { wantsColour } from "../palette.ts";
import { stdoutIsTerminal } from "../terminal.ts";
import { ActonCommand } from "./command.ts";
import { addLookCommands } from "./look-commands.ts";
import { addRunCommands } from "./run-commands.ts";
import { addTalkCommands } from "./talk-commands.ts";
import { addToolCommands } from "./tool-commands.ts";

/** `printHelp` gets what --help asks for. Failures are thrown, and nothing is printed of them here. */
export function commandLine(printHelp: (text: string) => void): ActonCommand {
  const program = new ActonCommand("acton");
  program
    .description("A local agent runtime: agents, broker and Unix-socket IPC in one executable")
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
      styleTitle: (title) => `\x1b[1m${title}\x1b[0m`,
      styleCommandText: (text) => `\x1b[36m${text}\x1b[0m`,
    });
  program.commandsGroup("Run agents:");
  addRunCommands(program);
  program.commandsGroup("Talk to agents:");
  addTalkCommands(program);
  program.commandsGroup("Look at a server:");
  addLookCommands(program);
  program.commandsGroup("Other commands:");
  addToolCommands(program);
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
