// The commands around the others: policy, completions and version; and the one that writes their document.

import { Argument } from "commander";
import { ruleOperations } from "../../policy-rules.ts";
import { product } from "../../product.ts";
import { type ActonCommand, idNumber } from "./command.ts";

export const toolCommands = { policy: addPolicy, completions: addCompletions, version: addVersion, document: addDocument };

function addPolicy(program: ActonCommand): void {
  program
    .command("policy")
    .description("say whether a user may do something, and which rule of the policy decides it")
    .addArgument(new Argument("<action>", "what to do with the policy").choices(["test"]))
    .addArgument(new Argument("<operation>", "what the user wants to do").choices(ruleOperations))
    .argument("[words...]", "agent and type, type, pattern or agent, as the operation has them; then perhaps an application module")
    .requiredOption("--uid <uid>", "the user, by number", idNumber)
    .option("--gid <gid>", "a group of theirs, the first one first; again for each further one (default: as in /etc/group)", ids)
    .option("--config <file>", "configuration file (default: the one that acton serve would take)")
    .json()
    .explain(
      "It reads the configuration as acton serve would, and with a module asks its policy too; nothing is served. It names the",
      "rule that decides by file and line. The status is 0 when it is allowed, 1 when it is denied.",
    )
    .example("acton policy test --uid 1000 request calculator AddRequest", "may user 1000 send this request?")
    .example("acton policy test --uid 1000 --gid 100 pattern 'Price*' shop/app.ts", "and subscribe to these, where shop/app.ts is served?")
    .example("acton policy test --uid 65534 discover --config /etc/acton/acton.toml", "what would nobody be told?")
    .action(async (_action, operation, words, options) => (await import("../policy-test.ts")).policyTest(operation, words, options));
}

function ids(text: string, before: readonly number[] | undefined): readonly number[] {
  return [...(before ?? []), idNumber(text)];
}

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
    .action(async (options) => (await import("../version.ts")).version(product, options));
}

function addDocument(program: ActonCommand): void {
  program
    .command("document", { hidden: true })
    .description("print docs/cli.md")
    .action(async () => (await import("../document.ts")).printDocument(program));
}
