/** A reservation, until it is freed. */
export type Free = () => void;

/**
 * Bytes of request bodies that are in memory at once: bounded over all requests, and for each sender to a share, so that
 * one cannot take it all (G8). The parsed value takes several times as much.
 */
export class BodyMemory {
  readonly #maxBytes: number;
  readonly #maxShare: number;
  readonly #shares = new Map<string, number>();
  #total = 0;

  constructor(maxBytes: number, maxShare: number) {
    this.#maxBytes = maxBytes;
    this.#maxShare = maxShare;
  }

  /** Null if there is no room for so many bytes. */
  reserve(sender: string, bytes: number): Free | null {
    const share = this.#shares.get(sender) ?? 0;
    if (this.#total + bytes > this.#maxBytes || share + bytes > this.#maxShare) return null;
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
}
