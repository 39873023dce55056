// Who wants which types: by name, or by a pattern of a literal prefix and one final `*`. Pure data, no delivery.

/** Why a pattern is refused, or undefined when it is well formed. */
export function patternProblem(pattern: string): string | undefined {
  if (!pattern.endsWith("*") || pattern.indexOf("*") !== pattern.length - 1) return "pattern must contain exactly one terminal '*'";
  return Buffer.byteLength(pattern) > patternBytesMax ? `pattern exceeds ${patternBytesMax} UTF-8 bytes` : undefined;
}

const patternBytesMax = 256;
// Names come from registered types, so the cache is small; the bound is for a program that makes types without end.
const cachedNamesMax = 4096;

export class Topics<Subscriber> {
  readonly #byName = new Map<string, Set<Subscriber>>();
  readonly #byPattern = new Map<string, Set<Subscriber>>();
  readonly #matching = new Map<string, readonly Subscriber[]>();

  addName(name: string, subscriber: Subscriber): void {
    this.#add(this.#byName, name, subscriber);
  }

  removeName(name: string, subscriber: Subscriber): void {
    this.#remove(this.#byName, name, subscriber);
  }

  addPattern(pattern: string, subscriber: Subscriber): void {
    this.#add(this.#byPattern, pattern, subscriber);
  }

  removePattern(pattern: string, subscriber: Subscriber): void {
    this.#remove(this.#byPattern, pattern, subscriber);
  }

  /** Each subscriber once, however many of its subscriptions match; those by name first. The array never changes. */
  matching(name: string): readonly Subscriber[] {
    return this.#matching.get(name) ?? this.#match(name);
  }

  /** Every subscriber once. */
  all(): ReadonlySet<Subscriber> {
    const all = new Set<Subscriber>();
    for (const index of [this.#byName, this.#byPattern])
      for (const subscribers of index.values()) for (const subscriber of subscribers) all.add(subscriber);
    return all;
  }

  #match(name: string): readonly Subscriber[] {
    const found = new Set(this.#byName.get(name));
    for (const [pattern, subscribers] of this.#byPattern) {
      if (name.startsWith(pattern.slice(0, -1))) for (const subscriber of subscribers) found.add(subscriber);
    }
    const matching = [...found];
    if (this.#matching.size >= cachedNamesMax) this.#matching.clear();
    this.#matching.set(name, matching);
    return matching;
  }

  #add(index: Map<string, Set<Subscriber>>, key: string, subscriber: Subscriber): void {
    const subscribers = index.get(key);
    if (subscribers === undefined) index.set(key, new Set([subscriber]));
    else subscribers.add(subscriber);
    this.#matching.clear();
  }

  #remove(index: Map<string, Set<Subscriber>>, key: string, subscriber: Subscriber): void {
    const subscribers = index.get(key);
    if (subscribers === undefined) return;
    subscribers.delete(subscriber);
    if (subscribers.size === 0) index.delete(key);
    this.#matching.clear();
  }
}
