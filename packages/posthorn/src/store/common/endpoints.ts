import { automaticPauses, changedEndpoint, endsFailing, type Endpoint } from '../../domain/endpoint.ts';
import { isTooLong } from '../../domain/failing.ts';
import { pauseEntry } from '../audit-log.ts';
import {
  type ConfigChange,
  emptiedSecrets,
  type EndpointChange,
  type EndpointLookups,
  nameTaken,
  removedSecrets,
} from '../config.ts';
import { contactForgotten } from '../contacts.ts';
import type { FailingChange } from '../failures.ts';
import { writeAudit } from './audit-log.ts';
import { removeDocument, writeDocument } from './documents.ts';
import { failingWith, resetFailing } from './failures.ts';
import { type Cold, separately } from './methods.ts';
import {
  all,
  bytewise,
  comesAfter,
  forUpdate,
  isAnyOf,
  limit as limited,
  ofTenants,
  table,
} from './pieces.ts';
import { raw, type Row, type Sql, sql } from './sql.ts';
import { changes, row, rows, stored, type Steps } from './steps.ts';

// Endpoints as rows. What an adapter holds of them in memory follows once a change is committed.

const endpoints = table('endpoints');

const endpointFrom = (document: unknown): Steps<Endpoint> =>
  stored<Endpoint>(document, 'the stored document of an endpoint');

function* endpointsFrom(found: readonly Row[]): Steps<Endpoint[]> {
  const read: Endpoint[] = [];
  for (const [document] of found) read.push(yield* endpointFrom(document));
  return read;
}

function* readEndpoint(id: string, lock: Sql): Steps<Endpoint | null> {
  const found = yield* row(
    sql`SELECT document FROM ${endpoints} WHERE id = ${id} AND deleted_at IS NULL ${lock}`,
  );
  return found === undefined ? null : yield* endpointFrom(found[0]);
}

function* readNamed(tenants: readonly string[], names: readonly string[]): Steps<Endpoint[]> {
  const found = yield* rows(
    sql`SELECT document FROM ${endpoints} WHERE ${isAnyOf('tenant', tenants, 'text')} AND ${isAnyOf('name', names, 'text')}
      AND deleted_at IS NULL AND name IS NOT NULL`,
  );
  return yield* endpointsFrom(found);
}

export const endpointLookups: Cold<EndpointLookups> = {
  endpoint: separately((id) => readEndpoint(id, raw(''))),

  endpointsNamed: separately(readNamed),

  endpointCount: separately(function* (tenant) {
    const [count] = (yield* row(
      sql`SELECT count(*) FROM ${endpoints} WHERE tenant = ${tenant} AND deleted_at IS NULL`,
    ))!;
    return count as number;
  }),

  endpoints: separately(function* ({ ids, after, limit, order = 'asc', ...tenants }) {
    const found = yield* rows(
      sql`SELECT document FROM ${endpoints} WHERE deleted_at IS NULL AND ${all([
        ofTenants('tenant', tenants),
        comesAfter('id', order, after),
        ids === undefined ? null : isAnyOf('id', ids, 'text'),
      ])} ORDER BY ${bytewise('id')} ${raw(order)} ${Number.isFinite(limit) ? limited(limit) : raw('')}`,
    );
    return yield* endpointsFrom(found);
  }),
};

// What follows is for callers that hold the transaction, in which the version goes up: a change of an endpoint has that
// row locked, so that of two endpoints of one name one finds the other.

function* requireFreeName({ id, tenant, name }: Endpoint): Steps<void> {
  if (name === null) return;
  const named = yield* readNamed([tenant], [name]);
  if (named.some((other) => other.id !== id)) throw nameTaken(tenant, name);
}

export function* insertEndpoint(endpoint: Endpoint): Steps<void> {
  const { id, tenant, name, enabled } = endpoint;
  yield* requireFreeName(endpoint);
  yield* changes(
    sql`INSERT INTO ${endpoints} (id, tenant, name, enabled, document)
      VALUES (${id}, ${tenant}, ${name}, ${enabled}, ${JSON.stringify(endpoint)})`,
  );
}

/** An endpoint as it was, and as it is now. */
interface Changed {
  readonly before: Endpoint;
  readonly after: Endpoint;
}

