import { afterAll, beforeAll } from 'vitest';
import { openPostgresStore } from '../../src/store/postgres/open.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
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
