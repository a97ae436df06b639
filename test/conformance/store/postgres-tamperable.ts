import { Client } from 'pg';
import { openPostgresStore } from '../../../packages/posthorn/src/store/postgres/open.ts';
import type { Shards } from '../../../packages/posthorn/src/store/postgres/shards.ts';
import type { Tamperable } from './digests.ts';

/** A store on this database, and a connection that writes past it. */
export async function tamperablePostgres(
  url: string,
  options: { readonly shards?: Shards } = {},
): Promise<Tamperable> {
  const { store } = await openPostgresStore(url, options);
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('SET search_path TO posthorn');
  return {
    store,
    run: async (sql) => void (await client.query(sql)),
    close: async () => {
      await client.end();
      await store.close();
    },
  };
}
