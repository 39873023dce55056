// The command line's entry: reads the arguments, runs one command, and turns whatever it throws into one line on
// standard error and the documented exit status. The only catch of its kind. Commands are loaded when they are run.

import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { ActonError, detailOf, failureText } from "../errors.ts";
import { logLevels } from "../log-line.ts";
import { CommandError, type ExitCode, exitCodeOf, exitCodes, usageError } from "./exit-codes.ts";
import { printError, printOut } from "./terminal.ts";

async function main(words: readonly string[]): Promise<ExitCode> {
  const help: string[] = [];
  const program = commandLine((text) => help.push(text));
  try {
    await program.parseAsync([...words], { from: "user" });
    return exitCodes.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) {
      await printOut(help.join(""));
      return exitCodes.ok;
    }
    const failure = thrown instanceof CommanderError ? usageFailure(thrown, program, words) : thrown;
    printError(`acton: ${lineOf(failure)}\n`);
    if (words.includes("--debug")) printError(`${Bun.inspect(thrown)}\n`);
    return exitCodeOf(failure);
  }
}

function commandLine(printHelp: (text: string) => void): Command {
  const program = new Command("acton")
    .description("A local agent runtime: agents, broker and Unix-socket IPC in one executable")
    .option("--debug", "show where an error comes from")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: printHelp,
      writeErr() {},
      outputError() {},
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => false,
    })
    .configureHelp({ showGlobalOptions: true });

  addServe(program);
  addCall(program);
  program
    .command("version")
    .description("print the version")
    .option("--json", "print it as JSON, with the platform")
    .action(async (options) => (await import("./version.ts")).version(options));
  program.addHelpText("after", exitCodeHelp);
  return program;
}

function addServe(program: Command): void {
  withSocket(program.command("serve"))
    .description("run an application module, or the demo services when none is given")
    .argument("[module]", "a TypeScript or JavaScript module whose default export is app({ … })")
    .option("--config <file>", "configuration file (default: acton.toml beside the module, in $XDG_CONFIG_HOME/acton, in /etc/acton)")
    .option("--print-config", "print every effective value and where it comes from, and exit")
    .addOption(new Option("--log-level <level>", "least severe lines to log").choices(logLevels))
    .action(async (module, options) => (await import("./serve.ts")).serve(module, options));
}

function addCall(program: Command): void {
  withSocket(program.command("call"))
    .description("send one request to an agent and print its reply")
    .argument("<agent>", "name under which the agent is exposed")
    .argument("<type>", "message type")
    .argument("[payload...]", "key=value pairs, one JSON text, @file, or - for standard input")
    .option("--timeout <ms>", "give up after this many milliseconds", milliseconds, 30_000)
    .option("--msgpack", "speak MessagePack instead of JSON")
    .option("--json", "print compact JSON on a terminal too")
    .addHelpText("after", "\nExample:\n  acton call calculator AddRequest a=5 b=3\n")
    .action(async (agent, type, payload, options) => (await import("./call.ts")).call(agent, type, payload, options));
}

function withSocket(command: Command): Command {
  return command
    .option("--socket <path>", "path of the socket (default: as configured, /tmp/acton.sock)")
    .option("--app <name>", "the socket of the application of this name");
}

function milliseconds(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2 ** 31 - 1) throw new InvalidArgumentError("It must be a whole number of milliseconds.");
  return Number(text);
}

const exitCodeHelp = `
Exit status:
  0 ok                    4 unknown message type     8 cannot start
  1 the agent's error     5 busy or rate limited     9 drain incomplete
  2 usage                 6 timeout
  3 agent not found       7 no connection
`;

function usageFailure(error: CommanderError, program: Command, words: readonly string[]): CommandError {
  const command = program.commands.find((known) => words.includes(known.name()))?.name();
  const seeAlso = `See 'acton ${command === undefined ? "" : `${command} `}--help'`;
  const text = error.message
    .replace(/^error: /, "")
    .replace(/\s*\n?\(Did you mean (one of )?([^)]+?)\?\)/, (_, _one, names: string) => `, did you mean ${names}?`)
    .replace(/\s+/g, " ")
    .replace(/\.$/, "");
  if (text === "(outputHelp)") return usageError(`which command? ${seeAlso}`);
  return usageError(`${text}${text.endsWith("?") ? "" : "."} ${seeAlso}`);
}

// One line, whatever it holds. What an agent or its server answered keeps its variant, which scripts look for.
function lineOf(thrown: unknown): string {
  if (thrown instanceof CommandError) return singleLine(thrown.message);
  if (thrown instanceof ActonError) return singleLine(exitCodeOf(thrown) >= exitCodes.noConnection ? thrown.message : failureText(thrown));
  return `unexpected failure: ${detailOf(thrown)} (--debug shows where)`;
}

function singleLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ");
}

process.exit(await main(Bun.argv.slice(2)));
