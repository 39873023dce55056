// A program that needs a newer server is told so when it connects.

import { expect, test } from "bun:test";
import { connect } from "../../../src/client.ts";
import type { Discovery } from "../../../src/ipc/client/discovery.ts";
import { checkRequirements } from "../../../src/ipc/client/requirements.ts";
import { TestServer } from "../../support/test-server.ts";

const discovery = (product: string, application: string): Discovery => ({
  protocolVersion: 1,
  capabilities: {},
  product: { name: "acton", version: product },
  application: { name: "shop", version: application },
  agents: [],
  messageTypes: [],
  schemas: {},
});

test.each([
  ["1.2.3", "1.2.3", true],
  ["1.2.3", "1.2.4", false],
  ["1.10.0", "1.9.9", true],
  ["2.0.0", "1.99.99", true],
  ["1.2", "1.2.0", true],
  ["0.0.0-dev", "0.0.1", false],
  ["1.2.3-rc.1", "1.2.3", true],
])("version %s where %s is needed", (version, least, passes) => {
  const check = (): void => checkRequirements("/s", discovery(version, "1.0.0"), { product: least });
  if (passes) expect(check).not.toThrow();
  else expect(check).toThrow(`the server at /s runs acton ${version}; this program needs ${least} or later`);
});

test("a server that is too old is refused when the client connects, and one that is not is used", async () => {
  await using server = await TestServer.start();
  const refused = connect(server.path, { clock: server.clock, requires: { application: "999.0.0" } });
  await expect(refused).rejects.toMatchObject({ code: "UNSUPPORTED_PROTOCOL_VERSION" });
  const client = await connect(server.path, { clock: server.clock, requires: { product: "0.0.0", application: "0.0.0" } });
  expect(await client.ping()).toBeNumber();
  client.close();
});
