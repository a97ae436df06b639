import type { DeliveryState } from '../../domain/delivery.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import { hashShard } from '../../domain/shard.ts';
import type { Order } from '../filters.ts';
import { stateNumbers } from '../rows.ts';
import {
  type DeliverySearch,
  firstNumbers,
  maxArms,
  maxPendingCollected,
  maxRedrives,
  type NumberRange,
  remaining,
  type Searching,
  type SearchPage,
  type SearchStep,
  stepFrom,
} from '../search.ts';
import { blocksKeys } from './blocking.ts';
import { findEventsOf } from './events.ts';
import { matches } from './filter.ts';
import { findDeliveries, readDetails } from './found.ts';
import { type Cold, separately, snapshot } from './methods.ts';
import { inShards, madeAt, numbersWithin, ofPart, searchedTo, walk } from './numbers.ts';
import {
  all,
  byNumber,
  givenAnyOf,
  inOrder,
  isAnyOf,
  limit,
  sameShard,
  table,
  isNumberedAnyOf,
} from './pieces.ts';
import { per, raw, type Sql, sql } from './sql.ts';
import { rowsUnprepared, type Steps } from './steps.ts';

/** Numbers of a range, in an order, from an index that has few of all rows. */
type Arm = (range: NumberRange, order: Order, max: number) => Steps<number[]>;

function* numbersOf(statement: Sql): Steps<number[]> {
  return (yield* rowsUnprepared(statement)).map(([number]) => number as number);
}

const deliveries = table('deliveries');

const armOf =
  (where: Sql): Arm =>
  ({ first, last }, order, max) =>
    numbersOf(
      sql`SELECT number FROM ${deliveries} WHERE ${where} AND number BETWEEN ${first} AND ${last} ORDER BY number ${raw(order)} ${limit(max)}`,
    );

/** SQLite must be directed to this index; `+number` keeps it from the table itself. */
const dueIndex: Sql = per(({ name }) => raw(name === 'sqlite' ? 'INDEXED BY deliveries_due' : ''));

/** Pending ones by the index of what is due, which is in another order: null if they are too many to be put in order. */
function* pendingArms(nums: readonly number[] | null): Steps<Arm[] | null> {
  const from = sql`FROM ${deliveries} ${dueIndex} WHERE ${all([raw('state = 0'), nums === null ? null : isAnyOf('endpoint', nums, 'int')])}`;
  const [count] = yield* numbersOf(
    sql`SELECT count(*) FROM (SELECT 1 ${from} LIMIT ${raw(String(maxPendingCollected + 1))}) d`,
  );
  if (count! > maxPendingCollected) return null;
  return [
    ({ first, last }, order, max) =>
      numbersOf(
        sql`SELECT number ${from} AND +number BETWEEN ${first} AND ${last} ORDER BY +number ${raw(order)} ${limit(max)}`,
      ),
  ];
}

/** `state >= 2` is the condition of the index, and the state is part of the text, as it is part of the condition. */
function endedArms(states: readonly DeliveryState[], nums: readonly number[] | null): Arm[] {
  const numbers = states.map((state) => stateNumbers[state]);
  const inState = (state: number): Sql => raw(`state >= 2 AND state = ${state}`);
  return nums !== null && nums.length * numbers.length <= maxArms
    ? numbers.flatMap((state) => nums.map((num) => armOf(sql`${inState(state)} AND endpoint = ${num}`)))
    : numbers.map((state) => armOf(inState(state)));
}

/** Ids are unique within a tenant, so without one all tenants are searched. */
function* eventArms({ tenants, eventIds = [] }: DeliverySearch): Steps<Arm[]> {
  const numbers = yield* findEventsOf(eventIds, tenants, Number.MAX_SAFE_INTEGER);
  const shards = [...new Set(numbers.map(shardOfNumber))];
  return [
    ({ first, last }, order, max) =>
      numbersOf(
        sql`SELECT d.number FROM ${deliveries} d WHERE ${isAnyOf('d.event_number', numbers, 'bigint')} AND ${inShards('d', shards)}
          AND d.number BETWEEN ${first} AND ${last} ORDER BY d.number ${raw(order)} ${limit(max)}`,
      ),
  ];
}

