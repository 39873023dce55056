// The command line of a program that `acton build` has made: it serves its application, and talks to it. All that its own
// texts tell people to try is there.

import { product } from "../../product.ts";
import type { Tree } from "../command-line.ts";
import { programName } from "../program-name.ts";
import type { SocketPath } from "../socket-path.ts";
import type { ActonCommand } from "../tree/command.ts";
import { lookCommands } from "../tree/look-commands.ts";
import { addCommands, finishHelp, type Groups, rootCommand } from "../tree/root-command.ts";
import { talkCommands } from "../tree/talk-commands.ts";
import { addServing } from "../tree/serve-command.ts";
import type { BuiltProgram } from "./built-program.ts";

export function builtCommandLine(built: BuiltProgram): Tree {
  const { name, version } = built;
  const groups: Groups = {
    "Run it:": { serve: (program) => addServe(program, built) },
    "Talk to it:": { ...talkCommands, discover: lookCommands.discover, describe: lookCommands.describe },
    "Other commands:": { version: (program) => addVersion(program, built) },
  };
  // Without a flag they mean the socket of this application.
  const otherwise = async (): Promise<SocketPath> => (await import("./socket-path.ts")).builtSocketPath(built);
  return (printHelp, first) => {
    const program = rootCommand(programName, printHelp)
      .description(`${name} ${version}, an application of agents on a Unix socket`)
      .version(`${name} ${version}`, "--version")
      .hook("preAction", (_, command) => void command.setOptionValue("otherwise", otherwise))
      .example("acton serve", "runs it until Ctrl-C")
      .example("acton discover", "what it takes");
    addCommands(program, groups, first);
    return finishHelp(program);
  };
}

function addServe(program: ActonCommand, built: BuiltProgram): void {
  addServing(program, "executable")
    .description("run the application")
    .example("acton serve", "serves it on the configured socket")
    .example("acton serve --print-config", "shows every setting, and which file, variable or flag it comes from")
    .action(async (options) => (await import("./application.ts")).serveBuilt(built, options));
}

function addVersion(program: ActonCommand, { name, version }: BuiltProgram): void {
  program
    .command("version")
    .description("print the version")
    .option("--json", "print it as JSON, with the platform")
    .example("acton version", "for a report of a bug")
    .action(async (options) => (await import("../version.ts")).version({ name, version, acton: product.version }, options));
}
