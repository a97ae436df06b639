import type { ErrorClass } from '../../domain/attempt.ts';
import { minuteMs } from '../../domain/time.ts';
import {
  type DeadLetterListings,
  type DroppedEndpoint,
  type DroppedGroup,
  type DroppedQuery,
  type DroppedState,
  droppedShares,
  maxDroppedEndpoints,
} from '../dead-letters.ts';
import { moneyOf, stateNumbers } from '../rows.ts';
import { blocksKeys } from './blocking.ts';
import { counterShards, sum } from './counters.ts';
import { type Cold, snapshot } from './methods.ts';
import {
  all,
  deliveriesOfEach,
  givenAnyOf,
  inOrder,
  limit,
  ofTenants,
  rowsFrom,
  sameShard,
  shardColumn,
  table,
} from './pieces.ts';
import { per, raw, type Row, type Sql, sql } from './sql.ts';
import { rows, type Steps } from './steps.ts';

interface Place {
  readonly state: DroppedState;
  readonly num: number;
  readonly endpoint: DroppedEndpoint;
  readonly blocksKeys: boolean;
}

/** Rows in a state, which is part of the text so that the index of what has ended serves; its condition is `state >= 2`. */
const inState = (state: DroppedState): Sql => raw(`d.state >= 2 AND d.state = ${stateNumbers[state]}`);

/** Whether the endpoint `p` has such deliveries. Distributed tables are asked once, not for each endpoint. */
const hasAny = (state: DroppedState): Sql =>
  per(({ isDistributed }) =>
    isDistributed
      ? sql`p.num IN (SELECT d.endpoint FROM ${table('deliveries')} d WHERE ${inState(state)} GROUP BY d.endpoint)`
      : sql`EXISTS (SELECT 1 FROM ${table('deliveries')} d WHERE ${inState(state)} AND d.endpoint = p.num)`,
  );

function* readPlaces(query: DroppedQuery): Steps<Place[]> {
  const places: Place[] = [];
  for (const state of query.states) {
    const found = yield* rows(
      sql`SELECT p.num, p.id, p.tenant, p.name, p.document ->> 'owner', p.document ->> 'url', p.enabled, p.deleted_at IS NOT NULL, ${blocksKeys}
        FROM ${table('endpoints')} p WHERE ${all([
          ofTenants('p.tenant', query),
          givenAnyOf('p.id', query.endpointIds),
          givenAnyOf("(p.document ->> 'owner')", query.owners),
          hasAny(state),
        ])}
        ORDER BY p.num LIMIT ${raw(String(maxDroppedEndpoints + 1))}`,
    );
    places.push(...found.map((one) => placeFrom(state, one)));
  }
  return places;
}

const placeFrom = (state: DroppedState, row: Row): Place => ({
  state,
  num: row[0] as number,
  endpoint: {
    id: row[1] as string,
    tenant: row[2] as string,
    name: row[3] as string | null,
    owner: row[4] as string | null,
    url: row[5] as string,
    enabled: Boolean(row[6]),
    isDeleted: Boolean(row[7]),
  },
  blocksKeys: Boolean(row[8]),
});

/** Rows `r`: each of these endpoints with its place. */
const placesIn = (places: readonly Place[]): Sql =>
  rowsFrom('r', {
    place: { type: 'int', values: places.map((_, place) => place) },
    num: { type: 'int', values: places.map(({ num }) => num) },
  });

