import { shareEndpoints } from '../common/redrive-ended.ts';
import { perform } from './common.ts';
import type { Connection } from './database.ts';

/**
 * Keeps endpoints and their version as they are until the caller's transaction ends; see `shareEndpoints`. Answers what the
 * statement that reads them ends with.
 */
export async function shareEndpointRows(connection: Connection): Promise<string> {
  await perform(connection, shareEndpoints());
  return connection.shards.choose({ spanning: 'FOR SHARE', single: '' });
}
