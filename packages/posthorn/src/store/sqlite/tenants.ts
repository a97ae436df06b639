import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';

/** See `Accounting.pendingIn`. */
export function readPending(db: Database, endpoints: EndpointTable, tenants: readonly string[]): number[] {
  return tenants.map((tenant) => {
    const nums = [...endpoints.index.ofTenant(tenant)].map(({ num }) => num);
    const row = db.get(
      `SELECT coalesce((SELECT sum(l.accepted - l.delivered - l.dead - l.cancelled - l.suppressed)
           FROM json_each(?1) n CROSS JOIN ledger l ON l.shard = 0 AND l.endpoint = n.value), 0)
         + coalesce((SELECT sum(e.remaining) FROM fan_outs f JOIN fan_out_events e ON e.fan_out = f.id WHERE f.tenant = ?2), 0)`,
      JSON.stringify(nums),
      tenant,
    );
    return row![0] as number;
  });
}
