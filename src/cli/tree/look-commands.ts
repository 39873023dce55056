// The commands that look at a server: discover, describe, stats, ping, doctor, bench, conform.

import { Option } from "commander";
import { type ActonCommand, milliseconds, payloadHelp, wholeNumber } from "./command.ts";

const answerMs = 5000;
const answerHelp = "give up when the server has not answered after this many milliseconds";

export const lookCommands = {
  discover: addDiscover,
  describe: addDescribe,
  stats: addStats,
  ping: addPing,
  doctor: addDoctor,
  bench: addBench,
  conform: addConform,
};

function addDiscover(program: ActonCommand): void {
  program
    .command("discover")
    .description("list the agents, what each takes and answers, and what is broadcast")
    .server()
    .timeout(answerHelp, answerMs)
    .json()
    .explain("A table on a terminal; in a pipe one JSON object, with the schema and an example of each message type.")
    .example("acton discover", "what is there")
    .example("acton discover | jq -r '.agents[].name'", "the names of the agents, for a script")
    .action(async (options) => (await import("../discover.ts")).discover(options));
}

function addDescribe(program: ActonCommand): void {
  program
    .command("describe")
    .description("show an agent or a message type: fields, an example, a command to try")
    .argument("<name>", "name of an agent or of a message type")
    .server()
    .timeout(answerHelp, answerMs)
    .json()
    .example("acton describe calculator", "all that an agent takes")
    .example("acton describe AddRequest | jq .schema", "the JSON Schema of one message type")
    .action(async (name, options) => (await import("../describe.ts")).describe(name, options));
}

function addStats(program: ActonCommand): void {
  program
    .command("stats")
    .description("show the server's figures: connections, messages, errors")
    .server()
    .option("--watch", "show them again and again, with what changed by the second")
    .interval("with --watch: milliseconds between two looks")
    .count("with --watch: leave after this many looks")
    .timeout(answerHelp, answerMs)
    .json()
    .explain("With --watch a terminal is redrawn, and a pipe gets one JSON object a line. Ctrl-C ends, with status 0.")
    .explain(
      "lags and longest_lag_ms say how often a handler held the event loop for more than 50 ms (runtime.lag_warn_ms), and for",
      "how long at most. Which handler that was is in the server's log.",
    )
    .example("acton stats", "once")
    .example("acton stats --watch", "until Ctrl-C")
    .action(async (options) => (await import("../stats.ts")).stats(options));
}

function addPing(program: ActonCommand): void {
  program
    .command("ping")
    .description("measure the round trip to the server")
    .server()
    .count("how often", 1)
    .interval("milliseconds between two of them")
    .timeout("give up when no answer has come after this many milliseconds", answerMs)
    .json()
    .example("acton ping --count 5", "five times, one second apart")
    .action(async (options) => (await import("../ping.ts")).ping(options));
}

function addDoctor(program: ActonCommand): void {
  program
    .command("doctor")
    .description("find out why a socket does not answer")
    .server()
    .timeout("how long the server has for each answer, in milliseconds", 2000)
    .json()
    .explain(
      "It looks at the path, the directory, the socket, its owner and lock, and then talks to whoever is behind it. Each",
      "check is one line, with what to do about it. The status is 0 when the server is well, else 7.",
    )
    .example("acton doctor", "the socket that commands use")
    .example("acton doctor --socket /run/shop.sock", "another one")
    .action(async (options) => (await import("../doctor.ts")).doctor(options));
}

function addBench(program: ActonCommand): void {
  program
    .command("bench")
    .description("put load on a server and measure how long its answers take")
    .argument("[agent]", "name under which the agent is exposed", "calculator")
    .argument("[type]", "message type", "AddRequest")
    .argument("[payload...]", "key=value pairs, one JSON text, @file, or - for standard input (default: a=5 b=3)")
    .server()
    .option("--connections <n>", "connections", wholeNumber, 1)
    .option("--in-flight <n>", "requests that wait for their answer at a time, on each connection", wholeNumber, 64)
    .option("--duration <ms>", "how long to measure, in milliseconds, after a moment of warming up", milliseconds, 5000)
    .option("--rate <n>", "open loop: so many requests a second in all, whatever the server does", wholeNumber)
    .option("--stream", "ask for streams; --in-flight of them are open at a time")
    .option("--push <type>", "send nothing: subscribe to this type on each connection, and count what comes")
    .addOption(new Option("--dialect <dialect>", "what to speak").choices(["bare", "acton"]).default("bare"))
    .msgpack()
    .json()
    .explain(
      "Without --rate the loop is closed: each answer is followed by the next request, and a server that stalls is asked",
      "less. With --rate the loop is open: requests are due at fixed times, and each latency counts from the time when it was",
      "due, so that a stall shows in all requests that it held up (no coordinated omission). Past --in-flight, requests wait",
      "here, and that counts too.",
    )
    .explain(
      "Latencies are in microseconds in JSON. Of a stream it is the time until its last item; of a push, the time since it",
      "was broadcast, which is known to the millisecond. The status is 1 when there was no answer but errors.",
    )
    .explain(payloadHelp)
    .example("acton bench", "64 sums at a time on one connection")
    .example("acton bench --connections 16 --in-flight 16 --dialect acton --msgpack", "as clients of acton-reactive would ask")
    .example("acton bench --rate 20000 kv_store GetValue key=ada", "20,000 requests a second of another message")
    .example("acton bench --stream list_service ListRequest page_size=100 --in-flight 4", "streams")
    .example("acton bench --push PriceUpdate --connections 100", "a hundred subscribers")
    .action(async (agent, type, payload, options) => (await import("../bench/bench.ts")).bench({ agent, type, payload }, options));
}

function addConform(program: ActonCommand): void {
  program
    .command("conform")
    .description("try a server against the protocol, sentence by sentence")
    .argument("[socket]", "path of the socket (default: as --socket)")
    .socket()
    .option("--only <text>", "only the cases that have this in the name of their group or in their own")
    .option("--list", "print the cases, and try none")
    .timeout("how long each case may take, in milliseconds", 10_000)
    .json()
    .explain(
      "It speaks bytes, and knows of the server only what comes back: any server of the protocol can be tried, in whatever",
      "language it is written. The cases use the services of the guide, which acton serve has; what the server lacks, by its",
      "own discovery, is skipped. It writes keys that begin with conform- to the kv_store, and for a moment opens as many",
      "connections as the server takes. Try no server that others need meanwhile.",
    )
    .explain("In a pipe it is one JSON object, with what was sent, expected and came for each case that failed. The status is 1 when one did.")
    .example("acton conform /tmp/acton.sock", "all of it")
    .example('acton conform --only "acton/2 JSON"', "what concerns one dialect")
    .example("acton conform --only streams --json | jq '.cases[] | select(.verdict == \"failed\")'", "what failed of one group")
    .action(async (socket, options) => (await import("../conform/conform.ts")).conform(socket, options));
}
