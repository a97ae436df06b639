/** Parts of a set, each of which grows by itself: growing never blocks the node for long, however large the set is. */
const partCount = 1024;
const minSlots = 16;

/** Safe integers from 0 in about 16 bytes each: a `Set` takes three times as much, and copies everything when it grows. */
export class NumberSet {
  readonly #parts: Float64Array[] = Array.from({ length: partCount }, () => new Float64Array(minSlots));
  readonly #sizes = new Uint32Array(partCount);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(value: number): boolean {
    const hash = hashNumber(value);
    const slots = this.#parts[hash % partCount]!;
    return slots[findSlot(slots, hash, value)] !== 0;
  }

  /** False: it was already in the set. */
  add(value: number): boolean {
    const hash = hashNumber(value);
    const part = hash % partCount;
    let slots = this.#parts[part]!;
    const slot = findSlot(slots, hash, value);
    if (slots[slot] !== 0) return false;
    slots[slot] = value + 1;
    this.#size++;
    const size = ++this.#sizes[part]!;
    if (size * 4 > slots.length * 3) {
      const larger = new Float64Array(slots.length * 2);
      for (const kept of slots)
        if (kept !== 0) larger[findSlot(larger, hashNumber(kept - 1), kept - 1)] = kept;
      slots = larger;
      this.#parts[part] = slots;
    }
    return true;
  }
}

/** The slot of this value, or the slot to put it into. An empty slot is 0, so values are stored plus one. */
function findSlot(slots: Float64Array, hash: number, value: number): number {
  let slot = Math.floor(hash / partCount) % slots.length;
  while (slots[slot] !== 0 && slots[slot] !== value + 1) slot = (slot + 1) % slots.length;
  return slot;
}

/** 32 bits, mixed: numbers of one shard differ in few of theirs. */
function hashNumber(value: number): number {
  let hash = (value >>> 0) ^ Math.imul(Math.floor(value / 2 ** 32), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
