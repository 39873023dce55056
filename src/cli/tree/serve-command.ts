// The command `serve`, as acton and the programs that it builds both have it.

import { Option } from "commander";
import { logLevels } from "../../log-line.ts";
import type { ActonCommand } from "./command.ts";

/** `beside` is what acton.toml may lie beside. */
export function addServing(program: ActonCommand, beside: "module" | "executable"): ActonCommand {
  return program
    .command("serve")
    .socket()
    .option("--config <file>", `configuration file (default: acton.toml beside the ${beside}, in $XDG_CONFIG_HOME/acton, in /etc/acton)`)
    .option("--print-config", "print every effective value and where it comes from, and exit")
    .addOption(new Option("--log-level <level>", "least severe lines to log").choices(logLevels))
    .explain(
      "It serves until SIGTERM, SIGINT or SIGHUP: new requests are refused then, those that run are answered, agents stop,",
      "the socket is removed. The status is 9 when drain_timeout_ms was too short for that. A second signal ends it at once.",
    );
}
