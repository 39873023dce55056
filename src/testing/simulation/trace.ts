// What happened in a run, one line an event, and a hash of it: equal hashes are equal runs. Lines are kept on request
// only: a run that fails is simply run again.

export class Trace {
  readonly lines: string[] = [];
  readonly #keep: boolean;
  #low = 0x811c9dc5;
  #high = 0x1b873593;

  constructor(keep: boolean) {
    this.#keep = keep;
  }

  add(line: string): void {
    if (this.#keep) this.lines.push(line);
    let low = this.#low;
    for (let at = 0; at < line.length; at++) low = Math.imul(low ^ line.charCodeAt(at), 0x01000193);
    this.#low = low;
    this.#high = Math.imul(this.#high ^ low, 0x85ebca6b) ^ (low >>> 13);
  }

  get hash(): string {
    return [this.#high, this.#low].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
  }
}
