// The commands around the others: completions and version; and the one that writes their document.

import { Argument } from "commander";
import type { ActonCommand } from "./command.ts";

export const toolCommands = { completions: addCompletions, version: addVersion, document: addDocument };

function addCompletions(program: ActonCommand): void {
  program
    .command("completions")
    .description("print the completion of commands, agents, types and keys for a shell")
    .addArgument(new Argument("<shell>", "bash, zsh or fish").choices(["bash", "zsh", "fish"]))
    .explain(
      "Names are asked for where the command line points: the server on that socket has 150 ms to answer, and when it does",
      "not, they are just not completed.",
    )
    .example("source <(acton completions bash)", "for this shell; in ~/.bashrc, for each")
    .example('acton completions zsh > "${fpath[1]}/_acton"', "for zsh")
    .example("acton completions fish > ~/.config/fish/completions/acton.fish", "for fish")
    .action(async (shell) => (await import("../completion/scripts.ts")).completions(shell));
}

function addVersion(program: ActonCommand): void {
  program
    .command("version")
    .description("print the version")
    .option("--json", "print it as JSON, with the platform")
    .example("acton version", "for a report of a bug")
    .action(async (options) => (await import("../version.ts")).version(options));
}

function addDocument(program: ActonCommand): void {
  program
    .command("document", { hidden: true })
    .description("print docs/cli.md")
    .action(async () => (await import("../document.ts")).printDocument(program));
}
