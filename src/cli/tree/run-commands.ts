// The commands that run agents, and make what runs them: serve, service, build, new, test, simulate.

import { Argument, Option } from "commander";
import { buildTargets } from "../build/targets.ts";
import { usageError } from "../exit-codes.ts";
import type { ServeOptions } from "../serving.ts";
import { ActonCommand, wholeNumber } from "./command.ts";
import { addServing } from "./serve-command.ts";

export const runCommands = { serve: addServe, service: addService, build: addBuild, new: addNew, test: addTest, simulate: addSimulate };

function addServe(program: ActonCommand): void {
  addServing(program, "module")
    .description("run an application module, or the demo services when none is given")
    .argument("[module]", "a TypeScript or JavaScript module whose default export is app({ … })")
    .option("--watch", "take on the module's code whenever one of its files changes, and go on serving")
    .explain(
      'A module imports "acton" and "zod" from inside the executable, with nothing installed beside it, and npm packages from',
      "beside itself; native addons are refused. Only what the module imports is run: never anything from the current",
      "directory.",
    )
    .explain(
      "With --watch only what has changed restarts, clients stay connected, and a model is kept where its blueprint says how to",
      "carry it over. What is wrong with the new code is logged in one line, and the old code goes on.",
    )
    .explain("The demo services are calculator, list_service, kv_store, price_feed and health; acton discover shows what they take.")
    .example("acton serve", "serves the demo services on /tmp/acton.sock")
    .example("acton serve shop/app.ts --socket /run/shop.sock", "serves an application of your own")
    .example("acton serve shop/app.ts --print-config", "shows every setting, and which file, variable or flag it comes from")
    .example("acton serve shop/app.ts --watch", "serves it while you write it")
    .action(async (module, options) => (await import("../serve.ts")).serve(module, options));
}

function addService(program: ActonCommand): void {
  program
    .command("service")
    .description("run an application as a service of the user's systemd")
    .addArgument(new Argument("<action>", "what to do").choices(["install", "uninstall", "status"]))
    .argument("[module]", "with install: the application's module; the demo services when none is given")
    .argument("[flags...]", "with install, after --: flags for acton serve")
    .option("--name <name>", "name of the service (default: the application's)")
    .option("--socket-activation", "let systemd make the socket, and start the service when the first client comes")
    .option("--print", "with install: print the units, and do nothing")
    .option("--force", "replace or remove units that acton has not written")
    .json("with status: print JSON on a terminal too")
    .explain(
      "The units are NAME.service and, with --socket-activation, NAME.socket, in ~/.config/systemd/user. They are enabled and",
      "started when a user manager answers; otherwise the commands for that are printed. A unit that acton has not written is",
      "left alone.",
    )
    .explain(
      "Without --socket, --app or a configured path, the socket is that of --app NAME, in the user's runtime directory. The",
      "environment of this terminal is not the service's: what it shall know stands in acton.toml or after --.",
    )
    .explain("status is the state of the units, and then what acton doctor says. It is 0 when all is well, else 7.")
    .example("acton service install shop/app.ts", "serves it from now on, and after each login")
    .example("acton service install shop/app.ts --socket-activation -- --log-level debug", "starts it when somebody connects")
    .example("acton service install shop/app.ts --print", "shows the units")
    .example("acton service status --name shop", "whether it runs, and whether it answers")
    .example("acton service uninstall --name shop", "stops it and removes its units")
    .action(async (action, module, flags: readonly string[], options) => {
      const isFlag = module?.startsWith("-") === true;
      const call = { module: isFlag ? undefined : module, serve: serveOptions(isFlag ? [module, ...flags] : flags) };
      await (await import("../service/service.ts")).service(action, call, options);
    });
}

/** Words that `acton serve` would take, as it takes them. */
function serveOptions(words: readonly string[]): ServeOptions {
  const program = new ActonCommand("acton").exitOverride().configureOutput({ writeErr() {}, outputError() {} });
  addServe(program);
  const serve = program.subcommands[0] ?? program;
  const { operands, unknown } = serve.parseOptions([...words]);
  const options: ServeOptions = serve.opts();
  const [stray] = [
    ...operands,
    ...unknown,
    ...(options.printConfig === true ? ["--print-config"] : []),
    ...(options.watch === true ? ["--watch"] : []),
  ];
  if (stray !== undefined) throw usageError(`${stray} is not for a service: after -- come flags of acton serve`);
  return options;
}

