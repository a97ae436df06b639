import { afterAll, beforeAll, describe } from 'vitest';
import type { Settings } from '../../packages/posthorn/src/config/settings.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { describeFieldClashes } from './field-clashes.ts';
import { describeModelClashes } from './model-clashes.ts';
import { describeStateClashes } from './state-clashes.ts';
import { useServer } from './world.ts';

// Where the models of Svix and Posthorn differ, on both stores: each test is named after what it is about.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

describe.each<[string, () => Promise<Partial<Settings>>]>([
  ['SQLite', async () => ({})],
  ['PostgreSQL', async () => ({ databaseUrl: await postgres.createMigrated() })],
])('on %s', (_, settings) => {
  useServer(settings);
  describeFieldClashes();
  describeModelClashes();
  describeStateClashes();
});
