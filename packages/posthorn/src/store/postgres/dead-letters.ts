import type { ErrorClass } from '../../domain/attempt.ts';
import {
  type DeadLetterListings,
  type DroppedGroup,
  type DroppedQuery,
  type DroppedState,
  droppedShares,
  maxDroppedEndpoints,
} from '../dead-letters.ts';
import { moneyOf, stateNumbers } from '../rows.ts';
import { minuteMs } from '../../domain/time.ts';
import { blocksKeysSql } from './blocking-sql.ts';
import type { Database, Row } from './database.ts';
import { inList, tenantMatches, tenantValues } from './filter.ts';

/** Endpoints that are read side by side. */
const atOnce = 4;

interface Place {
  readonly state: DroppedState;
  readonly num: number;
  readonly endpoint: DroppedGroup['endpoint'];
  readonly blocksKeys: boolean;
}

/** Endpoints that have such deliveries. */
async function places(db: Database, query: DroppedQuery): Promise<Place[]> {
  const found: Place[] = [];
  for (const state of query.states) {
    const number = stateNumbers[state];
    const has = `d.state = ${number} AND d.endpoint = p.num`;
    const rows = await db.query(
      `dropped_places_${state}${db.oneShard ? '_distributed' : ''}`,
      `SELECT p.num, p.id, p.tenant, p.name, p.document ->> 'owner', p.document ->> 'url', p.enabled, p.deleted_at IS NOT NULL, ${blocksKeysSql}
       FROM posthorn.endpoints p WHERE ${tenantMatches('p.tenant', 1, 2)} AND ${inList('p.id', 3)} AND ${inList("p.document ->> 'owner'", 4)}
         AND ${db.oneShard ? `p.num IN (SELECT d.endpoint FROM posthorn.deliveries d WHERE d.state = ${number} GROUP BY d.endpoint)` : `EXISTS (SELECT FROM posthorn.deliveries d WHERE ${has})`}
       ORDER BY p.num LIMIT ${maxDroppedEndpoints + 1}`,
      [...tenantValues(query), query.endpointIds ?? null, query.owners ?? null],
    );
    found.push(
      ...rows.map((row) => ({
        state,
        num: row[0] as number,
        endpoint: {
          id: row[1] as string,
          tenant: row[2] as string,
          name: row[3] as string | null,
          owner: row[4] as string | null,
          url: row[5] as string,
          enabled: row[6] === true,
          isDeleted: row[7] === true,
        },
        blocksKeys: row[8] === true,
      })),
    );
  }
  return found;
}

/** The newest deliveries of an endpoint in a state: its number, how many to read. */
const newest = (state: DroppedState): string =>
  `SELECT d.shard, d.number, d.event_number, d.error_class, d.status_code, d.message, d.settled_at, d.created_at, d.order_key, d.claim
   FROM posthorn.deliveries d WHERE d.state = ${stateNumbers[state]} AND d.endpoint = $1 ORDER BY d.number DESC LIMIT $2`;
const within = 'g.created_at >= $3::bigint AND g.created_at < $4::bigint';

/** Columns that name a group within an endpoint. */
const isOf = (group: Row, row: Row): boolean => group[0] === row[0] && group[1] === row[1];

