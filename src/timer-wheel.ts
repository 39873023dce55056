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

// Timers are armed on user code's stack, which may be all but spent: no change calls anything once it has begun.
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
    this.#put(timer, due, this.#lastOrder + 1);
    this.#lastOrder += 1;
    this.#length += 1;
  }

  /** Only of a timer that is armed. */
  remove(timer: Timer): void {
    const { place } = timer;
    const id = place & slotMask;
    const slot = this.#slots[id] as Timer[];
    const last = slot[slot.length - 1] as Timer;
    let index = (place - id) / placesPerIndex;
    slot.length -= 1;
    timer.place = -1;
    this.#length -= 1;
    if (last === timer) return;
    if (id === near) {
      // The last one of the heap takes the free place, or one above or below it.
      for (; index > 0; index = (index - 1) >> 1) {
        const parent = slot[(index - 1) >> 1] as Timer;
        if (parent.due < last.due || (parent.due === last.due && parent.order < last.order)) break;
        slot[index] = parent;
        parent.place = index * placesPerIndex + near;
      }
      for (let below = 2 * index + 1; below < slot.length; below = 2 * index + 1) {
        const left = slot[below] as Timer;
        const right = slot[below + 1];
        if (right !== undefined && (right.due < left.due || (right.due === left.due && right.order < left.order))) below += 1;
        const child = slot[below] as Timer;
        if (last.due < child.due || (last.due === child.due && last.order < child.order)) break;
        slot[index] = child;
        child.place = index * placesPerIndex + near;
        index = below;
      }
    }
    slot[index] = last;
    last.place = index * placesPerIndex + id;
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

  #put(timer: Timer, due: number, order: number): void {
    const offset = due - this.#turn;
    let id = near;
    if (offset >= turnMs) id = far;
    else if (offset >= this.#now + 1) {
      const millisecond = offset | 0;
      let level = 0;
      for (let differing = (millisecond ^ this.#now) >> digitBits; differing > 0; differing >>= digitBits) level += 1;
      id = level * slotsPerLevel + ((millisecond >> (level * digitBits)) & digitMask);
    }
    const slot = this.#slots[id] as Timer[];
    let index = slot.length;
    for (; id === near && index > 0; index = (index - 1) >> 1) {
      const parent = slot[(index - 1) >> 1] as Timer;
      if (parent.due < due || (parent.due === due && parent.order < order)) break;
      slot[index] = parent;
      parent.place = index * placesPerIndex + near;
    }
    slot[index] = timer;
    timer.due = due;
    timer.order = order;
    timer.place = index * placesPerIndex + id;
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
    for (const timer of timers) this.#put(timer, timer.due, timer.order);
  }
}
