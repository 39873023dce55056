// Colours for people. NO_COLOR turns them off, FORCE_COLOR on where no terminal is seen; JSON in a pipe is never coloured,
// since it is there to be parsed.

export interface Palette {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

export type Paint = (text: string) => string;

const codes: Readonly<Record<keyof Palette, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

/** `isTerminal` says whether what is painted goes to one. */
export function paletteFor(isTerminal: boolean, environment: Readonly<Record<string, string | undefined>> = process.env): Palette {
  const coloured = wantsColour(isTerminal, environment);
  const paint =
    (code: number): Paint =>
    (text) =>
      coloured && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    bold: paint(codes.bold),
    dim: paint(codes.dim),
    red: paint(codes.red),
    green: paint(codes.green),
    yellow: paint(codes.yellow),
    cyan: paint(codes.cyan),
  };
}

/** FORCE_COLOR decides where it is set, then NO_COLOR, then what the terminal is. */
export function wantsColour(isTerminal: boolean, environment: Readonly<Record<string, string | undefined>>): boolean {
  const forced = environment["FORCE_COLOR"];
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
  if ((environment["NO_COLOR"] ?? "") !== "") return false;
  return isTerminal && environment["TERM"] !== "dumb";
}

/** JSON for people: keys and values apart by colour. `text` is valid JSON. */
export function paintedJson(text: string, palette: Palette): string {
  return text.replace(
    /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g,
    (token, quoted: string | undefined, colon: string | undefined) => {
      if (quoted === undefined) return palette.yellow(token);
      return colon === undefined ? palette.green(quoted) : `${palette.cyan(quoted)}${colon}`;
    },
  );
}
