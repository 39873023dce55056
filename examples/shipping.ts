// An application to ship: one executable that has its data inside, and needs nothing on the machine where it runs.
//
//   dist/acton build examples/shipping.ts -o shipping
//   ./shipping serve
//   ./shipping call rates Quote kind=parcel kilograms=2

import { agent, app, message } from "acton";
import { z } from "zod";
// Read when it is built. A path would lead nowhere on another machine.
import rates from "./shipping-rates.json";

const Price = message("Price", { euros: z.number() });
const Quote = message("Quote", { kind: z.enum(["letter", "parcel"]), kilograms: z.number().positive() }).replies(Price);

const desk = agent("rates", () => ({})).actOn(Quote, ({ message: { kind, kilograms } }) => {
  const { base, per_kilogram } = rates[kind];
  return { euros: base + kilograms * per_kilogram };
});

export default app({ name: "shipping", version: "1.0.0", agents: [desk] });
