import { describe, expect, test } from "bun:test";
import { patternProblem, Topics } from "../../src/broker/topics.ts";
import { seededRandom } from "../../src/random.ts";

describe("a pattern", () => {
  test("is a literal prefix and exactly one star at its end", () => {
    for (const pattern of ["*", "Price*", "a.b-c*", "Preis€*"]) expect(patternProblem(pattern)).toBeUndefined();
    for (const pattern of ["", "Price", "*Price", "Pr*ce", "Price**", "P*e*"]) expect(patternProblem(pattern)).toContain("exactly one terminal");
  });

  test("has at most 256 bytes of UTF-8", () => {
    expect(patternProblem(`${"x".repeat(255)}*`)).toBeUndefined();
    expect(patternProblem(`${"x".repeat(256)}*`)).toContain("256");
    expect(patternProblem(`${"€".repeat(85)}*`)).toBeUndefined();
    expect(patternProblem(`${"€".repeat(86)}*`)).toContain("256");
  });
});

describe("topics", () => {
  test("match by name and by prefix, the star standing for nothing too", () => {
    const topics = new Topics<string>();
    topics.addName("Price", "name");
    topics.addPattern("Pri*", "prefix");
    topics.addPattern("Price*", "whole");
    topics.addPattern("*", "all");
    topics.addPattern("price*", "other case");
    expect([...topics.matching("Price")].sort()).toEqual(["all", "name", "prefix", "whole"]);
    expect([...topics.matching("PriceUpdate")].sort()).toEqual(["all", "prefix", "whole"]);
    expect([...topics.matching("Pr")]).toEqual(["all"]);
  });

  test("name a subscriber once, however many of its subscriptions match, those by name first", () => {
    const topics = new Topics<string>();
    topics.addPattern("P*", "one");
    topics.addPattern("Pr*", "one");
    topics.addPattern("P*", "two");
    topics.addName("Price", "two");
    expect(topics.matching("Price")).toEqual(["two", "one"]);
    topics.removePattern("P*", "one");
    expect([...topics.matching("Price")].sort()).toEqual(["one", "two"]);
    topics.removePattern("Pr*", "one");
    expect(topics.matching("Price")).toEqual(["two"]);
  });

  test("forget what is removed, and do not mind a removal of what is not there", () => {
    const topics = new Topics<string>();
    topics.removeName("Price", "nobody");
    topics.removePattern("P*", "nobody");
    topics.addName("Price", "one");
    expect(topics.matching("Price")).toEqual(["one"]);
    topics.removeName("Price", "nobody");
    expect(topics.matching("Price")).toEqual(["one"]);
    topics.removeName("Price", "one");
    expect(topics.matching("Price")).toEqual([]);
    expect(topics.all().size).toBe(0);
  });

  test("give arrays that later changes leave alone", () => {
    const topics = new Topics<string>();
    topics.addName("Price", "one");
    const before = topics.matching("Price");
    topics.addName("Price", "two");
    expect(before).toEqual(["one"]);
    expect(topics.matching("Price")).toEqual(["one", "two"]);
  });

  test("agree with a plain search after any changes", () => {
    const random = seededRandom(3);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)] as T;
    const names = ["A", "AB", "ABC", "B", "BA", ""];
    const patterns = ["*", "A*", "AB*", "B*", "ABCD*"];
    const subscribers = ["s1", "s2", "s3"];
    const topics = new Topics<string>();
    const model = new Set<string>();
    for (let step = 0; step < 5_000; step++) {
      const subscriber = pick(subscribers);
      const topic = pick([...names, ...patterns]);
      const add = random.next() < 0.5;
      const change = topic.endsWith("*")
        ? (["removePattern", "addPattern"] as const)[Number(add) as 0 | 1]
        : (["removeName", "addName"] as const)[Number(add) as 0 | 1];
      topics[change](topic, subscriber);
      const key = `${topic} ${subscriber}`;
      if (add) model.add(key);
      else model.delete(key);
      const name = pick(names);
      const expected = subscribers.filter((each) =>
        [...model].some((entry) => {
          const [entryTopic = "", entrySubscriber] = entry.split(" ");
          return entrySubscriber === each && (entryTopic === name || (entryTopic.endsWith("*") && name.startsWith(entryTopic.slice(0, -1))));
        }),
      );
      expect([...topics.matching(name)].sort()).toEqual(expected);
    }
  });
});