/** The newest deliveries `g` of each of these endpoints in a state, at most so many of each. */
const newest = (state: DroppedState, places: readonly Place[], max: number): Sql => {
  const ofEndpoint = sql`${inState(state)} AND d.endpoint = r.num`;
  const columns = sql`r.place, ${shardColumn('d')}d.number, d.event_number, d.error_class, d.status_code, d.message, d.settled_at, d.created_at,
    d.order_key, d.claim`;
  return per(({ name, isDistributed }) =>
    name === 'sqlite'
      ? // From the first of them on: so the index has everything that groups need.
        sql`WITH r AS MATERIALIZED (SELECT r.place, r.num, coalesce((SELECT d.number FROM deliveries d WHERE ${ofEndpoint}
            ORDER BY d.number DESC LIMIT 1 OFFSET +${max - 1}), 0) AS first FROM ${placesIn(places)}),
        g AS (SELECT ${columns} FROM r CROSS JOIN deliveries d ON ${ofEndpoint} AND d.number >= r.first)`
      : sql`WITH r AS MATERIALIZED (SELECT * FROM ${placesIn(places)}),
        g AS (SELECT ${columns} FROM r ${deliveriesOfEach(ofEndpoint, sql`ORDER BY d.number DESC ${limit(max)}`)}
          ${
            // As many in all, if not of each.
            isDistributed ? sql`ORDER BY d.number DESC ${limit(max * places.length)}` : raw('')
          })`,
  );
};

/** The columns that name a group: the place of its endpoint, class and status code. */
const groupKey = ([place, errorClass, status]: Row): string => `${place} ${errorClass} ${status}`;

type Shares = ReturnType<typeof droppedShares>;
type Numbered = Omit<DroppedGroup, 'deliveredSince'> & { readonly num: number };

