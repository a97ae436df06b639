import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { NewEvent, Receipt } from '../../domain/event.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import { replayEntry } from '../audit-log.ts';
import { refuseUnsendable } from '../sendable.ts';
import { planReplay } from '../matching.ts';
import { newReceipt } from '../plan.ts';
import { eventOf, triggers } from '../rows.ts';
import type { ReplayAnswer } from '../store.ts';
import { findEvent, insertPlanned } from './accept.ts';
import { shareEndpointRows } from './shared-endpoints.ts';
import { notifyDue } from './notify-due.ts';
import { writeAudit } from './audit-log.ts';
import { StaleCopyError, withCurrentEndpoints } from './current-endpoints.ts';
import type { Connection, Database, Row } from './database.ts';
import type { EndpointCopy, EndpointTable } from './endpoints.ts';
import { createReplayed } from './replayed.ts';

interface ReplayRequest {
  readonly tenant: string;
  readonly eventId: string;
  /** Null: every endpoint that wants it. */
  readonly endpointId: string | null;
  readonly now: number;
  readonly audit: AuditEntry | null;
}

/** Throws `StaleCopyError` if endpoints have changed since the copy was made; they do not before the transaction ends. */
async function requireCurrent(connection: Connection, { version }: EndpointCopy): Promise<void> {
  const lock = await shareEndpointRows(connection);
  const [config] = await connection.query('config_share', `SELECT version FROM posthorn.config ${lock}`);
  if (config![0] !== version) throw new StaleCopyError();
}

/** The row of a stored event, locked so that the pruner does not delete it meanwhile. */
async function lockEvent(connection: Connection, tenant: string, id: string): Promise<Row | undefined> {
  const row = await findEvent(connection, tenant, id);
  if (row === undefined) return undefined;
  const number = row[11] as number;
  const [locked] = await connection.query(
    'event_lock',
    'SELECT digest, data_deleted_at FROM posthorn.events WHERE shard = $1 AND number = $2 FOR UPDATE',
    [shardOfNumber(number), number],
  );
  if (locked === undefined) return undefined;
  // Deleted between the two statements: what was locked counts.
  const [digest, dataDeletedAt] = locked;
  return row.with(12, digest!).with(14, dataDeletedAt!);
}

async function replayStored(
  connection: Connection,
  copy: EndpointCopy,
  { tenant, eventId, endpointId, now, audit }: ReplayRequest,
): Promise<ReplayAnswer> {
  await requireCurrent(connection, copy);
  const row = await lockEvent(connection, tenant, eventId);
  if (row === undefined) return 'no_event';
  const stored = eventOf(row);
  refuseUnsendable(stored);
  const plan = planReplay(copy.index, stored, endpointId);
  if (plan === null) return 'no_endpoint';
  const { wanted, filtered, overridden } = plan;
  const { type, orderingKey, acceptedAt } = stored;
  const numbers = await createReplayed(
    connection,
    wanted.map(({ num, endpoint: { enabled, ordering } }) => ({
      eventNumber: row[11] as number,
      endpoint: num,
      enabled,
      orderKey: ordering === 'key' ? orderingKey : null,
      type,
    })),
    { trigger: 'manual', redriveId: null, now },
  );
  const suppressed = wanted.filter(({ endpoint }) => !endpoint.enabled).length;
  await writeAudit(connection, [replayEntry(audit, endpointId, wanted.length, suppressed)]);
  return {
    receipt: newReceipt({ id: eventId, tenant, type }, acceptedAt, wanted.length, suppressed),
    deliveries: wanted.map(({ endpoint }, at) => ({ number: numbers[at]!, endpointId: endpoint.id })),
    filtered,
    overridden,
  };
}

export async function replayEvent(
  db: Database,
  endpoints: EndpointTable,
  request: ReplayRequest,
): Promise<ReplayAnswer> {
  const answer = await withCurrentEndpoints(endpoints, (copy) =>
    db.transaction((connection) => replayStored(connection, copy, request)),
  );
  if (typeof answer !== 'string')
    await notifyDue(
      db,
      answer.deliveries.map(({ endpointId }) => endpointId),
    );
  return answer;
}

/** A delivery of an event to one endpoint only, whatever it subscribes to. */
export async function acceptFor(
  db: Database,
  endpoints: EndpointTable,
  event: NewEvent,
  endpointId: string,
  now: number,
  audit: AuditEntry | null,
): Promise<Receipt | null> {
  return await withCurrentEndpoints(endpoints, async (copy, reloaded) => {
    const known = copy.index.get(endpointId);
    if (known === undefined && !reloaded) throw new StaleCopyError();
    if (known === undefined) return null;
    const suppressed = Number(!known.endpoint.enabled);
    const planned = {
      event,
      group: 0,
      index: 0,
      deliveries: [{ known, leaseUntil: null }],
      count: 1,
      suppressed,
      filtered: 0,
    };
    const trigger = triggers.indexOf('manual');
    await db.transaction(async (connection) => {
      const by = { now, node: 'operations', trigger };
      if ((await insertPlanned(connection, copy.version, [planned], by)) === null) throw new StaleCopyError();
      await writeAudit(connection, [audit]);
    });
    return newReceipt(event, now, 1, suppressed);
  });
}
