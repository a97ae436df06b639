import type { Connection, Database } from './database.ts';

/** See `announce`. The caller holds the transaction. */
export async function announce(connection: Connection): Promise<void> {
  await connection.query('config_raise', 'UPDATE posthorn.config SET version = version + 1');
  await connection.query('config_notify', "SELECT pg_notify('posthorn_config', '')");
}

/** The same if the version is still this one; else false, with nothing written. */
export async function announceFrom(connection: Connection, version: number): Promise<boolean> {
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