function* readRows(
  state: DroppedState,
  places: readonly Place[],
  { since = 0, until = Number.MAX_SAFE_INTEGER }: DroppedQuery,
  shares: Shares,
): Steps<Readonly<Record<'groups' | 'money' | 'messages', readonly Row[]>>> {
  const within = sql`g.created_at >= ${since} AND g.created_at < ${until}`;
  const groups = yield* rows(
    sql`${newest(state, places, shares.rows)}
      SELECT g.place, g.error_class, g.status_code, count(*) FILTER (WHERE ${within}), min(g.settled_at) FILTER (WHERE ${within}),
        max(g.settled_at) FILTER (WHERE ${within}), min(g.settled_at) FILTER (WHERE ${within} AND g.order_key IS NULL),
        count(DISTINCT g.order_key) FILTER (WHERE ${within}), max(g.number) FILTER (WHERE ${within}), count(*)
      FROM g GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
  );
  const money = yield* rows(
    sql`${newest(state, places, shares.rows)}
      SELECT m.place, m.error_class, m.status_code, e.currency, CAST(sum(e.amount_minor) AS text), count(*) FROM (
        SELECT DISTINCT g.place, g.error_class, g.status_code, ${shardColumn('g')}g.event_number FROM g WHERE ${within} ORDER BY g.event_number) m
      ${inOrder} ${table('events')} e ON ${sameShard('e', 'm')}e.number = m.event_number
      WHERE e.currency IS NOT NULL GROUP BY 1, 2, 3, 4`,
  );
  // `n` of an attempt is the number of its claim, so this is the last one.
  const messages = yield* rows(
    sql`${newest(state, places, shares.messages)}
      SELECT g.place, g.error_class, g.status_code, g.message, substr(a.response_excerpt, 1, 400), count(*)
      FROM g LEFT JOIN ${table('attempts')} a ON ${sameShard('a', 'g')}a.delivery = g.number AND a.n = g.claim
      WHERE ${within} GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC`,
  );
  return { groups, money, messages };
}

function* readGroups(
  state: DroppedState,
  places: readonly Place[],
  query: DroppedQuery,
  shares: Shares,
): Steps<{ readonly groups: Numbered[]; readonly rowsRead: number }> {
  const { groups, money, messages } = yield* readRows(state, places, query, shares);
  const [messagesOf, moneyIn] = [Map.groupBy(messages, groupKey), Map.groupBy(money, groupKey)];
  const read = new Map<number, number>();
  for (const row of groups)
    read.set(row[0] as number, (read.get(row[0] as number) ?? 0) + (row[9] as number));
  const groupFrom = (row: Row): Numbered => {
    const place = places[row[0] as number]!;
    const blocks = place.blocksKeys && state === 'dead';
    return {
      num: place.num,
      state,
      endpoint: place.endpoint,
      errorClass: row[1] as ErrorClass | null,
      statusCode: row[2] as number | null,
      count: row[3] as number,
      isPartial: read.get(row[0] as number) === shares.rows,
      oldestAt: row[4] as number,
      newestAt: row[5] as number,
      oldestPrunableAt: (blocks ? row[6] : row[4]) as number | null,
      blockedKeys: blocks ? (row[7] as number) : 0,
      sample: row[8] as number,
      messages: (messagesOf.get(groupKey(row)) ?? []).map(([, , , message, excerpt, count]) => ({
        message: message as string | null,
        excerpt: excerpt as string | null,
        count: count as number,
      })),
      value: moneyOf(moneyIn.get(groupKey(row)) ?? [], 3),
    };
  };
  return {
    groups: groups.filter((row) => (row[3] as number) > 0).map(groupFrom),
    rowsRead: [...read.values()].reduce((sum, count) => sum + count, 0),
  };
}

/**
 * Sums by the rows `u`. Joined and grouped, SQLite sorts every counter: for 200 groups that took as long as all else together.
 * Distributed tables have no subqueries that depend on other rows.
 */
const deliveredIn: Sql = per(({ isDistributed }) => {
  const counters = sql`${table('counters')} l`;
  const isWithin = sql`${counterShards('l')} AND l.endpoint = u.endpoint AND l.minute >= u.since AND l.minute < u.until`;
  const delivered = sql`coalesce(${sum('l.delivered')}, 0)`;
  return isDistributed
    ? sql`SELECT u.place, ${delivered} FROM u JOIN ${counters} ON ${isWithin} GROUP BY u.place`
    : sql`SELECT u.place, (SELECT ${delivered} FROM ${counters} WHERE ${isWithin}) FROM u`;
});

/** As far as minutes are 32-bit numbers. */
const lastMinute = 2_147_483_647;

/**
 * What the endpoint of each group has delivered since its newest delivery ended. An endpoint's counters are read once: from each
 * group's minute to the next later one's.
 */
function* readDeliveredSince(groups: readonly Numbered[]): Steps<ReadonlyMap<number, number>> {
  const spans = [...Map.groupBy(groups.entries(), ([, { num }]) => num)].flatMap(([endpoint, some]) => {
    let until = lastMinute;
    return some
      .toSorted(([, a], [, b]) => b.newestAt - a.newestAt)
      .map(([place, { newestAt }]) => {
        const span = { place, endpoint, since: Math.ceil(newestAt / minuteMs), until };
        until = span.since;
        return span;
      });
  });
  const found = yield* rows(
    sql`WITH u AS MATERIALIZED (SELECT * FROM ${rowsFrom('u', {
      place: { type: 'int', values: spans.map(({ place }) => place) },
      endpoint: { type: 'int', values: spans.map(({ endpoint }) => endpoint) },
      since: { type: 'bigint', values: spans.map(({ since }) => since) },
      until: { type: 'bigint', values: spans.map(({ until }) => until) },
    })}) ${deliveredIn}`,
  );
  const counts = new Map(found.map(([place, count]) => [place as number, count as number]));
  const since = new Map<number, number>();
  let [endpoint, delivered] = [-1, 0];
  for (const span of spans) {
    if (span.endpoint !== endpoint) [endpoint, delivered] = [span.endpoint, 0];
    since.set(span.place, (delivered += counts.get(span.place) ?? 0));
  }
  return since;
}

export const deadLetterListings: Cold<DeadLetterListings> = {
  droppedGroups: snapshot(function* (query) {
    const places = yield* readPlaces(query);
    const read = places.slice(0, maxDroppedEndpoints);
    const shares = droppedShares(read.length);
    const groups: Numbered[] = [];
    let rowsRead = 0;
    for (const state of query.states) {
      const ofState = read.filter((place) => place.state === state);
      if (ofState.length === 0) continue;
      const part = yield* readGroups(state, ofState, query, shares);
      groups.push(...part.groups);
      rowsRead += part.rowsRead;
    }
    const delivered = yield* readDeliveredSince(groups);
    return {
      groups: groups.map((numbered, place) => {
        const { num: _, ...group } = numbered;
        return { ...group, deliveredSince: delivered.get(place) ?? 0 };
      }),
      rowsRead,
      hasMore: places.length > read.length,
    };
  }),
};
