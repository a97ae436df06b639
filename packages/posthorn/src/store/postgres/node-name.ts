import type pg from 'pg';

/** First key of the advisory locks that hold names; the second is the name's hash. */
const nameLocks = 0x70_68_6e;

/**
 * Holds a name for as long as this connection lives; false if another process holds it. The server frees it when the
 * process dies, so a restart takes its own name and claims back at once, and a process beside it never takes them. A
 * heartbeat could not tell the two apart before its silence is long enough.
 */
export async function holdName(client: pg.ClientBase, name: string): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>(
    'SELECT pg_try_advisory_lock($1, hashtext($2)) AS held',
    [nameLocks, name],
  );
  return rows[0]!.held;
}

/** Holds the host's name, or the first free one of `host-2`, `host-3`, …: as many are taken as processes are connected. */
export async function holdFreeName(client: pg.ClientBase, host: string): Promise<string> {
  for (let n = 1; ; n++) {
    const name = n === 1 ? host : `${host}-${n}`;
    if (await holdName(client, name)) return name;
  }
}
