import pg from 'pg';

const connectMs = 10_000;

/** Opens the PostgreSQL of another sender, which is only read. */
export async function openToRead(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: connectMs });
  // The next statement on it fails; without a listener the process would end.
  client.on('error', () => {});
  await client.connect();
  await client.query('SET default_transaction_read_only = on');
  return client;
}

/** Reads one state of it, and closes it. */
export async function inSnapshot<T>(
  databaseUrl: string,
  read: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await openToRead(databaseUrl);
  try {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    return await read(client);
  } finally {
    await client.end();
  }
}
