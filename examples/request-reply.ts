// Request and reply: a client asks, the agent answers with what its handler returns.
//
//   dist/acton serve examples/request-reply.ts
//   dist/acton call thermostat SetTarget celsius=21

import { agent, app, message } from "acton";
import { z } from "zod";

const Target = message("Target", { celsius: z.number() });
const GetTarget = message("GetTarget", {}).replies(Target);
const TargetChanged = message("TargetChanged", { from: z.number(), to: z.number() });
const SetTarget = message("SetTarget", { celsius: z.number().min(5).max(30) }).replies(TargetChanged);
const Lock = message("Lock", {});

const thermostat = agent("thermostat", () => ({ celsius: 18, locked: false }))
  // Changes the model, so it runs alone.
  .mutateOn(SetTarget, ({ model, message, reply }) => {
    if (model.locked) return reply.fail("the thermostat is locked");
    const from = model.celsius;
    model.celsius = message.celsius;
    return { from, to: message.celsius };
  })
  // An event: whoever sends it expects no answer.
  .mutateOn(Lock, ({ model }) => {
    model.locked = true;
  })
  // Only reads, so any number of these run side by side.
  .actOn(GetTarget, ({ model }) => ({ celsius: model.celsius }));

export default app({ name: "heating", version: "1.0.0", agents: [thermostat] });
