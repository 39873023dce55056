// The soaks in small, and that they can fail. Their full figures come from `bun test/soak/run.ts`.

import { expect, test } from "bun:test";
import { kills } from "./kills.ts";
import { squats } from "./squats.ts";
import { takeoverRace } from "./takeover-race.ts";
import { canIntrude, intrusions, openToAll } from "./umask-hammer.ts";

test("R1: of four starters at one path exactly one serves or none, whatever is there, and clients reach it", async () => {
  expect(await takeoverRace.run({ rounds: 4 })).toEqual({ figure: "24 of 24 rounds (4 of each), seed 1", passed: true });
}, 30_000);

test("R1 fails for starters that take a full backlog for a stale socket", async () => {
  expect(await takeoverRace.run({ rounds: 1, scenes: ["live with full backlog"], naive: true })).toMatchObject({ passed: false });
}, 30_000);

test("R2: after a kill at any point the next server serves, and nothing is left over", async () => {
  expect(await kills.run({ rounds: 10 })).toMatchObject({ passed: true, figure: expect.stringContaining("10 of 10 rounds") });
}, 30_000);

test("S2: what somebody else has put at the path is refused and left as it is", async () => {
  expect(await squats.run()).toMatchObject({ passed: true });
}, 30_000);

test.skipIf(!canIntrude)(
  "S1: another user gets to no socket while it is made, though the umask is 0, and to one that is open",
  async () => {
    expect((await intrusions(40)).entered).toBe(0);
    expect((await intrusions(20, openToAll)).entered).toBeGreaterThan(0);
  },
  30_000,
);
