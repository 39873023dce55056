// Runs one command line: reads the words by a tree of commands, runs one, and turns whatever it throws into one line on
// standard error and the documented exit status. The only catch of its kind.

import { CommanderError } from "commander";
import { ActonError, detailOf, failureText } from "../errors.ts";
import { CommandError, type ExitCode, exitCodeOf, exitCodes, usageError } from "./exit-codes.ts";
import { programName } from "./program-name.ts";
import { printError, printOut } from "./terminal.ts";
import type { ActonCommand } from "./tree/command.ts";

/** The commands there are. `printHelp` gets what --help asks for; `first` is the first word that is no option. */
export type Tree = (printHelp: (text: string) => void, first?: string) => ActonCommand;

export async function runCommandLine(written: readonly string[], tree: Tree): Promise<ExitCode> {
  // `acton help call` is what people try first.
  const words = written[0] === "help" ? [...written.slice(1), "--help"] : written;
  const help: string[] = [];
  const program = tree(
    (text) => help.push(text),
    words.find((word) => !word.startsWith("-")),
  );
  try {
    if (words[0] === completionWord) return await complete(words.slice(1), program);
    await program.parseAsync([...words], { from: "user" });
    return exitCodes.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) {
      await printOut(help.join(""));
      return exitCodes.ok;
    }
    const failure = thrown instanceof CommanderError ? usageFailure(thrown, program, words) : thrown;
    printError(`${programName}: ${lineOf(failure)}\n`);
    if (words.includes("--debug")) printError(`${Bun.inspect(thrown)}\n`);
    return exitCodeOf(failure);
  }
}

/** `acton complete -- WORD…`: what the completion scripts ask. Its words are no command line to be read as one. */
const completionWord = "complete";

async function complete(words: readonly string[], program: ActonCommand): Promise<ExitCode> {
  await (await import("./completion/complete.ts")).complete(words, program);
  return exitCodes.ok;
}

function usageFailure(error: CommanderError, program: ActonCommand, words: readonly string[]): CommandError {
  const first = words.find((word) => !word.startsWith("-"));
  const command = program.commands.find((known) => known.name() === first)?.name();
  const seeAlso = `See '${programName} ${command === undefined ? "" : `${command} `}--help'`;
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
