import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { ask, type Postgres, startPostgres } from '../postgres.ts';
import { until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

// `posthorn ingest replication`: what the other sources do not have. test/integration/ingest.test.ts has what they have in common.

let posthorn: Awaited<ReturnType<typeof serve>>;
let postgres: Postgres;
let url: string;
beforeAll(async () => {
  posthorn = await serve();
  postgres = await startPostgres({ settings: ['wal_level=logical'] });
  url = await postgres.createDatabase();
});
afterAll(async () => {
  await posthorn.stop();
  await postgres.stop();
});

const newName = (): string => `t${randomUUID().replaceAll('-', '').slice(0, 12)}`;
const counts = async (tenant: string): Promise<{ events: number }> =>
  await posthorn.client.request('GET', `/v1/accounting?tenant=${tenant}`);

/** A table with a slot of its own, and the arguments that read it. */
async function aTable(
  columns = 'type text NOT NULL, data json NOT NULL',
): Promise<{ table: string; args: string[] }> {
  const table = newName();
  await ask(url, `CREATE TABLE ${table} (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, ${columns})`);
  return { table, args: argsFor(table) };
}
const argsFor = (table: string): string[] =>
  `ingest replication --database-url ${url} --table ${table} --slot ${table} --publication ${table} --tenant =${table} --until-idle 0.5 --url ${posthorn.url} --api-key ${apiKey}`.split(
    ' ',
  );
const slots = async (name: string): Promise<number> =>
  (await ask(url, `SELECT 1 FROM pg_replication_slots WHERE slot_name = '${name}'`)).length;

test('G1: inserts become events, with the ids of `ingest outbox`; updates and deletions are nothing; the slot is made and dropped', async () => {
  const { table, args } = await aTable('type text NOT NULL, data jsonb NOT NULL, at timestamptz NOT NULL');
  const insert = (n: number): string =>
    `INSERT INTO ${table} (type, data, at) VALUES ('payment.paid', '{"n":${n}}', '2026-01-02T03:04:05.678+02')`;
  await ask(url, insert(1));
  const created = await runHere(...args, '--create');
  expect(created.code, created.err).toBe(0);
  expect(created.err).toContain(`created the publication ${table} and the replication slot ${table}`);
  expect(created.err).toContain('max_slot_wal_keep_size');
  // What was there before is not in the log.
  expect((await counts(table)).events).toBe(0);
  await ask(url, 'BEGIN', insert(2), insert(3), 'COMMIT', 'BEGIN', insert(4), 'ROLLBACK', insert(5));
  await ask(url, `UPDATE ${table} SET data = '{"n":99}'`, `DELETE FROM ${table} WHERE id > 2`);
  const { code, err } = await runHere(...args, '--occurred-at', 'column:at');
  expect(code, err).toBe(0);
  expect((await counts(table)).events).toBe(3);
  const { data, occurred_at: at } = await posthorn.client.request<{ data: unknown; occurred_at: string }>(
    'GET',
    `/v1/events/outbox:${table}%2F2?tenant=${table}`,
  );
  expect([data, at]).toEqual([{ n: 2 }, '2026-01-02T01:04:05.678Z']);
  expect((await runHere(...args, '--drop')).code).toBe(0);
  expect(await slots(table)).toBe(0);
  const again = await runHere(...args, '--drop');
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('does not exist')]);
});

test('G1: PostgreSQL is killed and comes back: exactly one event for each row, also of a large transaction', async () => {
  const { table, args } = await aTable();
  const created = await runHere(...args, '--create');
  expect(created.code, created.err).toBe(0);
  const rows = (count: number): string =>
    `INSERT INTO ${table} (type, data) SELECT 'payment.paid', json_build_object('n', i) FROM generate_series(1, ${count}) i`;
  const statusPort = await freePort();
  const asked = args.filter((word) => !['--until-idle', '0.5'].includes(word));
  let child: ChildProcess | null = null;
  const start = (): void => {
    child = spawn(
      process.execPath,
      [command, ...asked, '--batch', '50', '--status', String(statusPort), '--progress', '1'],
      { stdio: 'ignore' },
    );
  };
  start();
  try {
    await ask(url, rows(1000));
    await until('some are accepted', async () => (await counts(table)).events >= 50);
    await postgres.kill();
    await postgres.restart();
    await ask(url, rows(500));
    await until('more are accepted', async () => (await counts(table)).events >= 1050);
    child!.kill('SIGKILL');
    start();
    await until('all are accepted', async () => (await counts(table)).events === 1500);
    await until('the metric of the held log is there', async () =>
      /posthorn_ingest_held_bytes\{source="replication"\} \d/.test(
        await fetch(`http://127.0.0.1:${statusPort}/metrics`).then(
          (answer) => answer.text(),
          () => '',
        ),
      ),
    );
  } finally {
    child!.kill('SIGKILL');
  }
  const { code, err } = await runHere(...args);
  expect(code, err).toBe(0);
  expect((await counts(table)).events).toBe(1500);
});

test.each<[what: string, prepare: (table: string) => string[], more: string[], error: string]>([
  ['no such table', () => [], ['--table', 'nowhere'], 'relation "nowhere" does not exist'],
  ['no such column', () => [], ['--data-column', 'payload'], 'has no column payload'],
  ['a key that may be null', () => [], ['--key-column', 'type'], 'may be null: use the primary key'],
  ['no publication', () => [], [], 'does not exist: give --create'],
  [
    'a publication without the table',
    (table) => [`CREATE PUBLICATION ${table}`],
    [],
    'does not have the table',
  ],
  [
    'a publication of updates alone',
    (table) => [`CREATE PUBLICATION ${table} FOR TABLE ${table} WITH (publish = 'update')`],
    [],
    'does not publish inserts',
  ],
  [
    'a publication without the data',
    (table) => [`CREATE PUBLICATION ${table} FOR TABLE ${table} (id)`],
    [],
    'leaves out the column data',
  ],
  [
    'no slot',
    (table) => [`CREATE PUBLICATION ${table} FOR TABLE ${table}`],
    [],
    'does not exist: --create makes one',
  ],
  [
    'a slot of another plugin',
    (table) => [
      `CREATE PUBLICATION ${table} FOR TABLE ${table}`,
      `SELECT pg_create_physical_replication_slot('${table}')`,
    ],
    [],
    'is of another database or for another plugin',
  ],
])('a mistake is named: %s', async (_, prepare, more, error) => {
  const { table, args } = await aTable('type text, data json NOT NULL');
  await ask(url, 'SELECT 1', ...prepare(table));
  const { code, err } = await runHere(...args, ...more);
  await ask(
    url,
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${table}'`,
  );
  expect([code, err]).toEqual([1, expect.stringContaining(error)]);
});

test('a mistake is named: a column is lost on the way, and all rows before it are accepted', async () => {
  const { table, args } = await aTable();
  expect((await runHere(...args, '--create')).code).toBe(0);
  await ask(
    url,
    `INSERT INTO ${table} (type, data) VALUES ('payment.paid', '{}')`,
    `ALTER TABLE ${table} RENAME COLUMN data TO payload`,
    `INSERT INTO ${table} (type, payload) VALUES ('payment.paid', '{}')`,
    `ALTER TABLE ${table} RENAME COLUMN payload TO data`,
  );
  const { code, err } = await runHere(...args);
  expect([code, err]).toEqual([1, expect.stringContaining('has lost the column data')]);
  expect((await counts(table)).events).toBe(1);
  expect((await runHere(...args, '--drop')).code).toBe(0);
});
