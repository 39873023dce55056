// The commands that run agents: serve, new, test.

import { Option } from "commander";
import { logLevels } from "../../log-line.ts";
import type { ActonCommand } from "./command.ts";

export function addRunCommands(program: ActonCommand): void {
  addServe(program);
  program
    .command("new")
    .description("make a directory with an application module, its test and its configuration")
    .argument("<dir>", "a directory that is empty or not there yet; its name is the application's")
    .example("acton new shop", "makes shop/ with app.ts, app.test.ts, acton.toml and what editors need")
    .action(async (directory) => (await import("../new.ts")).newProject(directory));
}

function addServe(program: ActonCommand): void {
  program
    .command("serve")
    .socket()
    .description("run an application module, or the demo services when none is given")
    .argument("[module]", "a TypeScript or JavaScript module whose default export is app({ … })")
    .option("--config <file>", "configuration file (default: acton.toml beside the module, in $XDG_CONFIG_HOME/acton, in /etc/acton)")
    .option("--print-config", "print every effective value and where it comes from, and exit")
    .addOption(new Option("--log-level <level>", "least severe lines to log").choices(logLevels))
    .explain(
      "It serves until SIGTERM, SIGINT or SIGHUP: new requests are refused then, those that run are answered, agents stop, the socket is removed. The status is 9 when drain_timeout_ms was too short for that. A second signal ends it at once.",
    )
    .explain(
      'A module imports "acton" and "zod" from inside the executable, with nothing installed beside it, and npm packages from beside itself; native addons are refused. Only what the module imports is run: never anything from the current directory.',
    )
    .explain("The demo services are calculator, list_service, kv_store, price_feed and health; acton discover shows what they take.")
    .example("acton serve", "serves the demo services on /tmp/acton.sock")
    .example("acton serve shop/app.ts --socket /run/shop.sock", "serves an application of your own")
    .example("acton serve shop/app.ts --print-config", "shows every setting, and which file, variable or flag it comes from")
    .action(async (module, options) => (await import("../serve.ts")).serve(module, options));
}
