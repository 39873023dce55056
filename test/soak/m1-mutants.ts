// M1: what the suite runs of the sources, and what it notices when they are changed. The runtime counts lines and no branches, and
// nothing of what other processes run; so the changed sources say more.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../cli/executable.ts";
import type { SoakCheck } from "./check.ts";
import { bunTest } from "./parts/bun-test.ts";
import { Chance } from "./parts/chance.ts";
import { type Quarter, score } from "./parts/mutants.ts";

const quarters: readonly Quarter[] = [
  {
    name: "codec",
    files: ["ipc/wire/json.ts", "ipc/wire/msgpack.ts", "ipc/wire/msgpack-reader.ts", "ipc/wire/plain.ts"],
    tests: ["ipc/wire", "properties/json.test.ts", "properties/msgpack.test.ts", "properties/plain.test.ts"],
  },
  {
    name: "framing",
    files: ["ipc/wire/frame-decoder.ts", "ipc/wire/frame-writer.ts", "ipc/wire/buffer-pool.ts", "ipc/wire/detect.ts"],
    tests: [
      "ipc/wire",
      "properties/frames.test.ts",
      ...["chunking", "limits", "check-order", "slow-reader"].map((name) => `ipc/server/${name}.test.ts`),
      "ipc/acton/frames.test.ts",
    ],
  },
  {
    name: "takeover",
    files: ["ipc/server/takeover.ts", "ipc/server/held-path.ts", "ipc/server/adoption.ts", "ipc/server/socket-access.ts"],
    tests: ["ipc/server/takeover.test.ts", "ipc/server/adoption.test.ts", "ipc/server/socket-access.test.ts"],
  },
  {
    name: "drain",
    files: ["ipc/server/listener.ts", "ipc/server/connection.ts", "ipc/server/closing-socket.ts"],
    tests: [
      "drain",
      "drain-backlog",
      "closing",
      "refusal",
      "requests",
      "policy",
      "configured-policy",
      "late-frames",
      "slow-reader",
      "subscriptions",
      "discovery-and-stats",
      "limits",
    ].map((name) => `ipc/server/${name}.test.ts`),
  },
];

interface Lines {
  readonly found: number;
  readonly hit: number;
}

/** Of each source file that the suite has loaded, by its path below src/. */
async function coverage(): Promise<ReadonlyMap<string, Lines>> {
  using directory = temporaryDirectory();
  const { status, failures } = await bunTest(["--coverage", "--coverage-reporter=lcov", `--coverage-dir=${directory.path}`]);
  if (status !== 0) throw new Error(`the suite fails: ${failures.join("; ")}`);
  const files = new Map<string, Lines>();
  for (const record of readFileSync(join(directory.path, "lcov.info"), "utf8").split("end_of_record")) {
    const path = /^SF:src\/(.*)$/m.exec(record)?.[1];
    const lines = [...record.matchAll(/^DA:\d+,(\d+)$/gm)];
    if (path !== undefined) files.set(path, { found: lines.length, hit: lines.filter(([, times]) => times !== "0").length });
  }
  return files;
}

function share(files: ReadonlyMap<string, Lines>, of: (path: string) => boolean): number {
  let [found, hit] = [0, 0];
  for (const [path, lines] of files) {
    if (!of(path)) continue;
    found += lines.found;
    hit += lines.hit;
  }
  return (100 * hit) / found;
}

export const checks: readonly SoakCheck[] = [
  {
    id: "M1",
    title: "Lines that the suite runs in its own process; changes to the sources (operators, truths, calls left out) that it notices",
    pass: "codec, framing, takeover and drain: 100 % of branches, 80 % of changes noticed in each; all: 95 % of lines",
    whenNamed: true,
    async run({ rounds = 200, seed = 1 }) {
      const files = await coverage();
      const parts: string[] = [];
      for (const quarter of quarters) {
        const { tried, survivors } = await score(quarter, Math.ceil(rounds / quarters.length), new Chance(seed));
        for (const { file, line, to } of survivors) console.error(`not noticed: src/${file}:${line}: ${to.trim()}`);
        const noticed = (100 * (tried - survivors.length)) / tried;
        const lines = share(files, (path) => quarter.files.includes(path));
        parts.push(
          `${quarter.name} ${lines.toFixed(1)} % of lines, ${tried - survivors.length} of ${tried} changes noticed (${noticed.toFixed(0)} %)`,
        );
      }
      const all = share(files, () => true);
      // Branches are not counted, so what has to be reached of them cannot be said to be.
      return { figure: `${parts.join("; ")}; all ${all.toFixed(1)} % of lines; seed ${seed}; branches not counted`, passed: false };
    },
  },
];
