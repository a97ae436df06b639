/** A queue for something scarce: tenants take turns, and within a tenant the first to come (G8). */
export class Turns<T> {
  readonly #tenants = new Map<string, Set<T>>();
  size = 0;

  /** One that waits already keeps its place. */
  add(tenant: string, waiting: T): void {
    let group = this.#tenants.get(tenant);
    if (group === undefined) this.#tenants.set(tenant, (group = new Set()));
    if (group.has(waiting)) return;
    group.add(waiting);
    this.size++;
  }

  /** Takes the one whose turn it is; undefined if none waits. */
  take(): T | undefined {
    const next = this.#tenants.entries().next();
    if (next.done === true) return undefined;
    const [tenant, group] = next.value;
    const waiting = group.values().next().value as T;
    group.delete(waiting);
    this.size--;
    // Behind all other tenants, if it has more.
    this.#tenants.delete(tenant);
    if (group.size > 0) this.#tenants.set(tenant, group);
    return waiting;
  }
}

/** What a tenant gains each time that its turn comes; whatever costs less is taken at once. */
const creditATurn = 64 * 1024;

interface Line<T> {
  readonly waiting: Set<{ readonly item: T; readonly cost: number }>;
  credit: number;
}

/**
 * Turns by cost: what costs more than a turn's credit lets turns of other tenants pass until it has saved enough, so that
 * a tenant of large requests gets as many bytes as the others and not as many requests (G8).
 */
export class CostTurns<T> {
  readonly #tenants = new Map<string, Line<T>>();
  size = 0;

  add(tenant: string, item: T, cost: number): void {
    let line = this.#tenants.get(tenant);
    if (line === undefined) this.#tenants.set(tenant, (line = { waiting: new Set(), credit: creditATurn }));
    line.waiting.add({ item, cost });
    this.size++;
  }

  /** Whose turn it is; undefined if none waits. The same until it is taken. */
  peek(): T | undefined {
    for (const [tenant, line] of this.#tenants) {
      const { item, cost } = line.waiting.values().next().value!;
      // No other waits for the one that is alone.
      if (line.credit >= cost || this.#tenants.size === 1) return item;
      line.credit += creditATurn;
      // Behind all others: this loop comes to it again.
      this.#tenants.delete(tenant);
      this.#tenants.set(tenant, line);
    }
    return undefined;
  }

  /** The one whose turn it is lets all others go first. It keeps what it has saved. */
  pass(): void {
    if (this.peek() === undefined) return;
    const [tenant, line] = this.#tenants.entries().next().value!;
    this.#tenants.delete(tenant);
    this.#tenants.set(tenant, line);
  }

  /** Takes the one whose turn it is; undefined if none waits. */
  take(): T | undefined {
    if (this.peek() === undefined) return undefined;
    // One that was passed over is behind it.
    const [tenant, line] = this.#tenants.entries().next().value!;
    const first = line.waiting.values().next().value!;
    line.waiting.delete(first);
    line.credit = creditATurn;
    this.size--;
    this.#tenants.delete(tenant);
    if (line.waiting.size > 0) this.#tenants.set(tenant, line);
    return first.item;
  }
}
