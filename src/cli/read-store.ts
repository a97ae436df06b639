import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openPostgresStore } from '../store/postgres/open.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { CommandError } from './output.ts';

/** Opens the history of a Posthorn, running or stopped, to read it; close it afterwards. `dataDir` counts where both are given. */
export async function openToRead(
  dataDir: string | undefined,
  databaseUrl: string | undefined,
): Promise<Store> {
  if (dataDir === undefined) return (await openPostgresStore(databaseUrl!, { readOnly: true })).store;
  if (!existsSync(join(dataDir, 'posthorn.db')))
    throw new CommandError(`there is no Posthorn data in ${dataDir}`, 2);
  try {
    return await openSqliteStore({ dataDir, readOnly: true });
  } catch (error) {
    // Only `serve` may bring a schema up to date.
    if (/no such (table|column)|not a database/.test((error as Error).message))
      throw new CommandError(
        `the data in ${dataDir} is not of this version (${(error as Error).message}): start \`posthorn serve --data-dir ${dataDir}\` once, which brings it up to date`,
        2,
      );
    throw error;
  }
}
