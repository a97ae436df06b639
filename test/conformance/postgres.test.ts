import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UnavailableError } from '../../src/domain/errors.ts';
import { openPostgresStore } from '../../src/store/postgres/open.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { anEndpoint, anEvent, start } from '../support.ts';
import { describeAccounting } from './accounting-conformance.ts';
import { describeStore } from './store-conformance.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

// Each run of the property takes a database of its own, so there are fewer of them.
describeStore('PostgreSQL', async () => (await openPostgresStore(await postgres.createDatabase())).store, 15);

describeAccounting(
  'accounting on PostgreSQL',
  async () => (await openPostgresStore(await postgres.createDatabase())).store,
);

test('an event that can neither be stored nor found is refused, and does not hold up the ones behind it', async () => {
  const { store } = await openPostgresStore(await postgres.createDatabase());
  const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map<string, number>() };
  // The API refuses such an id; PostgreSQL keeps another one in its place.
  const half = [[anEvent({ id: '\ud800' })]];
  await store.accept(half, options);
  await expect(store.accept(half, options)).rejects.toThrow(UnavailableError);
  await store.close();
});

test('G6: an event whose delivery has vanished is found with what it was worth', async () => {
  const url = await postgres.createDatabase();
  const { store } = await openPostgresStore(url);
  await store.createEndpoint(anEndpoint());
  const value = { amountMinor: 700n, currency: 'EUR' };
  const options = { now: start, node: 'a', leaseMs: 0, defaultRoom: 0, room: new Map() };
  await store.accept([[anEvent({ id: 'gone', value }), anEvent({ value })]], options);
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    "DELETE FROM posthorn.deliveries d USING posthorn.events e WHERE e.shard = d.shard AND e.number = d.event_number AND e.id = 'gone'",
  );
  await client.end();
  const hour = Math.floor(start / 3_600_000) * 3_600_000;
  const { events } = await store.gone({ tenant: 'default', since: hour, until: hour + 3_600_000 }, 9);
  expect(events).toEqual([{ acceptedAt: start, missing: 1, value }]);
  await store.close();
});
