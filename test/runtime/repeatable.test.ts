import { expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import { message } from "../../src/message/message-type.ts";
import { testSystem, turns } from "../support/system.ts";

const Roll = message("Roll", { player: z.string() });
const Score = message("Score", z.int());
const Ask = message("Ask", {}).replies(Score);

/** Players that roll at chance times, crash by chance and ask each other; everything that happens, in order. */
async function run(): Promise<readonly string[]> {
  const { system, clock } = testSystem();
  const events: string[] = [];
  system.broker.subscribe(Roll, ({ player }) => events.push(`heard ${player}`));
  const bank = await system.start(
    agent("bank", () => ({ total: 0 }))
      .mutateOn(Roll, ({ model }) => void (model.total += 1))
      .subscribe(Roll)
      .actOn(Ask, async ({ model, random }) => {
        if (random.next() < 0.5) await Promise.resolve();
        return model.total;
      }),
  );
  for (const name of ["ada", "bob", "cyd"]) {
    await system.start(
      agent(name, () => ({}))
        .afterStart(({ random, sendEvery }) => void sendEvery(1 + Math.floor(random.next() * 9), Roll, { player: name }))
        .mutateOn(Roll, async ({ random, clock: ticks, broker, message }) => {
          const score = Math.floor(random.next() * 100);
          events.push(`${name} ${score} at ${ticks.monotonic()} of ${await bank.ask(Ask, {})}`);
          if (score < 20) throw new Error("bad luck");
          broker.broadcast(Roll, message);
        })
        .onCrash("restart"),
    );
  }
  for (let i = 0; i < 40; i++) {
    clock.advance(1);
    await turns(2);
  }
  return events;
}

test("a run with a seeded source of chance and a manual clock repeats, event for event", async () => {
  const first = await run();
  expect(first.length).toBeGreaterThan(20);
  expect(await run()).toEqual(first);
});
