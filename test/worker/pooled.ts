// The application module of the tests of pools: members that say which of them they are.

import { agent, app, byKey, leastLoaded, message, type PoolOptions, pool, roundRobin, type Route } from "acton";
import { z } from "zod";
import { spin, Told } from "./scene.ts";

const Said = message("Said", z.string());
export const Who = message("Who", { key: z.string().optional() }).replies(Said);
export const Kept = message("Kept", { key: z.string() }).replies(message("Keys", z.array(z.string())));
export const Keep = message("Keep", { key: z.string() });
export const Spin = message("Spin", { ms: z.number() }).replies(Said);
export const Exit = message("Exit", {}).replies(Said);
export const Stop = message("Stop", {});
export const Heard = message("Heard", z.string());

export function team(name: string, options: PoolOptions) {
  return agent(name, () => ({ keys: [] as string[] }))
    .mutateOn(Who, ({ self }) => self.name)
    .mutateOn(Keep, ({ model, message: { key } }) => void model.keys.push(key))
    .mutateOn(Kept, ({ model }) => model.keys)
    .mutateOn(Spin, ({ message: { ms }, self }) => {
      spin(ms);
      return self.name;
    })
    .mutateOn(Exit, () => process.exit(1))
    .mutateOn(Stop, ({ self }) => void self.stop())
    .mutateOn(Heard, ({ broker, self, message }) => broker.broadcast(Told, `${self.name} ${message}`))
    .subscribe(Heard)
    .beforeStart(({ self, broker }) => broker.broadcast(Told, `up ${self.name}`))
    .afterStop(({ self, broker }) => broker.broadcast(Told, `down ${self.name}`))
    .runOn(pool(options));
}

const by = byKey<{ key?: string }>(({ key }) => {
  if (key === "bad") throw new TypeError("no such key");
  return key ?? "";
});

const routes: Readonly<Record<string, Route>> = { roundRobin, leastLoaded, byKey: by };

export const teams = Object.fromEntries(
  Object.entries(routes).map(([name, route]) => [name, team(name, { size: 3, route, stuckMs: 300 })]),
) as Readonly<Record<"roundRobin" | "leastLoaded" | "byKey", ReturnType<typeof team>>>;
export const usual = team("usual", { size: 2 });

export default app({ agents: [...Object.values(teams), usual, team("shrinking", { size: 2 })] });
