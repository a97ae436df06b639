import type { Connection, Database } from './database.ts';

/** See `announce`. The caller holds the transaction. */
export async function announce(connection: Connection): Promise<void> {
  await connection.query('config_raise', 'UPDATE posthorn.config SET version = version + 1');
  await connection.query('config_notify', "SELECT pg_notify('posthorn_config', '')");
}

/** A transaction that announces a change of endpoints or documents. */
export async function announced<T>(db: Database, work: (connection: Connection) => Promise<T>): Promise<T> {
  return await db.transaction(async (connection) => {
    await announce(connection);
    return await work(connection);
  });
}
