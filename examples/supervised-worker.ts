// A supervised worker that clients reach by name: it crashes on bad work, comes back, and nobody else notices.
//
//   dist/acton serve examples/supervised-worker.ts
//   dist/acton subscribe 'Agent*'
//   dist/acton call printer Print pages=3
//   dist/acton call printer Print pages=0

import { agent, app, message } from "acton";
import { z } from "zod";

const Printed = message("Printed", { sheets: z.int(), since_start: z.int() });
const Print = message("Print", { pages: z.int() }).replies(Printed);

const printer = agent("printer", () => ({ sheets: 0 })).mutateOn(Print, ({ model, message: { pages } }) => {
  if (pages < 1) throw new RangeError(`paper jam at ${pages} pages`);
  const sheets = Math.ceil(pages / 2);
  model.sheets += sheets;
  return { sheets, since_start: model.sheets };
});

const office = agent("office", () => ({}))
  .supervise(printer, { restart: "transient" })
  .supervision({ backoffMs: 50 });

export default app({
  name: "office",
  version: "1.0.0",
  async setup(runtime) {
    const worker = (await runtime.start(office)).child(printer);
    if (worker !== undefined) runtime.ipcExpose("printer", worker);
  },
});
