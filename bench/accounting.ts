import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import pg from 'pg';
import type { AccountingQuery } from '../packages/posthorn/src/store/accounting.ts';
import { openPostgresStore } from '../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../packages/posthorn/src/store/sqlite/open.ts';
import type { Store } from '../packages/posthorn/src/store/store.ts';
import { anEndpoint } from '../test/support.ts';
import { startPostgres } from '../test/postgres.ts';
import { everything } from '../packages/posthorn/src/store/accounting.ts';

// How long accounting takes over 90 days with so many deliveries: `npm run bench:accounting`. The rows are made by SQL in
// the shape that the store itself gives them: counters by hour, type and endpoint, a row for each delivery, one dead in a
// thousand with its event.

const { values } = parseArgs({
  options: {
    deliveries: { type: 'string', default: '10000000' },
    endpoints: { type: 'string', default: '20' },
    types: { type: 'string', default: '5' },
    store: { type: 'string', default: 'both' },
  },
});
const deliveries = Number(values.deliveries);
const endpoints = Number(values.endpoints);
const types = Number(values.types);
const hours = 90 * 24;
const hourMs = 3_600_000;
const now = Date.UTC(2026, 0, 1);
const firstHour = now / hourMs - hours;
const cells = hours * endpoints * types;
const each = Math.max(1, Math.floor(deliveries / cells));

const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** The same statements for both: `series(n)` counts from 0 to n - 1 as `i`. */
function statements(series: (n: number) => string, schema: string, writer: boolean): string[] {
  const [w, wv] = writer ? [', writer', ", 'bench'"] : ['', ''];
  const dead = Math.ceil(deliveries / 1000);
  return [
    `INSERT INTO ${schema}ledger (shard, endpoint, hour${w}, accepted, delivered, dead, cancelled, suppressed, late, superseded,
       first_attempts, first_delivered, pruned_delivered, pruned_dead, pruned_cancelled, pruned_suppressed)
     SELECT 0, i % ${endpoints} + 1, ${firstHour} + i / ${endpoints}${wv}, ${each * types}, ${each * types}, 0, 0, 0, 1, 0, ${each * types},
       ${each * types}, 0, 0, 0, 0 FROM ${series(hours * endpoints)}`,
    `INSERT INTO ${schema}counters (shard, endpoint, minute, type${w}, accepted, delivered, dead, cancelled, suppressed, late, superseded,
       first_attempts, first_delivered, recovered)
     SELECT 0, i % ${endpoints} + 1, (${firstHour} + i / ${endpoints * types}) * 60, 'payment.type' || (i / ${endpoints} % ${types})${wv},
       ${each}, ${each}, 0, 0, 0, 0, 0, ${each}, ${each}, 0 FROM ${series(cells)}`,
    // The last day stands by the minute.
    `INSERT INTO ${schema}counters (shard, endpoint, minute, type${w}, accepted, delivered, dead, cancelled, suppressed, late, superseded,
       first_attempts, first_delivered, recovered)
     SELECT 0, i % ${endpoints} + 1, ${now / 60_000 - 26 * 60} + i / ${endpoints * types}, 'payment.type' || (i / ${endpoints} % ${types})${wv},
       1, 1, 0, 0, 0, 0, 0, 1, 1, 0 FROM ${series(26 * 60 * endpoints * types)} WHERE (${now / 60_000 - 26 * 60} + i / ${endpoints * types}) % 60 <> 0`,
    `INSERT INTO ${schema}latency (shard, endpoint, hour, bucket, type${w}, count)
     SELECT 0, i % ${endpoints} + 1, ${firstHour} + i / ${endpoints * types * 10}, 20 + i / ${endpoints * types} % 10,
       'payment.type' || (i / ${endpoints} % ${types})${wv}, 1 FROM ${series(cells * 10)}`,
    `INSERT INTO ${schema}event_ledger (shard, tenant, hour, type${w}, events, unmatched)
     SELECT 0, 'default', ${firstHour} + i / ${types}, 'payment.type' || (i % ${types})${wv}, ${each * endpoints}, 0 FROM ${series(hours * types)}`,
    // One dead letter in a thousand deliveries, as below.
    `INSERT INTO ${schema}worth (shard, endpoint, hour, currency${w}, dead, dead_hi, dead_lo, suppressed, suppressed_hi, suppressed_lo)
     SELECT 0, i * 1000 % ${endpoints} + 1, ${firstHour} + CAST(i AS bigint) * 1000 * ${Math.floor((hours * hourMs) / deliveries)} / ${hourMs}, 'EUR'${wv},
       count(*), 0, 1099 * count(*), 0, 0, 0 FROM ${series(dead)} GROUP BY 2, 3`,
    `INSERT INTO ${schema}events (${schema === '' ? '' : 'shard, '}number, tenant, id, type, data, accepted_at, amount_minor, currency, deliveries,
       suppressed, filtered)
     SELECT ${schema === '' ? '' : 'i % 64, '}i * 64 + i % 64, 'default', 'evt_' || i, 'payment.type0', '{}', ${firstHour * hourMs}, 1099, 'EUR', 1, 0, 0
     FROM ${series(dead)}`,
    `INSERT INTO ${schema}deliveries (${schema === '' ? '' : 'shard, '}number, event_number, endpoint, state, due_at, claim, created_at, settled_at,
       reason)
     SELECT ${schema === '' ? '' : 'i % 64, '}i * 64 + i % 64, i / 1000 * 64 + i / 1000 % 64, i % ${endpoints} + 1, CASE WHEN i % 1000 = 0 THEN 2 ELSE 1 END, NULL, 1,
       ${firstHour * hourMs} + CAST(i AS bigint) * ${Math.floor((hours * hourMs) / deliveries)}, ${now}, 'delivered'
     FROM ${series(deliveries)}`,
  ];
}

