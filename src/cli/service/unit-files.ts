// The units of a user as files: written, read and removed in the user's own directory, and never one that somebody else wrote.

import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { detailOf } from "../../errors.ts";
import { systemFiles } from "../../files.ts";
import { CommandError, exitCodes, usageError } from "../exit-codes.ts";
import { marker } from "./units.ts";

export interface UnitFile {
  /** With its ending: `shop.service`. */
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const endings = [".service", ".socket"];
/** Where a unit of the same name would be hidden by the user's. */
const systemDirectories = ["/etc/systemd/user", "/run/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user"];

export function unitDirectory({ XDG_CONFIG_HOME: configured, HOME: home }: Environment): string {
  if (configured !== undefined && isAbsolute(configured)) return join(configured, "systemd/user");
  if (home !== undefined && isAbsolute(home)) return join(home, ".config/systemd/user");
  throw new CommandError(exitCodes.cannotStart, "there is no place for units: neither XDG_CONFIG_HOME nor HOME says where");
}

/** The units of this name that are ours. With `force` those of others too, which are an error otherwise. */
export function unitsNamed(name: string, directory: string, force: boolean): readonly UnitFile[] {
  const found: UnitFile[] = [];
  for (const ending of endings) {
    const path = join(directory, name + ending);
    const kind = systemFiles.lstat(path)?.kind;
    if (kind === undefined) continue;
    const text = kind === "file" ? (systemFiles.readText(path) ?? "") : "";
    if (!force && !text.startsWith(`${marker}\n`)) {
      throw usageError(`${path} was not written by acton, and is left alone: choose another --name, or insist with --force`);
    }
    found.push({ name: name + ending, path, text });
  }
  return found;
}

/** A user's unit takes the place of the system's unit of the same name, and nobody wants that by accident. */
export function refuseHiding(name: string): void {
  for (const directory of systemDirectories) {
    for (const ending of endings) {
      const path = join(directory, name + ending);
      if (systemFiles.lstat(path) !== undefined)
        throw usageError(`the system has ${path}, which this one would hide: choose another --name, or insist with --force`);
    }
  }
}

/** The names under which we have services in the directory. */
export function installedNames(directory: string): readonly string[] {
  if (systemFiles.lstat(directory) === undefined) return [];
  const services = readdirSync(directory).filter((file) => file.endsWith(".service"));
  const ours = services.filter((file) => {
    const path = join(directory, file);
    return systemFiles.lstat(path)?.kind === "file" && systemFiles.readText(path)?.startsWith(`${marker}\n`) === true;
  });
  return ours.map((file) => file.slice(0, -".service".length)).sort();
}

export function writeUnits(units: Readonly<Record<string, string>>, directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
    for (const [name, text] of Object.entries(units)) {
      const fresh = join(directory, `.${name}.new`);
      systemFiles.unlink(fresh);
      writeFileSync(fresh, text, { flag: "wx", mode: 0o644 });
      renameSync(fresh, join(directory, name));
    }
  } catch (thrown) {
    throw new CommandError(exitCodes.cannotStart, `cannot write the units: ${detailOf(thrown)}`, { cause: thrown });
  }
}

/** With the links that enable them. */
export function removeUnits(units: readonly UnitFile[], directory: string): void {
  for (const { name, path } of units) {
    const link = join(directory, name.endsWith(".socket") ? "sockets.target.wants" : "default.target.wants", name);
    if (systemFiles.lstat(link)?.kind === "link") systemFiles.unlink(link);
    systemFiles.unlink(path);
  }
}
