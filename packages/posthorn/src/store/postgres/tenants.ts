import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';

/** See `Accounting.pendingIn`. */
export async function readPending(
  db: Database,
  endpoints: EndpointTable,
  tenants: readonly string[],
): Promise<number[]> {
  const { byTenant } = await endpoints.current();
  const owned = tenants.flatMap((tenant, place) =>
    (byTenant.get(tenant) ?? []).map(({ num }) => ({ num, place: place + 1 })),
  );
  const rows = await db.query(
    'pending_in',
    // Counters are in shard 0, or where the tables are distributed beside the rows of each shard.
    `SELECT coalesce((SELECT sum(l.accepted - l.delivered - l.dead - l.cancelled - l.suppressed)
         FROM unnest($2::int[], $3::int[]) AS p (num, place)
         JOIN posthorn.ledger l ON l.endpoint = p.num AND ${db.oneShard ? 'l.shard BETWEEN 0 AND 63' : 'l.shard = 0'}
         WHERE p.place = t.place), 0)::bigint
       + coalesce((SELECT sum(e.remaining) FROM posthorn.fan_outs f JOIN posthorn.fan_out_events e ON e.fan_out = f.id
           WHERE f.tenant = t.name), 0)::bigint
     FROM unnest($1::text[]) WITH ORDINALITY AS t (name, place) ORDER BY t.place`,
    [tenants, owned.map(({ num }) => num), owned.map(({ place }) => place)],
  );
  return rows.map(([pending]) => pending as number);
}
