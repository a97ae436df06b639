/** A reservation, until it is freed. */
export type Free = () => void;

/**
 * Bytes of request bodies in memory at once, limited over all requests (G8). Three quarters are first come, first
 * served; the last quarter is divided equally among current holders, so that each sender gets some, however much others
 * hold. The parsed value takes several times as much.
 */
export class BodyMemory {
  readonly #maxBytes: number;
  readonly #shares = new Map<string, number>();
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Null without capacity for this many bytes. */
  reserve(sender: string, bytes: number): Free | null {
    const share = this.#shares.get(sender) ?? 0;
    if (!this.#fits(share, bytes)) return null;
    this.#total += bytes;
    this.#shares.set(sender, share + bytes);
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      this.#total -= bytes;
      const left = this.#shares.get(sender)! - bytes;
      if (left === 0) this.#shares.delete(sender);
      else this.#shares.set(sender, left);
    };
  }

  #fits(share: number, bytes: number): boolean {
    const total = this.#total + bytes;
    if (total <= this.#maxBytes * 0.75) return true;
    const part = (this.#maxBytes * 0.25) / (this.#shares.size + Number(share === 0));
    return total <= this.#maxBytes && share + bytes <= part;
  }
}
