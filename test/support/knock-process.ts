// Tries a socket as the user whom it runs as, and says what came of it: `served`, `denied`, or the code of its failure.

import { RawClient } from "./raw-client.ts";
import { request } from "./test-server.ts";

const [path = ""] = process.argv.slice(2);
const outcome = async (): Promise<string> => {
  try {
    const client = await RawClient.connect(path);
    const answer = await client.ask(request("echo", "Echo", 1, { request_id: "1", uid: 0, peer: { uid: 0, gid: 0 } }));
    return answer["success"] === true ? "served" : answer["error_code"] === "ACCESS_DENIED" ? "denied" : JSON.stringify(answer);
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
};
process.stdout.write(`${await outcome()}\n`);
process.exit(0);