/** Changes an endpoint while its row is locked; null, with nothing written, if there is none or nothing is to change. */
function* changeEndpoint(
  id: string,
  changeFrom: (endpoint: Endpoint) => EndpointChange | null,
): Steps<Changed | null> {
  const before = yield* readEndpoint(id, forUpdate());
  if (before === null) return null;
  const change = changeFrom(before);
  if (change === null) return null;
  const after = changedEndpoint(before, change);
  const { name, enabled } = after;
  if (name !== before.name) yield* requireFreeName(after);
  yield* changes(
    sql`UPDATE ${endpoints} SET name = ${name}, enabled = ${enabled}, document = ${JSON.stringify(after)} WHERE id = ${id}`,
  );
  const at = change.updatedAt;
  // What was learned of a URL ends with it.
  if (after.url !== before.url)
    yield* changes(
      sql`UPDATE ${endpoints} SET breaker_open_since = NULL, breaker_at = ${at}, throttled_until = NULL, throttled_at = ${at},
        server_certificate = NULL, server_certificate_ends = NULL, server_certificate_at = ${at}, ${raw(contactForgotten)}
        WHERE id = ${id}`,
    );
  if (endsFailing(before, after)) yield* resetFailing(id, at);
  return { before, after };
}

export function* updateEndpoint(id: string, change: EndpointChange): Steps<Endpoint | null> {
  return (yield* changeEndpoint(id, () => change))?.after ?? null;
}

function* pauseEndpoint(
  id: string,
  changeFrom: (endpoint: Endpoint) => EndpointChange | null,
): Steps<Endpoint | null> {
  const paused = yield* changeEndpoint(id, changeFrom);
  if (paused === null) return null;
  yield* writeAudit([pauseEntry(paused.before, paused.after)]);
  return paused.after;
}

export function* pauseGone(id: string, url: string, now: number): Steps<Endpoint | null> {
  return yield* pauseEndpoint(id, (endpoint) =>
    endpoint.url === url ? { enabled: false, pausedReason: automaticPauses.gone, updatedAt: now } : null,
  );
}

export function* pauseFailing(change: FailingChange): Steps<Endpoint | null> {
  const { endpointId, url, at } = change;
  const failing = yield* failingWith(change);
  return yield* pauseEndpoint(endpointId, (endpoint) => {
    const isDue = failing !== null && isTooLong(endpoint, failing, at);
    if (!isDue || endpoint.url !== url || !endpoint.enabled) return null;
    return { enabled: false, pausedReason: automaticPauses.failing, updatedAt: at };
  });
}

/** Marks an endpoint deleted, and takes its secrets out of the row; false if there is none. */
export function* removeEndpoint(id: string, now: number): Steps<boolean> {
  const before = yield* readEndpoint(id, forUpdate());
  if (before === null) return false;
  const kept = Object.entries(before).filter(([field]) => !removedSecrets.includes(field));
  const document = { ...Object.fromEntries(kept), ...emptiedSecrets };
  yield* changes(
    sql`UPDATE ${endpoints} SET deleted_at = ${now}, enabled = ${false}, document = ${JSON.stringify(document)} WHERE id = ${id}`,
  );
  return true;
}

/** Writes endpoints and documents together. Returns the endpoints that it created and updated, in this order. */
export function* writeConfig(change: ConfigChange): Steps<Endpoint[]> {
  const missing = (id: string): Error => new Error(`endpoint ${id} does not exist`);
  for (const { kind, name, document } of change.putDocuments ?? [])
    yield* writeDocument(kind, name, document);
  for (const { kind, name } of change.deleteDocuments ?? []) yield* removeDocument(kind, name);
  for (const id of change.deleteEndpoints ?? [])
    if (!(yield* removeEndpoint(id, change.now))) throw missing(id);
  const written: Endpoint[] = [...(change.createEndpoints ?? [])];
  for (const endpoint of written) yield* insertEndpoint(endpoint);
  for (const { id, change: fields } of change.updateEndpoints ?? []) {
    const endpoint = yield* updateEndpoint(id, fields);
    if (endpoint === null) throw missing(id);
    written.push(endpoint);
  }
  yield* writeAudit(change.audit ?? []);
  return written;
}
