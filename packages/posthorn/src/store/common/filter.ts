import { stateNumbers } from '../rows.ts';
import type { DeliverySearch } from '../search.ts';
import { blocksKeys, firstDeadBefore } from './blocking.ts';
import { all, isAnyOf, table } from './pieces.ts';
import { joined, raw, type Sql, sql } from './sql.ts';

/** One of these values; not given: whatever it is. A single value is compared, which costs less for each row than a list. */
export function oneOf(column: string, values: readonly string[] | undefined): Sql | null {
  const [first, another] = values ?? [];
  if (values === undefined) return null;
  return first !== undefined && another === undefined
    ? sql`${raw(column)} = ${first}`
    : isAnyOf(column, values, 'text');
}

/** The condition that an event `e` has one of these routing keys. `LIKE` would not do: SQLite's takes either case of a letter. */
export function anyRoutingKey(keys: readonly string[] | undefined): Sql | null {
  if (keys === undefined) return null;
  const list = raw("',' || e.routing_keys || ','");
  const has = keys.map((key) => sql`replace(${list}, CAST(${`,${key},`} AS text), '') <> ${list}`);
  return keys.length === 0 ? raw('false') : sql`(${joined(has, ' OR ')})`;
}

/** States are part of the text, not parameters, so that their partial indexes can be used. */
function inStates(states: DeliverySearch['states']): Sql | null {
  if (states === undefined) return null;
  const numbers = [...new Set(states.map((state) => stateNumbers[state]))].toSorted((a, b) => a - b);
  if (numbers.length === 0) return raw('false');
  return raw(numbers.length === 1 ? `d.state = ${numbers[0]}` : `d.state IN (${numbers.join(', ')})`);
}

const within = (alias: string): string => `CAST(${alias}.document ->> 'deliverWithinMs' AS bigint)`;

/** What was attempted has an outcome: its class of errors, or it was delivered. */
const ofStatusClasses = (classes: readonly number[] | undefined): Sql | null =>
  classes === undefined
    ? null
    : isAnyOf('CASE WHEN d.attempts > 0 THEN coalesce(d.status_code, 0) / 100 END', classes, 'int');

/** Nearly all are faster than every deadline: the document of the endpoint is looked into for the others alone. */
function isLate({ late }: DeliverySearch): Sql | null {
  if (late === undefined) return null;
  const took = sql`coalesce(d.settled_at, ${late.now}) - d.created_at`;
  const endpoints = table('endpoints');
  const condition = sql`(d.state <= 1 AND ${took} > (SELECT min(${raw(within('w'))}) FROM ${endpoints} w)
    AND ${took} > (SELECT ${raw(within('w'))} FROM ${endpoints} w WHERE w.num = d.endpoint))`;
  return late.is ? condition : sql`NOT ${condition}`;
}

/** From the keys of the few endpoints that can hold any, not from all deliveries. */
const isBlocked: Sql = sql`d.state = 0 AND d.order_key IS NOT NULL
  AND d.endpoint IN (SELECT p.num FROM ${table('endpoints')} p WHERE ${blocksKeys}) AND ${firstDeadBefore} IS NOT NULL`;

const ofOwners = (owners: readonly string[]): Sql =>
  sql`d.endpoint IN (SELECT p.num FROM ${table('endpoints')} p WHERE ${isAnyOf("(p.document ->> 'owner')", owners, 'text')})`;

/** A filter as a condition on deliveries `d` and their events `e`; `nums`: the numbers of its endpoints, null if it names none. */
export function matches(filter: DeliverySearch, nums: readonly number[] | null): Sql {
  const { statusCodes, owners, since, until, minValue } = filter;
  return all([
    oneOf('e.tenant', filter.tenants),
    filter.exceptTenant === undefined ? null : sql`e.tenant <> ${filter.exceptTenant}`,
    nums === null ? null : isAnyOf('d.endpoint', nums, 'int'),
    oneOf('e.id', filter.eventIds),
    oneOf('e.type', filter.eventTypes),
    anyRoutingKey(filter.routingKeys),
    inStates(filter.states),
    oneOf('d.error_class', filter.errorClasses),
    since === undefined ? null : sql`d.created_at >= ${since}`,
    until === undefined ? null : sql`d.created_at < ${until}`,
    statusCodes === undefined ? null : isAnyOf('d.status_code', statusCodes, 'int'),
    ofStatusClasses(filter.statusClasses),
    owners === undefined ? null : ofOwners(owners),
    oneOf('d.redrive_id', filter.redriveIds),
    oneOf('e.ordering_key', filter.orderingKeys),
    oneOf('e.currency', filter.currencies),
    minValue === undefined ? null : sql`e.amount_minor >= CAST(${String(minValue)} AS bigint)`,
    isLate(filter),
    filter.blocked ? isBlocked : null,
  ]);
}
