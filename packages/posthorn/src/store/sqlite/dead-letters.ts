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
import { inList, listValue, tenantMatches, tenantValues } from './filter.ts';

interface Place {
  readonly state: DroppedState;
  readonly num: number;
  readonly endpoint: DroppedGroup['endpoint'];
  readonly blocksKeys: boolean;
}

/** Endpoints that have such deliveries. */
function places(db: Database, query: DroppedQuery): Place[] {
  return query.states.flatMap((state) =>
    db
      .all(
        `SELECT p.num, p.id, p.tenant, p.name, json_extract(p.document, '$.owner'), json_extract(p.document, '$.url'), p.enabled,
           p.deleted_at IS NOT NULL, ${blocksKeysSql}
         FROM endpoints p WHERE ${tenantMatches('p.tenant', 1, 2)} AND ${inList('p.id', 3)}
           AND ${inList("json_extract(p.document, '$.owner')", 4)}
           AND EXISTS (SELECT 1 FROM deliveries d WHERE d.state = ${stateNumbers[state]} AND d.state >= 2 AND d.endpoint = p.num)
         ORDER BY p.num LIMIT ${maxDroppedEndpoints + 1}`,
        ...tenantValues(query),
        listValue(query.endpointIds),
        listValue(query.owners),
      )
      .map((row) => ({
        state,
        num: row[0] as number,
        endpoint: {
          id: row[1] as string,
          tenant: row[2] as string,
          name: row[3] as string | null,
          owner: row[4] as string | null,
          url: row[5] as string,
          enabled: row[6] === 1,
          isDeleted: row[7] === 1,
        },
        blocksKeys: row[8] === 1,
      })),
  );
}

/** The newest deliveries of an endpoint in a state: its number, how many to read, since, until. */
const newest = (state: DroppedState): string =>
  `(SELECT * FROM (SELECT d.number, d.event_number, d.error_class, d.status_code, d.message, d.settled_at, d.created_at, d.order_key, d.claim
      FROM deliveries d WHERE d.state = ${stateNumbers[state]} AND d.state >= 2 AND d.endpoint = ?1 ORDER BY d.number DESC LIMIT +?2)
    WHERE created_at >= ?3 AND created_at < ?4)`;

/** Columns that name a group within an endpoint. */
const isOf = (group: Row, row: Row): boolean => group[0] === row[0] && group[1] === row[1];

function groupsOf(
  db: Database,
  { state, num, endpoint, blocksKeys }: Place,
  { since = 0, until = Number.MAX_SAFE_INTEGER }: DroppedQuery,
  shares: ReturnType<typeof droppedShares>,
): { readonly groups: DroppedGroup[]; readonly rowsRead: number } {
  const values = [num, shares.rows, since, until] as const;
  const source = newest(state);
  const rowsRead = db.get(
    `SELECT count(*) FROM (SELECT 1 FROM deliveries d WHERE d.state = ${stateNumbers[state]} AND d.state >= 2 AND d.endpoint = ? LIMIT +?)`,
    num,
    shares.rows,
  )![0] as number;
  const groups = db.all(
    `SELECT g.error_class, g.status_code, count(*), min(g.settled_at), max(g.settled_at),
       min(CASE WHEN g.order_key IS NULL THEN g.settled_at END), count(DISTINCT g.order_key), max(g.number)
     FROM ${source} g GROUP BY 1, 2`,
    ...values,
  );
  const money = db.all(
    `SELECT class, status, currency, CAST(sum(amount_minor) AS TEXT), count(*) FROM (
       SELECT DISTINCT g.error_class AS class, g.status_code AS status, e.currency, e.amount_minor, e.number
       FROM ${source} g JOIN events e ON e.number = g.event_number WHERE e.currency IS NOT NULL)
     GROUP BY 1, 2, 3`,
    ...values,
  );
  // `n` of an attempt is the number of its claim, so this is the last one.
  const messages = db.all(
    `SELECT g.error_class, g.status_code, g.message, substr(a.response_excerpt, 1, 400), count(*)
     FROM ${source} g LEFT JOIN attempts a ON a.delivery = g.number AND a.n = g.claim GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC`,
    num,
    shares.messages,
    since,
    until,
  );
  return {
    rowsRead,
    groups: groups.map((row) => ({
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
      deliveredSince: db.get(
        'SELECT coalesce(sum(delivered), 0) FROM tallies WHERE shard = 0 AND endpoint = ? AND minute >= ?',
        num,
        Math.ceil((row[4] as number) / minuteMs),
      )![0] as number,
    })),
  };
}

export function droppedGroups(
  db: Database,
  query: DroppedQuery,
): Awaited<ReturnType<DeadLetterListings['droppedGroups']>> {
  return db.snapshot(() => {
    const all = places(db, query);
    const read = all.slice(0, maxDroppedEndpoints);
    const shares = droppedShares(read.length);
    const parts = read.map((place) => groupsOf(db, place, query, shares));
    return {
      groups: parts.flatMap(({ groups }) => groups),
      rowsRead: parts.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
      hasMore: all.length > read.length,
    };
  });
}
