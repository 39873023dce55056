// Chains of handlers: what goes out with an ask, and what is made of one that comes in.

import { describe, expect, test } from "bun:test";
import { Activity, type Caller } from "../../src/agent/activity.ts";
import { AskChains } from "../../src/agent/ask-chains.ts";
import { askChainMax } from "../../src/ask-chain.ts";
import { seededRandom } from "../../src/random.ts";

function chains(seed = 1): AskChains {
  return new AskChains(seededRandom(seed), new Activity());
}

function handler(): Caller & { settled: boolean } {
  return { settled: false } as Caller & { settled: boolean };
}

describe("a chain that goes out", () => {
  test("ends with the handler's own id, which stays the same, and differs from all others", () => {
    const known = chains();
    const own = handler();
    expect(known.of(own, ["far", "near"])).toEqual(["far", "near", expect.stringMatching(/^[0-9a-f]{16}$/)]);
    expect(known.of(own, ["far", "near"])).toBe(known.of(own));
    const ids = Array.from({ length: 1000 }, () => known.of(handler())[0]);
    expect(new Set([...ids, known.of(own)[2]]).size).toBe(1001);
  });

  test("repeats under a seed", () => {
    expect(chains(7).of(handler())).toEqual(chains(7).of(handler()));
  });

  test("leaves the farthest out when it would be too long", () => {
    const elsewhere = Array.from({ length: askChainMax }, (_, n) => `${n}`);
    const chain = chains().of(handler(), elsewhere);
    expect(chain).toHaveLength(askChainMax);
    expect(chain.slice(0, -1)).toEqual(elsewhere.slice(1));
  });
});

describe("a chain that comes in", () => {
  test("is of the nearest handler that runs here, and of those elsewhere", () => {
    const known = chains();
    const [first, second] = [handler(), handler()];
    const [one = "", two = ""] = [known.of(first)[0], known.of(second)[0]];
    expect(known.read(["far", one, "between", two])).toEqual({ asker: second, roundabout: false, elsewhere: ["far", "between"] });
    expect(known.read([two, "between", one, "near"])).toEqual({ asker: first, roundabout: true, elsewhere: ["between", "near"] });
    expect(known.read([one]).elsewhere).toBeUndefined();
    expect(known.read(["far"])).toEqual({ asker: undefined, roundabout: true, elsewhere: ["far"] });
  });

  test("is nobody's here when that handler has settled, even with one before it that runs", () => {
    const known = chains();
    const [first, second] = [handler(), handler()];
    const [one = "", two = ""] = [known.of(first)[0], known.of(second)[0]];
    second.settled = true;
    expect(known.read([one, two]).asker).toBeUndefined();
  });

  test("is known however many handlers have come and gone", () => {
    const known = chains();
    const lasting = handler();
    const [id = ""] = known.of(lasting);
    for (let round = 0; round < 10_000; round++) {
      const passing = handler();
      known.of(passing);
      passing.settled = true;
    }
    expect(known.read([id]).asker).toBe(lasting);
    expect(known.known).toBeLessThan(200);
  });
});
