// Small changes to sources, one at a time, and whether the tests notice: operators that become others, truths that become
// lies, calls that are left out. Without a parser: the formatter keeps spaces around every operator.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ProjectCopy } from "../../support/project-copy.ts";
import { bunTest, projectRoot } from "./bun-test.ts";
import type { Chance } from "./chance.ts";

/** Sources that belong together, and the tests that are to notice. */
export interface Quarter {
  readonly name: string;
  /** Below src/. */
  readonly files: readonly string[];
  /** Below test/. */
  readonly tests: readonly string[];
}

export interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly from: string;
  readonly to: string;
}

const changes: readonly (readonly [RegExp, string])[] = [
  [/ < /g, " <= "],
  [/ <= /g, " < "],
  [/ > /g, " >= "],
  [/ >= /g, " > "],
  [/ === /g, " !== "],
  [/ !== /g, " === "],
  [/ && /g, " || "],
  [/ \|\| /g, " && "],
  [/ \+ /g, " - "],
  [/ - /g, " + "],
  [/ \+= /g, " -= "],
  [/ -= /g, " += "],
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/(?<=[ (])!(?=[\w(])/g, ""],
  // A statement that is one call.
  [/(?<=^\s+)[\w.#?]+\([^;]*\);$/g, ""],
];

export function mutantsOf(file: string, source: string): Mutant[] {
  return source.split("\n").flatMap((line, at) => {
    if (/^\s*(?:\/\/|\/\*|\*|import |export (?:type|interface) |type )/.test(line)) return [];
    return changes.flatMap(([what, by]) =>
      [...line.matchAll(what)]
        .filter((match) => !isQuoted(line, match.index))
        .map((match) => ({ file, line: at + 1, from: line, to: line.slice(0, match.index) + by + line.slice(match.index + match[0].length) })),
    );
  });
}

// Within quotes, behind a comment's beginning, or in a regular expression's own line: nobody looks there.
function isQuoted(line: string, at: number): boolean {
  const before = line.slice(0, at);
  return ['"', "'", "`"].some((quote) => before.split(quote).length % 2 === 0) || before.includes("// ");
}

export interface Score {
  readonly tried: number;
  readonly survivors: readonly Mutant[];
}

/** Tries so many of the quarter's mutants, drawn by chance, two at a time. */
export async function score(quarter: Quarter, count: number, chance: Chance): Promise<Score> {
  const all = quarter.files.flatMap((file) => mutantsOf(file, readFileSync(join(projectRoot, "src", file), "utf8")));
  const drawn: Mutant[] = [];
  while (drawn.length < count && all.length > 0) drawn.push(...all.splice(chance.below(all.length), 1));
  const waiting = [...drawn];
  const survivors: Mutant[] = [];
  const work = async (): Promise<void> => {
    using copy = new ProjectCopy(["src", "test", "docs", "package.json", "tsconfig.json", "bunfig.toml"]);
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift())
      if (!(await isNoticed(mutant, quarter, copy))) survivors.push(mutant);
  };
  await Promise.all([work(), work()]);
  return { tried: drawn.length, survivors };
}

// Who never comes to an end is noticed, too.
async function isNoticed({ file, line, to }: Mutant, { tests }: Quarter, copy: ProjectCopy): Promise<boolean> {
  const path = `src/${file}`;
  const source = copy.change(path, (text) =>
    text
      .split("\n")
      .with(line - 1, to)
      .join("\n"),
  );
  const words = [...tests.map((test) => `./test/${test}`), "--bail"];
  const { status } = await bunTest(words, { root: copy.path, timeoutMs: 60_000, environment: { ACTON_PROPERTY_RUNS: "100" } });
  copy.change(path, () => source);
  return status !== 0;
}