/** A job's deliveries by their state, each in the order of its index. */
const redriveArms = (ids: readonly string[]): Arm[] =>
  ids.flatMap((id) =>
    Object.values(stateNumbers).map((state) =>
      armOf(sql`redrive_id = ${id} AND redrive_id IS NOT NULL AND state = ${raw(String(state))}`),
    ),
  );

/** The numbers of the endpoints that a search names; null: it names none. */
function* endpointNumbers({ endpointIds, blocked }: DeliverySearch): Steps<number[] | null> {
  if (endpointIds === undefined && !blocked) return null;
  return yield* numbersOf(
    sql`SELECT p.num FROM ${table('endpoints')} p WHERE ${all([givenAnyOf('p.id', endpointIds), blocked ? blocksKeys : null])}`,
  );
}

/** The indexes that lead to everything the search can match; null: it has to look through all rows. */
function* armsFor(search: DeliverySearch, nums: readonly number[] | null): Steps<Arm[] | null> {
  const { eventIds, redriveIds, blocked } = search;
  if (eventIds !== undefined) return yield* eventArms(search);
  if (redriveIds !== undefined && redriveIds.length <= maxRedrives) return redriveArms(redriveIds);
  const states = blocked ? (['pending'] as const) : search.states;
  if (states === undefined || states.includes('delivered')) return null;
  const pending = states.includes('pending') ? yield* pendingArms(nums) : [];
  if (pending === null) return null;
  const ended = states.filter((state) => state !== 'pending');
  return [...pending, ...endedArms(ended, nums)];
}

/** The events of a key share a shard, which a delivery's number tells: nothing else is looked up for the others. */
function shardsFor({ tenants, orderingKeys }: DeliverySearch): number[] | null {
  return tenants === undefined || orderingKeys === undefined
    ? null
    : [...new Set(tenants.flatMap((tenant) => orderingKeys.map((key) => hashShard(tenant, key))))];
}

function* searchDeliveries(search: DeliverySearch, page: SearchPage): Steps<SearchStep> {
  const nothing = { numbers: [], rowsRead: 0, next: null, searchedTo: null };
  const range = remaining(page);
  if (range === null) return nothing;
  const { order, maxRows } = page;
  const nums = yield* endpointNumbers(search);
  const arms = yield* armsFor(search, nums);
  const { eventIds: _, ...filter } = search;
  const shards = shardsFor(search);
  const matching = (among: Sql): Steps<number[]> =>
    numbersOf(
      sql`SELECT d.number FROM ${deliveries} d ${byNumber} ${inOrder} ${table('events')} e ON ${sameShard('e', 'd')}e.number = d.event_number
        WHERE ${among} AND ${matches(filter, nums)} ORDER BY d.number ${raw(order)} ${limit(page.limit)}`,
    );
  if (arms === null) {
    const walked = yield* walk('deliveries', shards, page);
    if (walked === null) return nothing;
    const { part, end, rowsRead } = walked;
    const step = stepFrom(yield* matching(ofPart('d', shards, part)), page, rowsRead, end);
    return { ...step, searchedTo: yield* searchedTo('deliveries', step.next, walked) };
  }
  const lists: number[][] = [];
  for (const arm of arms) lists.push(yield* arm(range, order, maxRows));
  const { numbers, isCut } = firstNumbers(lists, order, maxRows);
  const ofShards = shards === null ? raw('true') : inShards('d', shards);
  const found = yield* matching(sql`${isNumberedAnyOf('d', numbers)} AND ${ofShards}`);
  const step = stepFrom(found, page, numbers.length, isCut ? numbers.at(-1)! : null);
  return { ...step, searchedTo: yield* madeAt('deliveries', step.next) };
}

export const searchListings: Cold<Searching> = {
  deliveriesWithin: snapshot((window) => numbersWithin('deliveries', window)),
  searchDeliveries: snapshot(searchDeliveries),
  foundDeliveries: separately(findDeliveries),
  deliveryDetails: separately(readDetails),
};
