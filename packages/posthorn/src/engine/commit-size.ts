import type { Clock } from '../runtime/clock.ts';

/** While several tenants publish, the events of a commit take about this long, or as long as the disk itself. */
const sharedMs = 4;
/** Fewer events than this would only make more commits. */
const minShared = 16;
/** So long after a tenant's request a request of another one makes the intake a shared one. */
const rememberMs = 1000;
/** Weight of the newest commit in the means. */
const newest = 0.2;
/** Commits of fewer events say how long the disk takes, those of more how long an event does. */
const minMeasured = 16;
const firstDiskMs = 1;
const firstMsAnEvent = 0.04;

/**
 * How many events go into one commit. A tenant that publishes alone has large commits, which cost least; as soon as others
 * publish too, commits are short, so that nobody waits long behind the flood of another (G8).
 */
export class CommitSize {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #max: number;
  #diskMs = firstDiskMs;
  #msAnEvent = firstMsAnEvent;
  #lastTenant = '';
  #sharedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonic'>, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  /** A tenant publishes. */
  note(tenant: string): void {
    if (tenant === this.#lastTenant) return;
    // The first one of all has nobody beside it.
    if (this.#lastTenant !== '') this.#sharedAt = this.#clock.monotonic();
    this.#lastTenant = tenant;
  }

  /** Events that one tenant may have in the next commit; one request it has in any case. */
  get events(): number {
    if (this.#clock.monotonic() - this.#sharedAt > rememberMs) return this.#max;
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
