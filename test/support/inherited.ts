// An application that is its own program, for tests of what systemd hands over. Says what its children would inherit.

import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { agent, app, message } from "acton";
import { z } from "zod";

const Said = message("Said", z.string());
const Look = message("Look", {}).replies(Said);
const Hold = message("Hold", { until: z.string() }).replies(Said);

const looker = agent("looker", () => ({}))
  .actOn(Look, () => execFileSync("sh", ["-c", "env; ls /proc/self/fd"]).toString())
  .actOn(Hold, ({ message: { until } }) => readFile(until, "utf8"));

const policy = process.argv.includes("--policy") ? { policy: { admit: () => ({ identity: "anyone" }) } } : {};
export default app({ name: "inherited", agents: [looker], ...policy });
