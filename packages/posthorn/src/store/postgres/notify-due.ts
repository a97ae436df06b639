import type { Connection } from './database.ts';

/** A hint to other nodes, nothing more: a node that misses it polls soon. */
export async function notifyDue(connection: Connection, endpointIds: readonly string[]): Promise<void> {
  // A notice carries less than 8,000 bytes; beyond that the nodes find out when they look.
  await connection
    .query('due_notify', "SELECT pg_notify('posthorn_due', $1)", [endpointIds.slice(0, 200).join(' ')])
    .catch(() => {});
}
