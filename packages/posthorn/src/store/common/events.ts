import { eventShard } from '../../domain/ids.ts';
import { limit, rowsFrom, table } from './pieces.ts';
import { per, raw, type Sql, sql } from './sql.ts';
import { rows, type Steps } from './steps.ts';

interface EventKey {
  readonly tenant: string;
  readonly id: string;
}

/** PostgreSQL has a receipt for each event; SQLite has one only if the event is in another shard than its id. */
const numbersOf = (keys: Sql): Sql =>
  per(({ name }) => {
    const isKey = (alias: string): string =>
      `${alias}.shard = a.shard AND ${alias}.tenant = a.tenant AND ${alias}.id = a.id`;
    const [event, receipt] = [raw(isKey('e')), raw(isKey('r'))];
    return name === 'postgres'
      ? sql`SELECT a.place, r.event_number FROM ${keys} JOIN posthorn.receipts r ON ${receipt}`
      : sql`SELECT a.place, coalesce((SELECT e.number FROM events e WHERE ${event}), (SELECT r.event_number FROM receipts r WHERE ${receipt}))
          FROM ${keys}`;
  });

/** The numbers of the events of these tenants and ids, in order, by their index; null: there is no such event. */
export function* findEvents(asked: readonly EventKey[]): Steps<(number | null)[]> {
  const found = yield* rows(
    numbersOf(
      rowsFrom('a', {
        place: { type: 'int', values: asked.map((_, place) => place) },
        shard: { type: 'smallint', values: asked.map(({ tenant, id }) => eventShard(tenant, id)) },
        tenant: { type: 'text', values: asked.map(({ tenant }) => tenant) },
        id: { type: 'text', values: asked.map(({ id }) => id) },
      }),
    ),
  );
  const numbers: (number | null)[] = asked.map(() => null);
  for (const [place, number] of found) numbers[place as number] = number as number | null;
  return numbers;
}

/** The same in up to so many tenants, if none are named: ids are unique within a tenant alone. */
export function* findEventsOf(
  ids: readonly string[],
  tenants: readonly string[] | undefined,
  maxTenants: number,
): Steps<number[]> {
  const searched = tenants ?? (yield* knownTenants(maxTenants));
  const found = yield* findEvents(searched.flatMap((tenant) => ids.map((id) => ({ tenant, id }))));
  return found.filter((number) => number !== null);
}

function* knownTenants(max: number): Steps<string[]> {
  const found = yield* rows(sql`SELECT DISTINCT tenant FROM ${table('event_ledger')} ${limit(max)}`);
  return found.map(([tenant]) => tenant as string);
}
