import type { Found } from '../redrives.ts';
import { eventOf } from '../rows.ts';
import { isSendable } from '../sendable.ts';
import { lockEventsByNumber } from './accept.ts';
import { shareEndpointRows } from './shared-endpoints.ts';
import type { Connection } from './database.ts';
import { createReplayed, type Wanted } from './replayed.ts';

/**
 * New deliveries of what a replay in bulk has found, in the caller's transaction. What is left out: its endpoint or its event
 * has been deleted since, or the event does not match its digest or has lost its data, so it would not be sent.
 */
export async function replayFound(
  connection: Connection,
  found: readonly Found[],
  redriveId: string,
  now: number,
): Promise<readonly number[]> {
  if (found.length === 0) return [];
  const endpoints = await lockTargets(connection, [...new Set(found.map(({ endpoint }) => endpoint))]);
  const events = await lockEvents(connection, [...new Set(found.map(({ eventNumber }) => eventNumber))]);
  const wanted = found.flatMap(({ eventNumber, endpoint }): Wanted[] => {
    const to = endpoints.get(endpoint);
    const event = events.get(eventNumber);
    if (to === undefined || event === undefined) return [];
    const orderKey = to.isKeyed ? event.orderingKey : null;
    return [{ eventNumber, endpoint, enabled: to.enabled, orderKey, type: event.type }];
  });
  return await createReplayed(connection, wanted, { trigger: 'redrive', redriveId, now });
}

/** Endpoints as they are until the caller's transaction ends, deleted ones left out. */
async function lockTargets(
  connection: Connection,
  nums: readonly number[],
): Promise<ReadonlyMap<number, { readonly enabled: boolean; readonly isKeyed: boolean }>> {
  const lock = await shareEndpointRows(connection);
  const rows = await connection.query(
    'replay_endpoints',
    `SELECT num, enabled, document ->> 'ordering' = 'key' FROM posthorn.endpoints
     WHERE num = ANY ($1::int[]) AND deleted_at IS NULL ORDER BY num ${lock}`,
    [nums],
  );
  return new Map(
    rows.map(([num, enabled, isKeyed]) => [
      num as number,
      { enabled: enabled === true, isKeyed: isKeyed === true },
    ]),
  );
}

/** Events that stay until the caller's transaction ends, and can be sent. */
async function lockEvents(
  connection: Connection,
  numbers: readonly number[],
): Promise<ReadonlyMap<number, { readonly type: string; readonly orderingKey: string | null }>> {
  const rows = await lockEventsByNumber(connection, numbers);
  return new Map(
    rows.flatMap((row) => {
      const { type, orderingKey, integrity } = eventOf(row);
      return isSendable(integrity) ? [[row[11] as number, { type, orderingKey }] as const] : [];
    }),
  );
}
