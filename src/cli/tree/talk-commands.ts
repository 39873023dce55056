// The commands that exchange messages with agents: call, send, stream, subscribe.

import { type ActonCommand, payloadHelp } from "./command.ts";

export const talkCommands = { call: addCall, send: addSend, stream: addStream, subscribe: addSubscribe };

function addCall(program: ActonCommand): void {
  withPayload(program.command("call").description("send one request to an agent and print its reply"))
    .server()
    .timeout("give up after this many milliseconds", 30_000)
    .msgpack()
    .json("print compact JSON on a terminal too")
    .explain(payloadHelp)
    .explain("It talks only to a server that runs as the same user, as root, or as that of --server-uid; to any other nothing is sent.")
    .example("acton call calculator AddRequest a=5 b=3", "a request with two numbers")
    .example(`acton call kv_store SetValue key=ada 'value={"born":1815}'`, "a value that is JSON")
    .example('echo \'{"a":5,"b":3}\' | acton call calculator AddRequest -', "a payload from standard input")
    .action(async (agent, type, payload, options) => (await import("../call.ts")).call({ agent, type, payload }, options));
}

function addSend(program: ActonCommand): void {
  withPayload(program.command("send").description("send one message to an agent, and wait for no answer"))
    .server()
    .timeout("give up after this many milliseconds", 30_000)
    .msgpack()
    .json("print compact JSON on a terminal too")
    .explain("It succeeds once the message is in the agent's mailbox; what the agent makes of it is not waited for.")
    .explain(payloadHelp)
    .example("acton send kv_store SetValue key=ada value=1815", "stores a value, and does not wait for the answer")
    .action(async (agent, type, payload, options) => (await import("../send.ts")).send({ agent, type, payload }, options));
}

function addStream(program: ActonCommand): void {
  withPayload(program.command("stream").description("ask an agent for a stream and print each item as it comes"))
    .server()
    .count("leave after this many items; the agent is told, and stops")
    .timeout("give up when the stream has not ended after this many milliseconds (default: no limit)")
    .msgpack()
    .json("print plain JSON on a terminal too")
    .explain(
      "Each item is one line of JSON. The agent waits for the reader: it makes no more than is read. A value that the stream",
      "ends with is the last line. Ctrl-C ends the stream, with status 0.",
    )
    .explain(payloadHelp)
    .example("acton stream list_service ListRequest page_size=10", "ten items")
    .example("acton stream list_service ListRequest page_size=1000000 | head -3", "three of a million: the rest is never made")
    .action(async (agent, type, payload, options) => (await import("../stream.ts")).stream({ agent, type, payload }, options));
}

function addSubscribe(program: ActonCommand): void {
  program
    .command("subscribe")
    .description("print what is broadcast, as it comes")
    .argument("<type...>", "message types, or patterns: a prefix and *, quoted")
    .server()
    .count("leave after this many messages")
    .timeout("leave after this many milliseconds; with --count, fail when fewer came")
    .msgpack()
    .json("print plain JSON on a terminal too")
    .explain(
      "Each message is one line of JSON: type, payload, timestamp in Unix milliseconds, source when an agent sent it, and",
      "seq, which counts the messages of that type. Messages that come faster than they are read are dropped, never waited",
      "for; how many is in dropped, and is said on standard error. Ctrl-C ends, with status 0.",
    )
    .example("acton subscribe PriceUpdate", "every price, until Ctrl-C")
    .example("acton subscribe 'Price*' Alarm --count 1", "the first message of either kind")
    .action(async (types, options) => (await import("../subscribe.ts")).subscribe(types, options));
}

function withPayload(command: ActonCommand): ActonCommand {
  return command
    .argument("<agent>", "name under which the agent is exposed")
    .argument("<type>", "message type")
    .argument("[payload...]", "key=value pairs, one JSON text, @file, or - for standard input");
}
