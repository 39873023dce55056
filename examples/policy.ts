// Who may do what: the user who runs the server operates the door; anyone else who can connect may only look.
//
//   dist/acton serve examples/policy.ts
//   dist/acton call door OpenDoor
//
// DOOR_OPERATORS=1000,1001 names other operators, by their user ids.

import { agent, app, message } from "acton";
import { z } from "zod";

const DoorState = message("DoorState", { open: z.boolean() });
const GetDoor = message("GetDoor", {}).replies(DoorState);
const OpenDoor = message("OpenDoor", {}).replies(DoorState);

const door = agent("door", () => ({ open: false }))
  .mutateOn(OpenDoor, ({ model, peer, log }) => {
    model.open = true;
    log.info("door opened", { uid: peer?.uid, pid: peer?.pid });
    return { open: true };
  })
  .actOn(GetDoor, ({ model }) => ({ open: model.open }));

const operators = process.env["DOOR_OPERATORS"]?.split(",").map(Number) ?? [process.geteuid?.()];

export default app({
  name: "door",
  version: "1.0.0",
  agents: [door],
  policy: {
    // The uid comes from the kernel: nothing that a client sends can change it.
    admit(peer) {
      if (peer.uid === undefined) return { refused: "who you are cannot be told here" };
      return { identity: operators.includes(peer.uid) ? "operator" : "visitor" };
    },
    authorize(identity, operation) {
      if (identity === "operator") return true;
      if (operation.kind === "request" && operation.type !== GetDoor.name) return "visitors may only look";
      return true;
    },
  },
});
