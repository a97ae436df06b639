import type { Lane } from './lane.ts';

/**
 * Lanes that wait for a runner: tenants take turns, and within a tenant the lane that has waited longest (G8). However many programs
 * a tenant has, another one waits for one of them.
 */
export class LaneQueue<R> {
  /** The first is whose turn it is. */
  readonly #tenants = new Map<string, Lane<R>[]>();
  length = 0;

  /** A lane that had no turn before it was taken out keeps its place among those of its tenant. */
  add(lane: Lane<R>, now: number): void {
    let waiting = this.#tenants.get(lane.tenant);
    if (waiting === undefined) this.#tenants.set(lane.tenant, (waiting = []));
    const since = (lane.waitingSince ??= now);
    let at = waiting.length;
    while (at > 0 && (waiting[at - 1]!.waitingSince ?? since) > since) at--;
    waiting.splice(at, 0, lane);
    this.length++;
  }

  /** Whose turn it is. */
  peek(): Lane<R> | undefined {
    return this.#tenants.values().next().value?.[0];
  }

  take(): Lane<R> | undefined {
    const next = this.#tenants.entries().next();
    if (next.done === true) return undefined;
    const [tenant, waiting] = next.value;
    const lane = waiting.shift()!;
    this.length--;
    // Behind all other tenants, if it has more.
    this.#tenants.delete(tenant);
    if (waiting.length > 0) this.#tenants.set(tenant, waiting);
    return lane;
  }

  /** Takes out those whose jobs were all given up. */
  dropEmpty(): void {
    for (const [tenant, waiting] of this.#tenants) {
      const kept = waiting.filter(({ jobs }) => jobs.length > 0);
      this.length -= waiting.length - kept.length;
      if (kept.length > 0) this.#tenants.set(tenant, kept);
      else this.#tenants.delete(tenant);
    }
  }
}
