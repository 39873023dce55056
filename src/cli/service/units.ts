// The texts of the systemd units that run an application for a user. Pure: what is in a unit is decided here and nowhere else.

import { usageError } from "../exit-codes.ts";

export interface ServiceDescription {
  readonly name: string;
  /** What it is called where people see it. */
  readonly title: string;
  /** Absolute path of the program, and its arguments. */
  readonly command: readonly string[];
  /** Absolute. */
  readonly socketPath: string;
  /** Below the user's runtime directory: made before the start and removed after the end. */
  readonly runtimeDirectory: string | undefined;
  /** systemd makes the socket, and starts the service for its first client. */
  readonly socketActivation: boolean;
}

/** The first line of a unit of ours; without it a unit is somebody else's. */
export const marker = "# Written by 'acton service install', which replaces it, and removed by 'acton service uninstall'.";
const socketMark = "# Socket: ";

/** File names and texts. */
export function unitsOf(service: ServiceDescription): Readonly<Record<string, string>> {
  const { name, socketActivation } = service;
  return { [`${name}.service`]: serviceUnit(service), ...(socketActivation ? { [`${name}.socket`]: socketUnit(service) } : {}) };
}

/** The socket of a unit that `unitsOf` has made. */
export function socketOf(unit: string): string | undefined {
  return unit
    .split("\n")
    .find((line) => line.startsWith(socketMark))
    ?.slice(socketMark.length);
}

// Only what systemd can do without privileges, and no JIT would mind.
const hardening = [
  "UMask=0077",
  "NoNewPrivileges=yes",
  "LockPersonality=yes",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "SystemCallArchitectures=native",
];

function serviceUnit({ name, title, command, socketPath, runtimeDirectory, socketActivation }: ServiceDescription): string {
  const directory =
    runtimeDirectory === undefined || socketActivation ? [] : [`RuntimeDirectory=${value(runtimeDirectory)}`, "RuntimeDirectoryMode=0700"];
  return textOf([
    marker,
    `${socketMark}${oneLine(socketPath)}`,
    "",
    "[Unit]",
    `Description=${value(title)}`,
    ...(socketActivation ? [`Requires=${name}.socket`, `After=${name}.socket`] : []),
    "",
    "[Service]",
    "Type=notify",
    "NotifyAccess=main",
    `ExecStart=${commandLine(command)}`,
    "Restart=on-failure",
    "RestartSec=1",
    "WatchdogSec=60",
    "KillMode=mixed",
    ...directory,
    ...hardening,
    ...(socketActivation ? [] : ["", "[Install]", "WantedBy=default.target"]),
  ]);
}

function socketUnit({ title, socketPath }: ServiceDescription): string {
  return textOf([
    marker,
    `${socketMark}${oneLine(socketPath)}`,
    "",
    "[Unit]",
    `Description=Socket of ${value(title)}`,
    "",
    "[Socket]",
    `ListenStream=${value(socketPath)}`,
    "SocketMode=0600",
    "DirectoryMode=0700",
    "RemoveOnStop=yes",
    "",
    "[Install]",
    "WantedBy=sockets.target",
  ]);
}

function textOf(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}

// A dollar stands for itself in the program's own path, and begins a variable in what follows.
function commandLine([program = "", ...words]: readonly string[]): string {
  return [word(program), ...words.map((each) => word(each).replaceAll("$", "$$$$"))].join(" ");
}

function word(text: string): string {
  const safe = value(text);
  return /^[\w%@+=:,./-]+$/.test(safe) ? safe : `"${safe.replace(/["\\]/g, "\\$&")}"`;
}

function value(text: string): string {
  return oneLine(text).replaceAll("%", "%%");
}

function oneLine(text: string): string {
  if (/\p{Cc}/u.test(text)) throw usageError(`${JSON.stringify(text)} cannot stand in a unit: it has a control character`);
  return text;
}
