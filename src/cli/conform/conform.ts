// `acton conform`: tries the sentences of the protocol, one by one, on whatever server is behind a socket.

import { SystemClock } from "../../clock.ts";
import { detailOf } from "../../errors.ts";
import { CommandError, exitCodes, usageError } from "../exit-codes.ts";
import { type SocketOptions, socketPath } from "../socket-path.ts";
import { printError, stderrIsTerminal, stdoutIsTerminal } from "../terminal.ts";
import { casesOf } from "./case.ts";
import { Unmet } from "./expectation.ts";
import { examine } from "./findings.ts";
import { countOf, printList, printOutcome } from "./report.ts";
import { groups } from "./suite.ts";
import { inTime, runCases } from "./trials.ts";

export interface ConformOptions extends SocketOptions {
  /** Only cases that have this in their group or name. */
  readonly only?: string | undefined;
  readonly list?: boolean | undefined;
  /** Milliseconds that a case may take. */
  readonly timeout: number;
  readonly json?: boolean | undefined;
}

export async function conform(socket: string | undefined, options: ConformOptions): Promise<void> {
  if (socket !== undefined && (options.socket !== undefined || options.app !== undefined)) {
    throw usageError("the socket is given twice: as an argument, or by --socket or --app");
  }
  const wanted = options.only?.toLowerCase() ?? "";
  const cases = groups.flatMap(casesOf).filter(({ group, name }) => `${group}: ${name}`.toLowerCase().includes(wanted));
  if (cases.length === 0) throw usageError(`no case has ${JSON.stringify(options.only)} in its name: see acton conform --list`);
  const forPeople = options.json !== true && stdoutIsTerminal();
  if (options.list === true) return printList(cases, forPeople);
  const { path } = await socketPath({ ...options, ...(socket === undefined ? {} : { socket }) });
  const trial = { path, clock: new SystemClock(), timeoutMs: options.timeout };
  const findings = await inTime(trial, examine).catch((thrown: unknown) => {
    throw new CommandError(exitCodes.noConnection, `cannot connect to ${path}: ${thrown instanceof Unmet ? thrown.came : detailOf(thrown)}`);
  });
  if (findings.has.size === 0) throw new CommandError(exitCodes.agentError, `what is behind ${path} answers a discovery in neither dialect`);
  const isWatched = stderrIsTerminal();
  const told = (done: number): void => {
    if (isWatched && (done === cases.length || done % 20 === 0)) {
      printError(done === cases.length ? "\r\x1b[K" : `\r\x1b[K${done} of ${cases.length} cases`);
    }
  };
  const verdicts = await runCases(cases, findings.has, { ...trial, told });
  await printOutcome({ path, findings, cases, verdicts }, forPeople);
  const { failed } = countOf(verdicts);
  if (failed > 0) throw new CommandError(exitCodes.agentError, `${failed} of ${cases.length} cases failed`);
}
