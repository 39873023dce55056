// What `workers.bench.ts` sends bytes to.

import { agent, app, message } from "acton";
import { z } from "zod";

const Bytes = message("Bytes", { bytes: z.instanceof(Uint8Array) });
export const Bounce = message("Bounce", { bytes: z.instanceof(Uint8Array) }).replies(Bytes);

const bounce = (name: string) => agent(name, () => ({})).actOn(Bounce, ({ message: { bytes } }) => ({ bytes }));
export const bounceInPlace = bounce("in-place");
export const bounceOnWorker = bounce("worker").runOn("worker");

export default app({ agents: [bounceInPlace, bounceOnWorker] });
