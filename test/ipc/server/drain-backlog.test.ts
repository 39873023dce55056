// A drain that meets a client which was behind: what had come before is answered once it reads on.

import { expect, test } from "bun:test";
import { ActonApp, ManualClock } from "acton";
import { MemoryMachine } from "acton/testing";
import { silentLog } from "../../../src/log.ts";
import { eventually } from "../../support/conditions.ts";
import { type Fields, fieldsOf, jsonFrame } from "../../support/raw-client.ts";
import { Seen, testAgents } from "../../support/test-services.ts";
import { request } from "../../support/test-server.ts";

test("frames that waited behind answers too long to leave are answered before the drain is over", async () => {
  const machine = new MemoryMachine({ bufferBytes: 2048 });
  const app = ActonApp.launch({ ...machine.process().seams, clock: new ManualClock(), log: silentLog });
  for (const blueprint of testAgents(new Seen())) app.ipcExpose(blueprint.name, await app.start(blueprint));
  const listener = await app.startIpcListener({ socketPath: "/tmp/d.sock", outgoingSoftBytes: 1024 });
  let bytes = Buffer.alloc(0);
  let closed = false;
  const socket = await machine.process().transport.connect("/tmp/d.sock", {
    data: (more) => void (bytes = Buffer.concat([bytes, more])),
    drain() {},
    end: () => socket.terminate(),
    close: () => void (closed = true),
  });
  socket.pause();
  socket.write(jsonFrame({ ...request("echo", "Echo", "x".repeat(500)), request_id: "1" }));
  await eventually(() => listener.stats().messagesProcessed === 1);
  for (let id = 2; id < 8; id++) socket.write(jsonFrame({ ...request("echo", "Echo", "x".repeat(900)), request_id: String(id) }));
  await eventually(() => listener.stats().unfinishedBytes > 0);
  const down = app.shutdownAll();
  socket.resume();
  expect(await down).toEqual({ complete: true, lost: 0 });
  await eventually(() => closed);
  const answers: Fields[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at))
    answers.push(fieldsOf(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at))));
  expect(answers.map(({ request_id: id }) => id)).toEqual(["1", "2", "3", "4", "5", "6", "7"].slice(0, answers.length));
  // What the kernel still had is another matter.
  expect(answers.length).toBeGreaterThan(2);
});
