import { shardCount } from '../../packages/posthorn/src/domain/shard.ts';
import { fillBacklog, fillHistory } from '../backlog.ts';
import type { Ground, Place } from './place.ts';

// Rows by the million: so many are made by the store itself, and SQL copies them, with the counters. Copies have little data,
// because it is their number that is looked at.

const seeds = 1000;
const far = 'http://127.0.0.1:1/';

interface Copied {
  readonly place: Place;
  readonly ground: Ground;
  /** Copies of each row beside the row itself. */
  readonly copies: number;
}

/** Copies all events, deliveries and attempts, and multiplies what was counted. */
async function copyAll({ place, ground, copies }: Copied): Promise<void> {
  const isPostgres = ground.name === 'PostgreSQL';
  // The seeds' numbers end below this, and it is a multiple of the number of shards: copies keep their shard.
  const span = 4 * seeds * shardCount;
  const shard = isPostgres ? 'shard, ' : '';
  const series = isPostgres
    ? `generate_series(1, ${copies}) AS s (i)`
    : `(WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ${copies}) SELECT i FROM s) AS s`;
  const random = isPostgres ? `md5(random()::text)` : 'lower(hex(randomblob(16)))';
  const moved = (column: string): string => `x.${column} + s.i * ${isPostgres ? `${span}::bigint` : span}`;
  const copy = (table: string, columns: readonly string[], as: Readonly<Record<string, string>>): string =>
    `INSERT INTO posthorn.${table} (${shard}${columns.join(', ')})
     SELECT ${shard === '' ? '' : 'x.shard, '}${columns.map((column) => as[column] ?? `x.${column}`).join(', ')}
     FROM ${series} CROSS JOIN posthorn.${table} AS x`;
  const times = (table: string, ...columns: string[]): string =>
    `UPDATE posthorn.${table} SET ${columns.map((column) => `${column} = ${column} * ${copies + 1}`).join(', ')}`;
  await place.run(
    copy(
      'events',
      ['number', 'tenant', 'id', 'type', 'data', 'accepted_at', 'deliveries', 'suppressed', 'filtered'],
      { number: moved('number'), id: `'evt_' || ${random}`, data: `'{"amount":1099}'` },
    ),
    ...(isPostgres
      ? [
          `INSERT INTO posthorn.receipts (shard, tenant, id, event_number)
           SELECT shard, tenant, id, number FROM posthorn.events WHERE number >= ${span}`,
        ]
      : []),
    copy(
      'deliveries',
      'number event_number endpoint state due_at claim attempts tries created_at settled_at reason status_code'.split(
        ' ',
      ),
      { number: moved('number'), event_number: moved('event_number') },
    ),
    copy(
      'attempts',
      'delivery n started_at duration_ms status_code outcome response_excerpt trigger node'.split(' '),
      { delivery: moved('delivery') },
    ),
    times('ledger', 'accepted', 'delivered', 'first_attempts', 'first_delivered'),
    times('counters', 'accepted', 'delivered', 'first_attempts', 'first_delivered'),
    times('latency', 'count'),
    times('event_ledger', 'events'),
    ...(isPostgres
      ? ['event_numbers', 'delivery_numbers'].map(
          (name) => `SELECT setval('posthorn.${name}', ${(copies + 2) * (span / shardCount)})`,
        )
      : []),
  );
}

/** So many deliveries that were delivered at their first attempt. */
export async function fillSettled(ground: Ground, place: Place, count: number): Promise<void> {
  if (count === 0) return;
  const store = await place.openStore();
  await fillHistory(store, seeds);
  await store.close();
  await copyAll({ ground, place, copies: count / seeds - 1 });
}

/** So many deliveries of one endpoint; due from an hour on, or all due now and the endpoint paused. Answers the endpoint's id. */
export async function fillPending(
  ground: Ground,
  place: Place,
  { count, url = far, isDue }: { readonly count: number; readonly url?: string; readonly isDue: boolean },
): Promise<string> {
  const store = await place.openStore();
  await fillBacklog(store, url, Math.min(count, seeds), 64);
  const [endpoint] = await store.read.endpoints({ after: null, limit: 1 });
  // It gets nothing that is published from now on.
  await store.write.updateEndpoint(endpoint!.id, {
    enabled: !isDue,
    eventTypes: ['nothing'],
    updatedAt: Date.now(),
  });
  await store.close();
  const copies = count / seeds - 1;
  if (copies > 0) await copyAll({ ground, place, copies });
  if (!isDue)
    await place.run(
      `UPDATE posthorn.deliveries SET due_at = due_at + 3600000 + number % 36000000 WHERE state = 0`,
    );
  return endpoint!.id;
}
