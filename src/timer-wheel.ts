// The order in which timers expire: by due time, then by arming. A timer waits in the slot of a wheel whose slots widen with
// the distance, and moves to a finer one as its time comes near; what is due within the current millisecond lies in a heap.
// Arming and disarming cost the same however many timers there are, and allocate nothing.

/** Embedded in the object that waits, so arming a deadline allocates nothing. Made with `due: 0, order: 0, place: -1`. */
export interface Timer {
  /** Monotonic milliseconds at which it expires; meaningful while armed. */
  due: number;
  /** Among timers with the same due time, the first armed expires first. Owned by the clock. */
  order: number;
  /** Where the clock keeps it; -1 while not armed. Owned by the clock. */
  place: number;
  expire(): void;
}

// Five levels of 64 slots, of 1 ms, 64 ms, 4 s, 4 min and 5 h each. Together they are one turn of the wheel, 12 days; a
// timer's level is that of the highest digit, to the base of 64, in which its millisecond differs from the current one.
// So the slots of a level come before those of the next, and the first slot in use has the first timers.
const digitBits = 6;
const slotsPerLevel = 1 << digitBits;
const digitMask = slotsPerLevel - 1;
const levels = 5;
const turnMs = 2 ** (digitBits * levels);
/** The slot of what is due after this turn. */
const far = levels * slotsPerLevel;
/** The slot that is a heap: what is due in the current millisecond, or was before. */
const near = far + 1;
// A place is an index in a slot and the number of the slot, in its lowest nine bits.
const placesPerIndex = 512;
const slotMask = placesPerIndex - 1;

export class TimerWheel {
  readonly #slots: Timer[][] = Array.from({ length: near + 1 }, () => []);
  readonly #heap = this.#slots[near] as Timer[];
  /** When the present turn began, a multiple of its length. */
  #turn = 0;
  /** The current millisecond of it. It lags behind the time: only expiring moves it. */
  #now = 0;
  #length = 0;
  #lastOrder = 0;

  get length(): number {
    return this.#length;
  }

  /** No timer is due before it; it may be earlier than the first one's due time by what that one's slot is wide. */
  get nextDue(): number {
    const first = this.#heap[0];
    if (first !== undefined) return first.due;
    return this.#length === 0 ? Infinity : this.#opens(this.#firstSlot());
  }

  add(timer: Timer, due: number): void {
    if (timer.place >= 0) this.remove(timer);
    timer.due = due;
    timer.order = this.#lastOrder += 1;
    this.#length += 1;
    this.#put(timer);
  }

  /** Only of a timer that is armed. */
  remove(timer: Timer): void {
    const { place } = timer;
    const id = place & slotMask;
    const slot = this.#slots[id] as Timer[];
    const last = slot.pop() as Timer;
    timer.place = -1;
    this.#length -= 1;
    if (last === timer) return;
    const index = (place - id) / placesPerIndex;
    if (id === near) this.#settle(last, index);
    else {
      slot[index] = last;
      last.place = place;
    }
  }

  expireUntil(now: number): void {
    // Only what was due at the start: a timer that re-arms itself with no delay waits for the next call.
    for (let budget = this.#length; budget > 0; budget--) {
      while (this.#heap.length === 0 && this.#length > 0) {
        const slot = this.#firstSlot();
        const opens = this.#opens(slot);
        if (opens > now || opens === Infinity) return;
        this.#open(slot, Math.floor(opens));
      }
      const first = this.#heap[0];
      if (first === undefined || first.due > now) return;
      this.remove(first);
      first.expire();
    }
  }

  #put(timer: Timer): void {
    const offset = timer.due - this.#turn;
    if (offset < this.#now + 1) return this.#rise(timer, this.#heap.length);
    let id = far;
    if (offset < turnMs) {
      const millisecond = offset | 0;
      let level = 0;
      for (let differing = (millisecond ^ this.#now) >> digitBits; differing > 0; differing >>= digitBits) level += 1;
      id = level * slotsPerLevel + ((millisecond >> (level * digitBits)) & digitMask);
    }
    const slot = this.#slots[id] as Timer[];
    timer.place = slot.length * placesPerIndex + id;
    slot.push(timer);
  }

  /** The first slot that has timers. Only when there are any outside of the heap. */
  #firstSlot(): number {
    for (let level = 0; level < levels; level++) {
      const current = (this.#now >> (level * digitBits)) & digitMask;
      const end = (level + 1) * slotsPerLevel;
      for (let id = level * slotsPerLevel + current + 1; id < end; id++) if ((this.#slots[id] as Timer[]).length > 0) return id;
    }
    return far;
  }

  /** When a slot has to be opened: as its time begins; exactly when its first timer is due, where waking early has no use. */
  #opens(id: number): number {
    if (id < slotsPerLevel || id === far) return (this.#slots[id] as Timer[]).reduce((first, { due }) => Math.min(first, due), Infinity);
    const shift = ((id / slotsPerLevel) | 0) * digitBits;
    const above = this.#now & -(1 << (shift + digitBits));
    return this.#turn + above + ((id & digitMask) << shift);
  }

  /** Moves on to a millisecond of the slot, and its timers into finer ones. */
  #open(id: number, millisecond: number): void {
    if (id === far) this.#turn = Math.floor(millisecond / turnMs) * turnMs;
    this.#now = millisecond - this.#turn;
    const timers = this.#slots[id] as Timer[];
    this.#slots[id] = [];
    for (const timer of timers) this.#put(timer);
  }

  #settle(timer: Timer, index: number): void {
    const parent = this.#heap[(index - 1) >> 1];
    if (index > 0 && parent !== undefined && isBefore(timer, parent)) this.#rise(timer, index);
    else this.#sink(timer, index);
  }

  #rise(timer: Timer, from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above] as Timer;
      if (!isBefore(timer, parent)) break;
      this.#set(parent, index);
      index = above;
    }
    this.#set(timer, index);
  }

  #sink(timer: Timer, from: number): void {
    const heap = this.#heap;
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, heap[below] as Timer)) below += 1;
      const child = heap[below] as Timer;
      if (isBefore(timer, child)) break;
      this.#set(child, index);
      index = below;
    }
    this.#set(timer, index);
  }

  #set(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.place = index * placesPerIndex + near;
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.due < other.due || (one.due === other.due && one.order < other.order);
}
