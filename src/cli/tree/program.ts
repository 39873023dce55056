// The whole command line as one tree: what there is, with which arguments and options, and which function does it. The help,
// docs/cli.md and the completion are read from it. Nothing that a command needs is loaded before it is run.

import { product } from "../../product.ts";
import type { ActonCommand } from "./command.ts";
import { lookCommands } from "./look-commands.ts";
import { finishHelp, rootCommand } from "./root-command.ts";
import { runCommands } from "./run-commands.ts";
import { talkCommands } from "./talk-commands.ts";
import { toolCommands } from "./tool-commands.ts";

const groups: Readonly<Record<string, Readonly<Record<string, (program: ActonCommand) => void>>>> = {
  "Run agents:": runCommands,
  "Talk to agents:": talkCommands,
  "Look at a server:": lookCommands,
  "Other commands:": toolCommands,
};

/** When `first` is a command, the tree has only that: making the others would take a fifth of the time that a call may take. */
export function commandLine(printHelp: (text: string) => void, first?: string): ActonCommand {
  const only = Object.values(groups).some((commands) => first !== undefined && first !== "document" && Object.hasOwn(commands, first))
    ? first
    : undefined;
  const program = rootCommand(product.name, printHelp).description("A local agent runtime: agents, broker and Unix-socket IPC in one executable");
  // Of `acton build` the option is another.
  if (only !== "build") program.version(`${product.name} ${product.version}`, "--version");
  program.options.find(({ long }) => long === "--version")?.hideHelp();
  for (const [heading, commands] of Object.entries(groups)) {
    program.commandsGroup(heading);
    for (const [name, add] of Object.entries(commands)) if (only === undefined || name === only) add(program);
  }
  program.example("acton serve", "the demo services, to try things with").example("acton discover", "what they are");
  return finishHelp(program);
}
