/** The tenant of a request that names none, if the caller is not bound to one. */
export const defaultTenant = 'default';

/** What a tenant may have and do; null: as much as it wants. */
export interface TenantLimits {
  readonly endpoints: number | null;
  readonly events_per_s: number | null;
  readonly pending_deliveries: number | null;
}

/** A tenant as it was declared, in wire format. An undeclared tenant is not limited. */
export interface TenantDocument {
  readonly display_name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly limits: TenantLimits;
  /** Set when it is stored; absent: it was declared before times were kept. */
  readonly times?: { readonly created: number; readonly updated: number } | undefined;
}

/** Every node keeps their limits in memory. */
export const maxTenants = 10_000;
