import type pg from 'pg';
import type { OtherDelivery, OtherEndpoint, OtherSender, TimeRange } from '../../cli/shadow/other-sender.ts';
import { openToRead } from '../../importers/database.ts';
import { endpointName, tenantName } from './declarations.ts';

// What that server's database says it sent: the other side of `posthorn shadow`.

interface EndpointRow {
  readonly id: string;
  readonly uid: string | null;
  readonly app_id: string;
  readonly app_uid: string | null;
  readonly url: string;
  readonly disabled: boolean;
  readonly headers: Readonly<Record<string, string>> | null;
}

interface MessageRow {
  readonly id: string;
  readonly uid: string | null;
  readonly event_type: string;
  readonly at: string;
  readonly url: string | null;
}

const pageSize = 5000;

/** Reads from this position, in the order of ids, which is that of time. */
const messagesSql = `SELECT m.id, m.uid, m.event_type, (extract(epoch FROM m.created_at) * 1000)::bigint::text AS at,
    (SELECT a.url FROM messageattempt a WHERE a.msg_id = m.id AND a.endp_id = $2 ORDER BY a.id DESC LIMIT 1) AS url
  FROM message m
  WHERE m.app_id = $1 AND m.id > $3 AND m.created_at >= to_timestamp($4::bigint / 1000.0) AND m.created_at < to_timestamp($5::bigint / 1000.0)
  ORDER BY m.id LIMIT ${pageSize}`;

class SvixDatabase implements OtherSender {
  readonly #client: pg.Client;
  readonly #applications = new Map<string, string>();

  constructor(client: pg.Client) {
    this.#client = client;
  }

  async endpoints(): Promise<readonly OtherEndpoint[]> {
    const { rows } = await this.#client.query<{ row: EndpointRow }>(
      `SELECT (to_jsonb(t) - 'key') || jsonb_build_object('app_uid', a.uid) AS row
        FROM endpoint t JOIN application a ON a.id = t.app_id WHERE NOT t.deleted AND NOT a.deleted ORDER BY t.id`,
    );
    return rows.map(({ row }) => {
      this.#applications.set(row.id, row.app_id);
      return {
        id: row.id,
        tenant: tenantName({ id: row.app_id, uid: row.app_uid }),
        names: [endpointName(row)],
        url: row.url,
        isEnabled: !row.disabled,
        headers: Object.keys(row.headers ?? {}),
      };
    });
  }

  async *deliveries(endpoint: string, { since, until }: TimeRange): AsyncGenerator<OtherDelivery> {
    const application = this.#applications.get(endpoint);
    for (let after: string | null = ''; after !== null;) {
      const values: unknown[] = [application, endpoint, after, since, until];
      const { rows }: pg.QueryResult<MessageRow> = await this.#client.query(messagesSql, values);
      for (const { id, uid, event_type: type, at, url } of rows)
        yield { eventId: uid ?? id, type, url, acceptedAt: Number(at), isSent: url !== null, body: id };
      after = rows.length < pageSize ? null : rows.at(-1)!.id;
    }
  }

  async bodies(references: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    const there = await this.#client.query<{ found: boolean }>(
      "SELECT to_regclass('messagecontent') IS NOT NULL AS found",
    );
    // Older servers keep the payload as a value, whose bytes are not those that were sent.
    if (there.rows[0]?.found !== true) return new Map();
    const { rows } = await this.#client.query<{ id: string; payload: Buffer }>(
      'SELECT id, payload FROM messagecontent WHERE id = ANY ($1::varchar[])',
      [references],
    );
    return new Map(rows.map(({ id, payload }) => [id, payload]));
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}

/** Opens the database, which is only read. */
export async function openSvixDatabase(url: string): Promise<OtherSender> {
  return new SvixDatabase(await openToRead(url));
}