async function measure(name: string, store: Store): Promise<void> {
  const query: AccountingQuery = {
    ...everything,
    now,
  };
  const cases: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['everything', () => store.read.accounting(query)],
    [
      'one tenant, 90 days',
      () => store.read.accounting({ ...query, tenants: ['default'], since: firstHour * hourMs, until: now }),
    ],
    ['one type', () => store.read.accounting({ ...query, eventTypes: ['payment.type1'] })],
    ['one team', () => store.read.accounting({ ...query, owners: ['team-1'] })],
    ['by day', () => store.read.accountingBy(query, 'day')],
    ['by endpoint', () => store.read.accountingBy(query, 'endpoint')],
    ['by event type', () => store.read.accountingBy(query, 'event_type')],
    ['last week by hour', () => store.read.accountingBy({ ...query, since: now - 7 * 24 * hourMs }, 'hour')],
  ];
  for (const [what, run] of cases) {
    await run();
    const times: number[] = [];
    for (let round = 0; round < 7; round++) {
      const began = performance.now();
      await run();
      times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    process.stdout.write(
      `${name.padEnd(12)} ${what.padEnd(22)} median ${times[3]!.toFixed(1).padStart(7)} ms   worst ${times.at(-1)!.toFixed(1).padStart(7)} ms\n`,
    );
  }
}

async function fillEndpoints(store: Store): Promise<void> {
  for (let n = 0; n < endpoints; n++)
    await store.write.createEndpoint(anEndpoint({ owner: `team-${n % 4}` }));
}

note(
  `${deliveries.toLocaleString('en-US')} deliveries over 90 days, ${endpoints} endpoints, ${types} event types`,
);
if (values.store !== 'postgres') {
  const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
  try {
    const store = await openSqliteStore({ dataDir, thread: true });
    await fillEndpoints(store);
    await store.close();
    const db = new DatabaseSync(join(dataDir, 'posthorn.db'));
    db.exec('PRAGMA synchronous = OFF');
    const series = (n: number): string =>
      `(WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < ${n - 1}) SELECT i FROM s)`;
    for (const sql of statements(series, '', false)) db.exec(sql);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    note('SQLite is filled');
    const filled = await openSqliteStore({ dataDir, thread: true });
    while (await filled.write.fold(now));
    await measure('SQLite', filled);
    await filled.close();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
if (values.store !== 'sqlite') {
  const postgres = await startPostgres({ own: true });
  try {
    const url = await postgres.createDatabase();
    const { store } = await openPostgresStore(url);
    await fillEndpoints(store);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const series = (n: number): string => `generate_series(0, ${n - 1}) AS s (i)`;
    for (const sql of statements(series, 'posthorn.', true)) await client.query(sql);
    await client.query('VACUUM ANALYZE');
    note('PostgreSQL is filled');
    while (await store.write.fold(now));
    // As if each day had been folded in its turn: ninety at once leave room behind that no day leaves.
    await client.query(
      'VACUUM FULL ANALYZE posthorn.counters, posthorn.ledger, posthorn.latency, posthorn.latency_days, posthorn.event_ledger',
    );
    await client.end();
    await measure('PostgreSQL', store);
    await store.close();
  } finally {
    await postgres.stop();
  }
}
