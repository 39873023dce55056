// `acton doctor`: why a socket does not answer, or that it does. Each check is one line with a verdict and what to do.

import { checkFiles, type Check, holderOf, type Verdict } from "./doctor-files.ts";
import { checkServer } from "./doctor-server.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { type Paint, type Palette, paletteFor } from "./palette.ts";
import { type SocketOptions, type SocketPath, socketPath, trustedUids } from "./socket-path.ts";
import { jsonText, LineOutput, stdoutIsTerminal } from "./terminal.ts";

export interface ExamineOptions extends Pick<SocketOptions, "serverUid"> {
  /** Milliseconds that the server has for each answer. */
  readonly timeout: number;
  readonly json?: boolean | undefined;
}

export interface DoctorOptions extends SocketOptions, ExamineOptions {}

export async function doctor(options: DoctorOptions): Promise<void> {
  await examine(await socketPath(options), options);
}

/** Says `before` first, as if it had found that out itself. */
export async function examine({ path, origin }: SocketPath, options: ExamineOptions, before: readonly Check[] = []): Promise<void> {
  const forPeople = options.json !== true && stdoutIsTerminal();
  const palette = paletteFor(forPeople);
  const output = new LineOutput();
  const trusted = trustedUids(options);
  const bad: Check[] = [];
  const say = async (check: Check): Promise<void> => {
    if (check.verdict === "bad") bad.push(check);
    await output.write(forPeople ? lineOf(check, palette) : jsonText(check, false));
  };
  for (const check of before) await say(check);
  const unwell = bad.length;
  await say({ check: "path", verdict: "ok", finding: `${path} (${origin === "default" ? "the default" : `from ${origin}`})` });
  for (const check of checkFiles(path, trusted)) await say(check);
  if (bad.length === unwell)
    for await (const check of checkServer(path, { holder: holderOf(path), trusted, timeoutMs: options.timeout })) await say(check);
  const [first] = bad;
  if (first !== undefined) throw new CommandError(exitCodes.noConnection, `${path} does not serve: ${first.finding}`);
}

const marks: Readonly<Record<Verdict, { readonly text: string; readonly paint: keyof Palette }>> = {
  ok: { text: "ok  ", paint: "green" },
  warning: { text: "note", paint: "yellow" },
  bad: { text: "BAD ", paint: "red" },
};

function lineOf({ check, verdict, finding, advice }: Check, palette: Palette): string {
  const { text, paint } = marks[verdict];
  const painted: Paint = palette[paint];
  return `${painted(text)}  ${palette.bold(check.padEnd(11))}  ${finding}${advice === undefined ? "" : `: ${palette.cyan(advice)}`}`;
}
