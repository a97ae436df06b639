import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import {
  StoreFaultError,
  StoreOpenError,
  UnavailableError,
} from '../../packages/posthorn/src/domain/errors.ts';
import { Database } from '../../packages/posthorn/src/store/postgres/database.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { expectedParts } from '../../packages/posthorn/src/store/postgres/schema.ts';
import { partsThere } from '../../packages/posthorn/src/store/postgres/schema-parts.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { until } from '../support.ts';
import { dataOf, earlierVersions, expectedUse, keepsAll, useUpgraded } from '../upgrades/upgraded.ts';
import { apiKey, serve } from './serving.ts';
import { runHere } from './run-here.ts';

const password = 'pa55-not-to-be-printed';
let postgres: Postgres;
let url: string;

async function sql(at: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: at });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}
const asUser = (at: string, user: string): string => {
  const changed = new URL(at);
  changed.username = user;
  changed.password = password;
  return changed.href;
};
const failure = async (at: string): Promise<Error> =>
  await openPostgresStore(at).then(
    async ({ store }) => {
      await store.close();
      throw new Error('it was opened');
    },
    (error: Error) => error,
  );

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.createDatabase();
  await sql(url, `CREATE ROLE limited LOGIN PASSWORD '${password}'`);
});
afterAll(() => postgres.stop());

