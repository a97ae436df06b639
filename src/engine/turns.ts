/** Who waits for something scarce: tenants take turns, and within a tenant whoever came first (G8). */
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

  /** Whose turn it is; undefined if nobody waits. */
  peek(): T | undefined {
    const next = this.#tenants.values().next();
    return next.done === true ? undefined : next.value.values().next().value;
  }

  /** Takes the one whose turn it is; undefined if nobody waits. */
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
