// F6: the protocol, sentence by sentence, by a program that shares no code with the server: `acton conform` on `acton serve`.

import { run, serve, temporaryDirectory } from "../cli/executable.ts";
import type { SoakCheck } from "./check.ts";

const f6: SoakCheck = {
  id: "F6",
  title: "Conformance from outside: `acton conform` on the executable's own server",
  pass: "160 cases or more, all passed",
  async run() {
    using directory = temporaryDirectory();
    await using server = await serve(`${directory.path}/s.sock`);
    const { stdout } = await run(["conform", server.socket, "--timeout", "30000"]);
    const { passed, failed, skipped } = JSON.parse(stdout) as Record<"passed" | "failed" | "skipped", number>;
    return { figure: `${passed} cases passed, ${failed} failed, ${skipped} skipped`, passed: passed >= 160 && failed === 0 && skipped === 0 };
  },
};

export const checks = [f6];