function addBuild(program: ActonCommand): void {
  program
    .command("build")
    .description("make an executable of an application, which needs nothing installed")
    .argument("<module>", "a TypeScript or JavaScript module whose default export is app({ … })")
    .requiredOption("-o, --output <file>", "the executable to write; one that is there is replaced when the new one is whole")
    .option("--name <name>", "name of the application (default: the module's)")
    .option("--version <version>", "version of the application (default: the module's)")
    .addOption(new Option("--target <platform>", "the platform that it is for (default: this one)").choices(buildTargets))
    .option("--runtime <file>", "make it of this executable of Bun, instead of the one that is in here or in the npm registry")
    .explain(
      "What the module imports goes in: acton and zod from inside this executable, npm packages from beside the module, files",
      "that are imported as such. Native addons are refused. What is made serves the application, and talks to it: serve, call,",
      "send, stream, subscribe, discover, describe and version. The module is loaded once, as acton serve would, and not run.",
    )
    .explain(
      "The same sources give the same bytes, whatever the directory, the environment and the name of the executable. For another",
      "platform Bun's runtime comes from the npm registry, once, and stays in Bun's cache.",
    )
    .example("acton build shop/app.ts -o shop-server", "then: ./shop-server serve")
    .example("acton build shop/app.ts -o shop-server --version 1.4.0", "with the version of a release")
    .example("acton build shop/app.ts -o shop-server-arm64 --target linux-arm64", "for another machine")
    .action(async (module, options) => (await import("../build/build.ts")).build(module, options));
}

function addNew(program: ActonCommand): void {
  program
    .command("new")
    .description("make a directory with an application module, its test and its configuration")
    .argument("<dir>", "a directory that is empty or not there yet; its name is the application's")
    .option("--types", "only renew the type declarations, in a directory that acton new has made")
    .explain(
      "What it makes runs, is tested and is type-checked with nothing installed: the declarations of",
      '"acton", "zod" and "bun:test" are in .acton, where its tsconfig.json points. A newer acton renews them with --types.',
    )
    .example("acton new shop", "makes shop/ with app.ts, app.test.ts, acton.toml and what editors need")
    .example("acton new --types .", "renews the declarations here, after an update of acton")
    .action(async (directory, options) => (await import("../new.ts")).newProject(directory, options));
}

function addTest(program: ActonCommand): void {
  program
    .command("test")
    .description("run tests written for bun:test, with no Bun installed")
    .argument("[files...]", "files, or parts of their paths (default: all *.test.ts below this directory)")
    .option("--test-name-pattern <pattern>", "run only tests whose name matches this regular expression")
    .timeout("how long each test may take, in milliseconds (default: 5000)")
    .explain('A test imports "acton", "zod" and "bun:test", and its application. The status is 1 when not all passed.')
    .example("acton test", "all tests below this directory")
    .example("acton test app.test.ts --test-name-pattern greets", "some of them")
    .action(async (files, options) => (await import("../test.ts")).test(files, options));
}

function addSimulate(program: ActonCommand): void {
  program
    .command("simulate")
    .description("run a scenario in many orders that chance chooses, each from one seed")
    .argument("<module>", "a module whose default export is a scenario")
    .option("--seeds <n>", "how many", wholeNumber, 100)
    .option("--from <n>", "the first seed", wholeNumber, 1)
    .option("--events <n>", "events of each run", wholeNumber, 500)
    .option("--failures <n>", "end after so many failures", wholeNumber, 1)
    .option("--replay <file>", "run one again that failed, from the file that was kept of it")
    .json()
    .explain(
      "A scenario starts agents, servers and clients on a machine in memory, and says what may happen and what must be true;",
      "docs/testing.md has one. Of a run that fails the last events are printed, made as few as possible, and it is kept in",
      "regressions/ beside the module. The status is 1 when one did.",
    )
    .example("acton simulate shop.sim.ts --seeds 2000", "looks for trouble in two thousand orders of events")
    .example("acton simulate shop.sim.ts --replay regressions/seed-17.json", "shows one of them again")
    .action(async (module, options) => (await import("../simulate.ts")).simulateModule(module, options));
}