describe('a database that cannot be used is one sentence with the next step, and never the password', () => {
  const withPort = (port: number): string => {
    const changed = new URL(url);
    changed.port = String(port);
    changed.password = password;
    return changed.href;
  };
  test('no such database', async () => {
    const changed = new URL(asUser(url, new URL(url).username));
    changed.pathname = '/not_there';
    changed.password = new URL(url).password;
    const error = await failure(changed.href);
    expect(error).toBeInstanceOf(StoreOpenError);
    expect(error.message).toMatch(
      /database not_there at .*:\d+ cannot be opened: there is no such database; create it/,
    );
  });

  test('no rights', async () => {
    const error = await failure(asUser(url, 'limited'));
    expect(error).toBeInstanceOf(StoreOpenError);
    expect(error.message).toMatch(/this user lacks the rights; GRANT CREATE/);
    expect(error.message).not.toContain(password);
  });

  test('nothing listens, an unknown host, something other than PostgreSQL, a URL that cannot be read', async () => {
    const away = await failure(withPort(await freePort()));
    expect(away).toBeInstanceOf(UnavailableError);
    expect(away.message).toMatch(/nothing listens there; start the server/);
    const unknown = await failure(`postgres://u:${password}@no-such-host.invalid/app`);
    expect(unknown.message).toMatch(
      /database app at no-such-host.invalid:5432 cannot be opened: its host name/,
    );
    const other: Server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => other.once('listening', resolve));
    const wrong = await failure(withPort((other.address() as AddressInfo).port));
    expect(wrong.message).toMatch(/^the database .* cannot be opened: /);
    other.close();
    const unreadable = await failure(`postgres://u:${password}#x@host:5432/app`);
    expect(unreadable.message).toMatch(/cannot be read: .*percent-encoded/);
    for (const error of [away, unknown, wrong, unreadable]) expect(error.message).not.toContain(password);
    const command = await runHere('verify', '--database-url', `postgres://u:${password}#x@host:5432/app`);
    expect(command.code).toBe(2);
    expect(command.err).toMatch(/^posthorn: the database URL cannot be read/);
    expect(command.err).not.toContain(password);
  });

  test('one that may only be read, and one that does not wait for the disk', async () => {
    const readOnly = await postgres.createDatabase();
    const name = new URL(readOnly).pathname.slice(1);
    await sql(url, `ALTER DATABASE "${name}" SET default_transaction_read_only = on`);
    expect((await failure(readOnly)).message).toMatch(/default_transaction_read_only is on/);
    const hasty = await postgres.createDatabase();
    await sql(url, `ALTER DATABASE "${new URL(hasty).pathname.slice(1)}" SET synchronous_commit = off`);
    expect((await failure(hasty)).message).toMatch(/synchronous_commit is off.*ALTER ROLE/);
  });

  test('a pooler that drops the options of a session', async () => {
    // As PgBouncer does with ignore_startup_parameters = options: what it cannot keep, it leaves out.
    const target = new URL(url);
    const pooler = createServer((client) => {
      client.once('data', (startup: Buffer) => {
        const text = startup.subarray(8).toString('latin1').split('\0');
        const at = text.indexOf('options');
        if (at >= 0) text.splice(at, 2);
        const rest = Buffer.from(text.join('\0'), 'latin1');
        const head = Buffer.alloc(8);
        head.writeInt32BE(rest.length + 8, 0);
        startup.copy(head, 4, 4, 8);
        const upstream = connect(Number(target.port), target.hostname, () => {
          upstream.write(Buffer.concat([head, rest]));
          client.pipe(upstream).pipe(client);
        });
        upstream.on('error', () => client.destroy());
        client.on('error', () => upstream.destroy());
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => pooler.once('listening', resolve));
    const pooled = new URL(url);
    pooled.hostname = '127.0.0.1';
    pooled.port = String((pooler.address() as AddressInfo).port);
    const error = await failure(pooled.href);
    expect(error).toBeInstanceOf(StoreOpenError);
    expect(error.message).toMatch(/connection pooler .*session mode/);
    pooler.close();
  });
});

describe('a schema number that says more than its tables', () => {
  // Statements of the version before the counters had their name.
  test('nodes of the version before continue to count until they are replaced', async () => {
    const migrated = await postgres.createMigrated();
    for (let each = 0; each < 2; each++)
      await sql(
        migrated,
        `INSERT INTO posthorn.tallies AS l (shard, endpoint, minute, type, writer, accepted) VALUES (0, 1, 60, 'a', 'n', 1)
         ON CONFLICT (shard, endpoint, minute, type, writer) DO UPDATE SET accepted = l.accepted + excluded.accepted`,
      );
    const db = Database.connect(migrated, 1);
    expect(await db.query('', 'SELECT accepted FROM posthorn.counters')).toEqual([[2]]);
    await db.close();
  });

  test('what the migrations are read to make is what a database has after them', async () => {
    const db = Database.connect(await postgres.createMigrated(), 1);
    const there = await partsThere(db);
    await db.close();
    expect([...there].filter((part) => !/ migrations(\.|$)/.test(part)).toSorted()).toEqual(
      [...expectedParts()].toSorted(),
    );
  });

  test.each([
    ['DROP TABLE posthorn.failures', /lacks table failures: /],
    ['ALTER TABLE posthorn.deliveries DROP COLUMN message', /lacks column deliveries.message/],
    ['DROP FUNCTION posthorn.event_shard', /lacks function event_shard/],
  ])('%s', async (statement, sentence) => {
    const changed = await postgres.createMigrated();
    await sql(changed, statement);
    const error = await failure(changed);
    expect(error).toBeInstanceOf(StoreOpenError);
    expect(error.message).toMatch(sentence);
    await expect(openPostgresStore(changed, { readOnly: true })).rejects.toThrow(sentence);
  });

  test('G1: the schema is dropped while running: nothing is acknowledged, and nothing is a defect', async () => {
    const databaseUrl = await postgres.createMigrated();
    const { url: api, stop } = await serve({ databaseUrl });
    try {
      await sql(databaseUrl, 'DROP SCHEMA posthorn CASCADE');
      const response = await fetch(`${api}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: '{"type":"a.b","data":1}',
      });
      expect(response.status).toBe(503);
      await until('readyz says so', async () => (await fetch(`${api}/readyz`)).status === 503);
    } finally {
      await stop();
    }
  });

  test('a table that is missing is a fault of the store for every caller', async () => {
    const changed = await postgres.createMigrated();
    const { store } = await openPostgresStore(changed);
    await sql(changed, 'DROP TABLE posthorn.documents');
    await expect(store.read.documents('team')).rejects.toBeInstanceOf(StoreFaultError);
    await store.close();
  });
});

/** Who may call `posthorn.publish` besides its owner. */
async function mayPublish(at: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: at });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    `SELECT coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC') AS name
      FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
      WHERE pronamespace = 'posthorn'::regnamespace AND proname = 'publish' AND grantee <> proowner`,
  );
  await client.end();
  return rows.map(({ name }) => name);
}

describe.each(earlierVersions('sql'))('a database of %s', (version) => {
  test('G1, G5, G6: all that was accepted is there, can be used, and verifies', async () => {
    const databaseUrl = await postgres.createDatabase();
    const role = `publisher_${databaseUrl.split('/').at(-1)!}`;
    await sql(
      databaseUrl,
      dataOf(version, 'sql').toString(),
      `CREATE ROLE ${role}`,
      'REVOKE ALL ON FUNCTION posthorn.publish FROM PUBLIC',
      `GRANT EXECUTE ON FUNCTION posthorn.publish TO ${role}`,
    );
    const { client, stop } = await serve({ databaseUrl, ...keepsAll });
    expect(await useUpgraded(client)).toEqual(expectedUse);
    await stop();
    expect(await mayPublish(databaseUrl)).toEqual([role]);
    const verified = await runHere('verify', '--database-url', databaseUrl, '--json');
    expect(verified, verified.err).toMatchObject({ code: 0 });
  });
});
