// `acton service install|uninstall|status`: an application as a service of the user's systemd.

import { isAbsolute, parse, resolve } from "node:path";
import type { Check } from "../doctor-files.ts";
import { CommandError, exitCodes, usageError } from "../exit-codes.ts";
import { configured } from "../serve.ts";
import type { ServeOptions } from "../serving.ts";
import { printError, printOut } from "../terminal.ts";
import { installedNames, refuseHiding, removeUnits, unitDirectory, type UnitFile, unitsNamed, writeUnits } from "./unit-files.ts";
import { socketOf, unitsOf } from "./units.ts";
import { type UnitState, UserManager } from "./user-manager.ts";

export type ServiceAction = "install" | "uninstall" | "status";

export interface ServiceOptions {
  readonly name?: string | undefined;
  readonly socketActivation?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly print?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export interface ServiceCall {
  readonly module: string | undefined;
  /** What `acton serve` shall be told. */
  readonly serve: ServeOptions;
}

const answerMs = 2000;

export async function service(action: ServiceAction, call: ServiceCall, options: ServiceOptions): Promise<void> {
  const directory = unitDirectory(process.env);
  if (action === "install") return install(await planned(call, options), directory, options);
  const name = options.name === undefined ? await theOnlyName(call, directory) : checkedName(options.name);
  const units = unitsNamed(name, directory, options.force === true);
  if (units.length === 0) throw usageError(`there is no service ${name}: ${directory} has no unit of that name`);
  return action === "uninstall" ? uninstall(units, directory) : status(units, options);
}

interface Plan {
  readonly name: string;
  readonly units: Readonly<Record<string, string>>;
}

async function planned({ module, serve }: ServiceCall, options: ServiceOptions): Promise<Plan> {
  // What the service will find, not what this terminal has.
  const { HOME, XDG_CONFIG_HOME, XDG_RUNTIME_DIR = `/run/user/${process.geteuid?.() ?? 0}` } = process.env;
  const environment = { HOME, XDG_CONFIG_HOME, XDG_RUNTIME_DIR };
  const first = await configured(module, serve, environment);
  const { application } = first;
  const name = checkedName(options.name ?? nameOf(application.name, module));
  const unnamed = (first.merged.origins.get("socketPath") ?? "default") === "default";
  const told = unnamed ? { ...serve, app: name } : serve;
  const { config } = unnamed ? (await configured(module, told, environment)).merged : first.merged;
  if (!isAbsolute(config.socketPath))
    throw usageError(`the socket's path is ${JSON.stringify(config.socketPath)}, and a service needs an absolute one`);
  const units = unitsOf({
    name,
    title: `${application.name} ${application.version}`,
    command: [...program(), "serve", ...(module === undefined ? [] : [resolve(module)]), ...wordsOf(told)],
    socketPath: config.socketPath,
    runtimeDirectory: told.app === undefined ? undefined : `acton/${told.app}`,
    socketActivation: options.socketActivation === true,
  });
  return { name, units };
}

async function install({ name, units }: Plan, directory: string, { force = false, print = false }: ServiceOptions): Promise<void> {
  const paths = Object.keys(units).map((file) => `${directory}/${file}`);
  if (print)
    return printOut(
      Object.values(units)
        .map((text, index) => `# ${paths[index]}\n${text}`)
        .join("\n"),
    );
  const before = unitsNamed(name, directory, force);
  if (!force) refuseHiding(name);
  const manager = await UserManager.find();
  if (before.length > 0) await manager?.tell("disable", "--now", ...before.map((unit) => unit.name));
  removeUnits(before, directory);
  writeUnits(units, directory);
  await printOut(paths.map((path) => `${path}\n`).join(""));
  const started = `${name}.${`${name}.socket` in units ? "socket" : "service"}`;
  if (manager === undefined) {
    const commands = ["systemctl --user daemon-reload", `systemctl --user enable --now ${started}`];
    return printError(`\nNo user manager answers here. In a session of yours that has one:\n${commands.map((line) => `  ${line}\n`).join("")}`);
  }
  await manager.tell("daemon-reload");
  await manager.tell("enable", "--now", started);
  printError(`\n${started} is enabled and started; acton service status --name ${name} shows how it is.\n`);
  printError("It runs while you are logged in; for longer: loginctl enable-linger\n");
}

async function uninstall(units: readonly UnitFile[], directory: string): Promise<void> {
  const manager = await UserManager.find();
  const names = units.map(({ name }) => name);
  await manager?.tell("disable", "--now", ...names);
  removeUnits(units, directory);
  await manager?.tell("daemon-reload");
  await printOut(units.map(({ path }) => `${path}\n`).join(""));
  if (manager !== undefined) return;
  printError(`\nNo user manager answers here. Where one does:\n  systemctl --user stop ${names.join(" ")}\n  systemctl --user daemon-reload\n`);
}

async function status(units: readonly UnitFile[], { json }: ServiceOptions): Promise<void> {
  const manager = await UserManager.find();
  const states = await Promise.all(units.map(async ({ name }) => [name, await manager?.stateOf(name)] as const));
  const isWaiting = states.some(([name, state]) => name.endsWith(".socket") && state?.["ActiveState"] === "active");
  const checks = states.map(([name, state]) => unitCheck(name, state, isWaiting));
  const path = units.map(({ text }) => socketOf(text)).find((found) => found !== undefined);
  if (path === undefined) throw new CommandError(exitCodes.noConnection, `${units[0]?.path ?? ""} does not say where its socket is`);
  const { examine } = await import("../doctor.ts");
  await examine({ path, origin: "the unit" }, { timeout: answerMs, json }, checks);
}

function unitCheck(name: string, state: UnitState | undefined, isWaiting: boolean): Check {
  const check = "unit";
  if (state === undefined) {
    return {
      check,
      verdict: "warning",
      finding: `${name} is installed, and no user manager answers that would run it`,
      advice: `systemctl --user status ${name}`,
    };
  }
  const { ActiveState: active = "unknown", SubState: sub = "", UnitFileState: enabled = "", MainPID: pid = "0", NRestarts: restarts = "0" } = state;
  const said = state["StatusText"] === "" || state["StatusText"] === undefined ? "" : `, ${state["StatusText"]}`;
  const details = `${enabled === "" ? "" : `, ${enabled}`}${pid === "0" ? "" : `, process ${pid}`}${restarts === "0" ? "" : `, restarts: ${restarts}`}`;
  const finding = `${name} is ${active} (${sub})${details}${said}`;
  if (active === "failed") return { check, verdict: "bad", finding, advice: `see why: journalctl --user --unit ${name}` };
  if (active === "active" || (isWaiting && active === "inactive")) return { check, verdict: "ok", finding };
  return { check, verdict: "warning", finding, advice: `start it: systemctl --user start ${name}` };
}

async function theOnlyName({ module }: ServiceCall, directory: string): Promise<string> {
  if (module !== undefined) return checkedName(nameOf((await configured(module, {})).application.name, module));
  const names = installedNames(directory);
  const [only] = names;
  if (only === undefined) throw usageError(`${directory} has no service that acton installed`);
  if (names.length > 1) throw usageError(`there are several services: say which with --name (${names.join(", ")})`);
  return only;
}

function nameOf(application: string, module: string | undefined): string {
  return application === "application" && module !== undefined ? parse(module).name : application;
}

function checkedName(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  throw usageError(`${JSON.stringify(name)} cannot be a service's name: give one with --name, of up to 64 letters, digits, '.', '_' and '-'`);
}

function program(): readonly string[] {
  return Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main];
}

function wordsOf({ socket, app, config, logLevel }: ServeOptions): readonly string[] {
  const flags = {
    "--socket": socket === undefined ? undefined : resolve(socket),
    "--app": app,
    "--config": config === undefined ? undefined : resolve(config),
    "--log-level": logLevel,
  };
  return Object.entries(flags).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
}
