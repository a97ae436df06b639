import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';

const balance = 'sum(l.accepted - l.delivered - l.dead - l.cancelled - l.suppressed)';
const fannedOut = 'posthorn.fan_outs f JOIN posthorn.fan_out_events e ON e.fan_out = f.id';
const tenantsAsked = 'unnest($1::text[]) WITH ORDINALITY AS t (name, place)';
const endpointsAsked = 'unnest($2::int[], $3::int[]) AS p (num, place)';

const pendingSql = {
  // Counters are in shard 0.
  spanning: `SELECT coalesce((SELECT ${balance} FROM ${endpointsAsked} JOIN posthorn.ledger l ON l.endpoint = p.num AND l.shard = 0
         WHERE p.place = t.place), 0)::bigint
       + coalesce((SELECT sum(e.remaining) FROM ${fannedOut} WHERE f.tenant = t.name), 0)::bigint
     FROM ${tenantsAsked} ORDER BY t.place`,
  // Counters are beside the rows of each shard, and no subquery depends on a tenant.
  single: `WITH
     l AS MATERIALIZED (SELECT l.endpoint, ${balance}::bigint AS pending FROM posthorn.ledger l
       WHERE l.shard BETWEEN 0 AND 63 AND l.endpoint = ANY ($2::int[]) GROUP BY l.endpoint),
     f AS MATERIALIZED (SELECT f.tenant, sum(e.remaining)::bigint AS pending FROM ${fannedOut} WHERE f.tenant = ANY ($1::text[]) GROUP BY f.tenant)
     SELECT coalesce((SELECT sum(l.pending) FROM ${endpointsAsked} JOIN l ON l.endpoint = p.num WHERE p.place = t.place), 0)::bigint
       + coalesce((SELECT f.pending FROM f WHERE f.tenant = t.name), 0)
     FROM ${tenantsAsked} ORDER BY t.place`,
};

/** See `Accounting.pendingIn`. */
export async function readPending(
  db: Database,
  endpoints: EndpointTable,
  tenants: readonly string[],
): Promise<number[]> {
  const { index } = await endpoints.current();
  const owned = tenants.flatMap((tenant, place) =>
    Array.from(index.ofTenant(tenant), ({ num }) => ({ num, place: place + 1 })),
  );
  const rows = await db.query('pending_in', db.shards.choose(pendingSql), [
    tenants,
    owned.map(({ num }) => num),
    owned.map(({ place }) => place),
  ]);
  return rows.map(([pending]) => pending as number);
}
