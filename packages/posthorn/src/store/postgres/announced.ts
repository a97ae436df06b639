import type { Connection, Database } from './database.ts';

/**
 * Raises the version and notifies other nodes in the transaction of the change itself. The version's row is locked before
 * any endpoint's, here and in `change`: two changes never wait for each other in a circle.
 */
export async function announced<T>(db: Database, work: (connection: Connection) => Promise<T>): Promise<T> {
  return await db.transaction(async (connection) => {
    await connection.query('config_raise', 'UPDATE posthorn.config SET version = version + 1');
    await connection.query('config_notify', "SELECT pg_notify('posthorn_config', '')");
    return await work(connection);
  });
}
