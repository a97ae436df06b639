import type pg from 'pg';
import type { FormerState } from '../../domain/imported.ts';
import { openToRead } from '../../importers/database.ts';

// The messages of Svix's database, page by page. Columns and tables that its version does not have are absent.

export interface StoredMessage {
  readonly id: string;
  readonly uid: string | null;
  readonly app_id: string;
  readonly event_type: string;
  readonly created_at: Date;
  readonly channels: readonly string[] | null;
  /** Null: it has expired. */
  readonly payload: Buffer | null;
  /** By the id of the endpoint; a message that was not attempted has none. */
  readonly states: ReadonlyMap<string, FormerState>;
}

/** Messages of a page: of the largest ones 70 MB. */
const pageLength = 200;

interface Tables {
  readonly contents: boolean;
  readonly destinations: boolean;
}

const messagesSql = ({ contents }: Tables): string =>
  `SELECT m.id, m.uid, m.app_id, m.event_type, m.created_at, m.channels,
     ${contents ? 'coalesce(c.payload, convert_to(m.payload::text, $4))' : 'convert_to(m.payload::text, $4)'} AS payload
   FROM message m ${contents ? 'LEFT JOIN messagecontent c ON c.id = m.id' : ''}
   WHERE m.created_at >= $1 AND m.id > $2 ORDER BY m.id LIMIT $3`;

/** An attempt that succeeded decides; without one, the last attempt says whether another is to come. */
const attemptsSql = `SELECT a.msg_id, a.endp_id, bool_or(a.status = 0) AS delivered,
    (array_agg(to_jsonb(a) ->> 'next_attempt' ORDER BY a.id DESC))[1] IS NOT NULL AS pending
  FROM messageattempt a WHERE a.msg_id = ANY ($1) GROUP BY 1, 2`;

/** Former versions keep the state of each message at each endpoint: 1 and 3 are under way. */
const destinationsSql = `SELECT d.msg_id, d.endp_id, d.status = 0 AS delivered, d.status IN (1, 3) AS pending
  FROM messagedestination d WHERE d.msg_id = ANY ($1)`;

interface StateRow {
  readonly msg_id: string;
  readonly endp_id: string;
  readonly delivered: boolean;
  readonly pending: boolean;
}

const stateFrom = ({ delivered, pending }: StateRow): FormerState =>
  delivered ? 'delivered' : pending ? 'pending' : 'failed';

async function statesOf(
  client: pg.Client,
  { destinations }: Tables,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Map<string, FormerState>>> {
  const states = new Map(ids.map((id) => [id, new Map<string, FormerState>()]));
  const read = async (sql: string): Promise<void> => {
    for (const row of (await client.query<StateRow>(sql, [ids])).rows) {
      const of = states.get(row.msg_id)!;
      if (of.get(row.endp_id) !== 'delivered') of.set(row.endp_id, stateFrom(row));
    }
  };
  await read(attemptsSql);
  if (destinations) await read(destinationsSql);
  return states;
}

/** Reads the messages since a time, oldest first. */
export async function* storedMessages(
  databaseUrl: string,
  since: Date,
): AsyncGenerator<readonly StoredMessage[], void> {
  const client = await openToRead(databaseUrl);
  try {
    const { rows: tables } = await client.query<Tables>(
      `SELECT to_regclass('messagecontent') IS NOT NULL AS contents, to_regclass('messagedestination') IS NOT NULL AS destinations`,
    );
    for (let after = ''; ;) {
      const { rows } = await client.query<Omit<StoredMessage, 'states'>>(messagesSql(tables[0]!), [
        since,
        after,
        pageLength,
        'UTF8',
      ]);
      if (rows.length === 0) return;
      const ids = rows.map(({ id }) => id);
      const states = await statesOf(client, tables[0]!, ids);
      yield rows.map((row) => ({ ...row, states: states.get(row.id)! }));
      after = ids.at(-1)!;
    }
  } finally {
    await client.end();
  }
}