async function groupsOf(
  db: Database,
  { state, num, endpoint, blocksKeys }: Place,
  { since = 0, until = Number.MAX_SAFE_INTEGER }: DroppedQuery,
  shares: ReturnType<typeof droppedShares>,
): Promise<{
  readonly groups: (Omit<DroppedGroup, 'deliveredSince'> & { num: number })[];
  readonly rowsRead: number;
}> {
  const values = [num, shares.rows, since, until];
  const [groups, money, messages] = [
    await db.query(
      `dropped_groups_${state}`,
      `WITH read AS MATERIALIZED (${newest(state)})
       SELECT g.error_class, g.status_code, count(*) FILTER (WHERE ${within}), min(g.settled_at) FILTER (WHERE ${within}),
         max(g.settled_at) FILTER (WHERE ${within}), min(g.settled_at) FILTER (WHERE ${within} AND g.order_key IS NULL),
         count(DISTINCT g.order_key) FILTER (WHERE ${within}), max(g.number) FILTER (WHERE ${within}), count(*)
       FROM read g GROUP BY 1, 2`,
      values,
    ),
    await db.query(
      `dropped_money_${state}`,
      `WITH g AS MATERIALIZED (${newest(state)})
       SELECT class, status, currency, sum(amount_minor)::text, count(*) FROM (
         SELECT DISTINCT g.error_class AS class, g.status_code AS status, e.currency, e.amount_minor, e.number
         FROM g JOIN posthorn.events e ON e.shard = g.shard AND e.number = g.event_number
         WHERE ${within} AND e.currency IS NOT NULL) m
       GROUP BY 1, 2, 3`,
      values,
    ),
    // `n` of an attempt is the number of its claim, so this is the last one.
    await db.query(
      `dropped_messages_${state}`,
      `WITH g AS MATERIALIZED (${newest(state)})
       SELECT g.error_class, g.status_code, g.message, left(a.response_excerpt, 400), count(*)
       FROM g LEFT JOIN posthorn.attempts a ON a.shard = g.shard AND a.delivery = g.number AND a.n = g.claim
       WHERE ${within} GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC`,
      [num, shares.messages, since, until],
    ),
  ];
  const rowsRead = groups.reduce((sum, row) => sum + (row[8] as number), 0);
  return {
    rowsRead,
    groups: groups
      .filter((row) => (row[2] as number) > 0)
      .map((row) => ({
        num,
        state,
        endpoint,
        errorClass: row[0] as ErrorClass | null,
        statusCode: row[1] as number | null,
        count: row[2] as number,
        isPartial: rowsRead === shares.rows,
        oldestAt: row[3] as number,
        newestAt: row[4] as number,
        oldestPrunableAt: (blocksKeys && state === 'dead' ? row[5] : row[3]) as number | null,
        blockedKeys: blocksKeys && state === 'dead' ? (row[6] as number) : 0,
        sample: row[7] as number,
        messages: messages
          .filter((message) => isOf(message, row))
          .map((message) => ({
            message: message[2] as string | null,
            excerpt: message[3] as string | null,
            count: message[4] as number,
          })),
        value: moneyOf(
          money.filter((one) => isOf(one, row)),
          2,
        ),
      })),
  };
}

export async function droppedGroups(
  db: Database,
  query: DroppedQuery,
): ReturnType<DeadLetterListings['droppedGroups']> {
  const all = await places(db, query);
  const read = all.slice(0, maxDroppedEndpoints);
  const shares = droppedShares(read.length);
  const parts: Awaited<ReturnType<typeof groupsOf>>[] = [];
  for (let at = 0; at < read.length; at += atOnce)
    parts.push(
      ...(await Promise.all(read.slice(at, at + atOnce).map((place) => groupsOf(db, place, query, shares)))),
    );
  const groups = parts.flatMap((part) => part.groups);
  const since = await db.query(
    'dropped_delivered_since',
    `SELECT u.at, coalesce(sum(t.delivered), 0)::bigint
     FROM unnest($1::int[], $2::bigint[], $3::int[]) AS u (endpoint, minute, at)
     JOIN posthorn.tallies t ON t.endpoint = u.endpoint AND t.minute >= u.minute GROUP BY 1`,
    [
      groups.map(({ num }) => num),
      groups.map(({ newestAt }) => Math.ceil(newestAt / minuteMs)),
      groups.map((_, at) => at),
    ],
  );
  const delivered = new Map(since.map(([at, count]) => [at as number, count as number]));
  return {
    groups: groups.map((numbered, at) => {
      const { num: _, ...group } = numbered;
      return { ...group, deliveredSince: delivered.get(at) ?? 0 };
    }),
    rowsRead: parts.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
    hasMore: all.length > read.length,
  };
}
