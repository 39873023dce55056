// The whole command line as one tree: what there is, with which arguments and options, and which function does it. The help,
// docs/cli.md and the completion are read from it. Nothing that a command needs is loaded before it is run.

import { product } from "../../product.ts";
import type { ActonCommand } from "./command.ts";
import { lookCommands } from "./look-commands.ts";
import { addCommands, finishHelp, type Groups, rootCommand } from "./root-command.ts";
import { runCommands } from "./run-commands.ts";
import { talkCommands } from "./talk-commands.ts";
import { toolCommands } from "./tool-commands.ts";

const groups: Groups = {
  "Run agents:": runCommands,
  "Talk to agents:": talkCommands,
  "Look at a server:": lookCommands,
  "Other commands:": toolCommands,
};

export function commandLine(printHelp: (text: string) => void, first?: string): ActonCommand {
  const program = rootCommand(product.name, printHelp)
    .description("A local agent runtime: agents, broker and Unix-socket IPC in one executable")
    .example("acton serve", "the demo services, to try things with")
    .example("acton discover", "what they are");
  // Of `acton build` the option is another.
  if (first !== "build") program.version(`${product.name} ${product.version}`, "--version");
  // The document is of all commands.
  addCommands(program, groups, first === "document" ? undefined : first);
  return finishHelp(program);
}
