import type { Sharing } from '../runtime/sharing.ts';

/** While several tenants publish, the events of a commit take about this long, or as long as the disk itself. */
const sharedMs = 4;
/** Fewer events than this would only make more commits. */
const minShared = 16;
/** Weight of the newest commit in the means. */
const newest = 0.2;
/** Commits of fewer events say how long the disk takes, those of more how long an event does. */
const minMeasured = 16;
const firstDiskMs = 1;
const firstMsAnEvent = 0.04;

/**
 * How many events go into one commit. A tenant that publishes alone has large commits, which cost least; as soon as others
 * publish too, commits are short, so that no tenant waits long behind the flood of another (G8).
 */
export class CommitSize {
  readonly #sharing: Pick<Sharing, 'isShared'>;
  readonly #max: number;
  #diskMs = firstDiskMs;
  #msAnEvent = firstMsAnEvent;

  constructor(sharing: Pick<Sharing, 'isShared'>, max: number) {
    this.#sharing = sharing;
    this.#max = max;
  }

  /** Events that one tenant may have in the next commit; one request it has in any case. */
  get events(): number {
    if (!this.#sharing.isShared) return this.#max;
    const wanted = Math.max(sharedMs, this.#diskMs) / this.#msAnEvent;
    return Math.min(this.#max, Math.max(minShared, wanted));
  }

  /** A commit of so many events took so long. */
  measured(events: number, ms: number): void {
    if (events < minMeasured) this.#diskMs += newest * (ms - this.#diskMs);
    else {
      const msAnEvent = Math.max(0, ms - this.#diskMs) / events;
      this.#msAnEvent += newest * (msAnEvent - this.#msAnEvent);
    }
  }
}
