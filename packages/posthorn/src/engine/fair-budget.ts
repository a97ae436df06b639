/**
 * One bounded resource for all endpoints (G8): bytes of payload, attempts in flight, outcomes that wait for the disk,
 * places in a queue. The first half is for the first to come; the second half is divided into equal parts, for tenants and
 * within a tenant for its endpoints, so that one that uses less than its part gets some however much others hold.
 */
export class FairBudget {
  readonly total: number;
  readonly #tenants = new Map<string, TenantShare>();
  used = 0;
  /** Tenants that hold something now. */
  holding = 0;

  constructor(total: number) {
    this.total = total;
  }

  /** A part for one endpoint of this tenant. */
  share(tenant: string): Share {
    let group = this.#tenants.get(tenant);
    if (group === undefined) this.#tenants.set(tenant, (group = { shares: 0, used: 0, holding: 0 }));
    group.shares++;
    return new Share(this, group, () => {
      if (--group.shares === 0) this.#tenants.delete(tenant);
    });
  }
}

interface TenantShare {
  shares: number;
  used: number;
  /** Its endpoints that hold something now. */
  holding: number;
}

export class Share {
  readonly #budget: FairBudget;
  readonly #tenant: TenantShare;
  readonly #left: () => void;
  #closed = false;
  used = 0;

  constructor(budget: FairBudget, tenant: TenantShare, left: () => void) {
    this.#budget = budget;
    this.#tenant = tenant;
    this.#left = left;
  }

  /** Whether it may take more now. What is in use never exceeds twice the total, however many come for their part. */
  get isOpen(): boolean {
    const { used, total, holding } = this.#budget;
    if (used < total / 2) return true;
    if (used >= 2 * total) return false;
    const tenant = this.#tenant;
    const part = total / 2 / (holding + Number(tenant.used === 0));
    if (tenant.used < part) return true;
    return used < total && this.used < part / (tenant.holding + Number(this.used === 0));
  }

  take(amount: number): void {
    if (amount === 0) return;
    if (this.used === 0 && this.#tenant.holding++ === 0) this.#budget.holding++;
    this.used += amount;
    this.#tenant.used += amount;
    this.#budget.used += amount;
  }

  give(amount: number): void {
    if (amount === 0) return;
    this.used -= amount;
    this.#tenant.used -= amount;
    this.#budget.used -= amount;
    if (this.used > 0) return;
    if (--this.#tenant.holding === 0) this.#budget.holding--;
    if (this.#closed) this.#left();
  }

  /** Its endpoint was deleted: what it still holds is given back as it ends. */
  close(): void {
    this.#closed = true;
    if (this.used === 0) this.#left();
  }
}
