// A command as this command line has them: with a text that explains it and examples to try, which its help and docs/cli.md
// both show, and with the options that several commands share.

import { Command, InvalidArgumentError, Option } from "commander";

export interface Example {
  readonly line: string;
  readonly says: string;
}

export class ActonCommand extends Command {
  readonly paragraphs: string[] = [];
  readonly examples: Example[] = [];

  override createCommand(name?: string): ActonCommand {
    return new ActonCommand(name);
  }

  /** The commands, as what they are here. */
  get subcommands(): readonly ActonCommand[] {
    return this.commands.filter((command) => command instanceof ActonCommand);
  }

  /** A paragraph below the options, in as many pieces as its lines here are. */
  explain(...pieces: readonly string[]): this {
    this.paragraphs.push(pieces.join(" "));
    return this;
  }

  /** The last thing in the help: a line to try, and what it does. */
  example(line: string, says: string): this {
    this.examples.push({ line, says });
    return this;
  }

  socket(): this {
    return this.option("--socket <path>", "path of the socket (default: as configured, /tmp/acton.sock)").option(
      "--app <name>",
      "the socket of the application of this name",
    );
  }

  /** The socket of a server to talk to. */
  server(): this {
    return this.socket().option("--server-uid <uid>", "trust a server of this user too, beside one's own and root's", idNumber);
  }

  msgpack(): this {
    return this.option("--msgpack", "speak MessagePack instead of JSON");
  }

  json(what = "print JSON on a terminal too, as in a pipe"): this {
    return this.option("--json", what);
  }

  timeout(what: string, defaultMs?: number): this {
    return this.option("--timeout <ms>", what, milliseconds, defaultMs);
  }

  count(what: string, otherwise?: number): this {
    return this.option("--count <n>", what, wholeNumber, otherwise);
  }

  interval(what: string): this {
    return this.addOption(new Option("--interval <ms>", what).argParser(milliseconds).default(1000));
  }
}

export function milliseconds(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2 ** 31 - 1) throw new InvalidArgumentError("It must be a whole number of milliseconds.");
  return Number(text);
}

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}

/** The number of a user or a group. */
export function idNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2 ** 32 - 2) throw new InvalidArgumentError("It must be the number of a user or a group.");
  return Number(text);
}

/** Explained with each command that takes one; in docs/cli.md once. */
export const payloadHelp = [
  "A payload is key=value pairs, one JSON text, @FILE, or - for standard input; nothing is {}. What a value means, the",
  "message's schema decides, which the server is asked for: a=5 is a number where it says number, name=5 a text where it",
  "says text. address.city=Rome fills an object in an object; a list is JSON, or the same key again: tag=a tag=b. Without",
  "a schema a value is what it says in JSON, or else a text.",
].join(" ");
