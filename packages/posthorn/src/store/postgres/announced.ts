import { endpointLock } from '../common/pieces.ts';
import type { Connection, Database } from './database.ts';

/** Waits until no other transaction shares the endpoints; see `shareEndpoints`. Elsewhere their own rows are locked. */
async function lockEndpoints(connection: Connection): Promise<void> {
  if (connection.shards.choose({ spanning: false, single: true }))
    await connection.query('endpoints_lock', `SELECT pg_advisory_xact_lock(${endpointLock})`);
}

/** See `announce`. The caller holds the transaction. */
export async function announce(connection: Connection): Promise<void> {
  await lockEndpoints(connection);
  await connection.query('config_raise', 'UPDATE posthorn.config SET version = version + 1');
  await connection.query('config_notify', "SELECT pg_notify('posthorn_config', '')");
}

/** The same if the version is still this one; else false, with nothing written. */
export async function announceFrom(connection: Connection, version: number): Promise<boolean> {
  await lockEndpoints(connection);
  const raised = await connection.execute(
    'config_raise_from',
    'UPDATE posthorn.config SET version = version + 1 WHERE version = $1',
    [version],
  );
  if (raised === 0) return false;
  await connection.query('config_notify', "SELECT pg_notify('posthorn_config', '')");
  return true;
}

/** A transaction that announces a change of endpoints or documents. */
export async function announced<T>(db: Database, work: (connection: Connection) => Promise<T>): Promise<T> {
  return await db.transaction(async (connection) => {
    await announce(connection);
    return await work(connection);
  });
}
