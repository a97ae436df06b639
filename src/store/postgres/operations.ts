import { commandTransitions, deliveryStates } from '../../domain/delivery.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import type { CommandAnswer, DeliveryFilter, RedriveRecord } from '../store.ts';
import { notifyDue } from './accept.ts';
import { stateNumbers, triggers } from '../rows.ts';
import type { Connection, Database, Row, Value } from './database.ts';
import { filterSql } from './filter.ts';
import { endStates, writeLedger } from './ledger.ts';

/** Locks one delivery: what people do and what the engine settles take turns on its row. */
async function lock(connection: Connection, number: number): Promise<Row | undefined> {
  const [row] = await connection.query(
    'delivery_lock',
    `SELECT d.state, d.endpoint, d.created_at, d.claimed_by, d.due_at, d.order_key,
       (SELECT e.type FROM posthorn.events e WHERE e.shard = d.shard AND e.number = d.event_number)
     FROM posthorn.deliveries d WHERE d.shard = $1 AND d.number = $2 FOR UPDATE OF d`,
    [shardOfNumber(number), number],
  );
  return row;
}

/** Puts one delivery back on the retry clock; the caller holds the transaction. */
async function redriveOne(
  connection: Connection,
  number: number,
  trigger: 'manual' | 'redrive',
  now: number,
): Promise<CommandAnswer> {
  const row = await lock(connection, number);
  if (row === undefined) return 'not_found';
  const [state, endpoint, createdAt, claimedBy, dueAt] = row as [
    number,
    number,
    number,
    string | null,
    number | null,
  ];
  if (!commandTransitions.redrive.from.includes(deliveryStates[state]!)) return 'refused';
  const key = [shardOfNumber(number), number, now, triggers.indexOf(trigger)];
  if (state === stateNumbers.pending) {
    // An attempt in flight keeps its claim and its fence: only what waits comes due sooner (G3).
    if (claimedBy === null && dueAt! > now)
      await connection.query(
        'redrive_sooner',
        'UPDATE posthorn.deliveries SET due_at = $3, trigger = $4 WHERE shard = $1 AND number = $2',
        key,
      );
    return 'done';
  }
  // The claim number goes on counting: an attempt of the former schedule stays fenced off (G3).
  await connection.query(
    'redrive_again',
    `UPDATE posthorn.deliveries SET state = 0, due_at = $3, claimed_by = NULL, tries = 0, settled_at = NULL, reason = NULL, trigger = $4,
       redrives = redrives + 1 WHERE shard = $1 AND number = $2`,
    key,
  );
  const type = row[6] as string;
  await writeLedger(connection, '', [{ endpoint, createdAt, type, [endStates[state]!]: -1 }]);
  return 'done';
}

export async function redriveDelivery(db: Database, number: number, now: number): Promise<CommandAnswer> {
  return await db.transaction((connection) => redriveOne(connection, number, 'manual', now));
}

async function cancelOne(
  connection: Connection,
  number: number,
  row: Row,
  reason: string,
  now: number,
): Promise<void> {
  const [, endpoint, createdAt, , , orderKey, type] = row as [
    number,
    number,
    number,
    unknown,
    unknown,
    string | null,
    string,
  ];
  const shard = shardOfNumber(number);
  await connection.query(
    'cancel',
    `UPDATE posthorn.deliveries SET state = 3, due_at = NULL, claimed_by = NULL, settled_at = $3, reason = $4 WHERE shard = $1 AND number = $2`,
    [shard, number, now, reason],
  );
  await writeLedger(connection, '', [{ endpoint, createdAt, type, cancelled: 1 }]);
  if (orderKey === null) return;
  await connection.query(
    'wake_successor',
    `UPDATE posthorn.deliveries SET due_at = $4 WHERE shard = $1 AND claimed_by IS NULL AND number =
       (SELECT number FROM posthorn.deliveries WHERE state = 0 AND shard = $1 AND endpoint = $2 AND order_key = $3 ORDER BY number LIMIT 1)`,
    [shard, endpoint, orderKey, now],
  );
}

export async function cancelDelivery(
  db: Database,
  number: number,
  words: string,
  now: number,
): Promise<CommandAnswer> {
  return await db.transaction(async (connection) => {
    const row = await lock(connection, number);
    if (row === undefined) return 'not_found';
    if (!commandTransitions.cancel.from.includes(deliveryStates[row[0] as number]!)) return 'refused';
    await cancelOne(connection, number, row, `cancelled: ${words}`, now);
    return 'done';
  });
}

export async function cancelOrphans(db: Database, limit: number, now: number): Promise<number> {
  const orphans = await db.query(
    db.oneShard ? 'orphans_distributed' : 'orphans',
    db.oneShard
      ? `SELECT d.number FROM posthorn.deliveries d JOIN posthorn.endpoints p ON p.num = d.endpoint
         WHERE d.state = 0 AND p.deleted_at IS NOT NULL LIMIT $1`
      : `SELECT d.number FROM posthorn.endpoints p CROSS JOIN LATERAL (
           SELECT number FROM posthorn.deliveries d WHERE d.state = 0 AND d.endpoint = p.num LIMIT $1) d
         WHERE p.deleted_at IS NOT NULL LIMIT $1`,
    [limit],
  );
  if (orphans.length === 0) return 0;
  return await db.transaction(async (connection) => {
    const numbers = orphans.map(([number]) => number as number).toSorted((a, b) => a - b);
    for (const number of numbers) {
      const row = await lock(connection, number);
      if (row?.[0] === stateNumbers.pending)
        await cancelOne(connection, number, row, 'endpoint_deleted', now);
    }
    return numbers.length;
  });
}

// ---------------------------------------------------------------- bulk redrives

const redriveColumns = 'id, filter, rate_per_s, dry_run, state, matched, redriven, created_at, finished_at';
// Only states with a drop in them: a redrive in bulk never touches what is delivered or on its way.
const dropped = `posthorn.deliveries d JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number
  JOIN posthorn.endpoints p ON p.num = d.endpoint WHERE d.state IN (2, 4)`;

function redriveOf(row: Row): RedriveRecord {
  return {
    id: row[0] as string,
    filter: row[1] as unknown as DeliveryFilter,
    ratePerS: row[2] as number | null,
    dryRun: row[3] as boolean,
    state: row[4] as 'running' | 'done',
    matched: row[5] as number,
    redriven: row[6] as number,
    createdAt: row[7] as number,
    finishedAt: row[8] as number | null,
  };
}

export async function findRedrive(connection: Connection, id: string): Promise<RedriveRecord | null> {
  const [row] = await connection.query(
    'redrive_find',
    `SELECT ${redriveColumns} FROM posthorn.redrives WHERE id = $1`,
    [id],
  );
  return row === undefined ? null : redriveOf(row);
}

export async function runningRedrives(db: Database): Promise<RedriveRecord[]> {
  const rows = await db.query(
    'redrives_running',
    `SELECT ${redriveColumns} FROM posthorn.redrives WHERE state = 'running' ORDER BY id`,
  );
  return rows.map(redriveOf);
}

export async function createRedrive(
  db: Database,
  redrive: { id: string; filter: DeliveryFilter; ratePerS: number | null; dryRun: boolean; now: number },
): Promise<RedriveRecord> {
  return await db.transaction(async (connection) => {
    const { where, values } = filterSql(redrive.filter);
    const [counted] = await connection.query(
      '',
      `SELECT count(*), coalesce(max(d.number), -1) FROM ${dropped} AND ${where}`,
      values,
    );
    const [matched, last] = counted as [number, number];
    const done = redrive.dryRun || matched === 0;
    await connection.query(
      'redrive_create',
      `INSERT INTO posthorn.redrives (id, filter, rate_per_s, dry_run, state, matched, redriven, cursor, last_number, created_at, finished_at)
       VALUES ($1, $2, $3, $4, $5, $6, 0, -1, $7, $8, $9)`,
      [
        redrive.id,
        JSON.stringify(redrive.filter),
        redrive.ratePerS,
        redrive.dryRun,
        done ? 'done' : 'running',
        matched,
        last,
        redrive.now,
        done ? redrive.now : null,
      ],
    );
    return (await findRedrive(connection, redrive.id))!;
  });
}

export async function stepRedrive(
  db: Database,
  id: string,
  limit: number,
  now: number,
): Promise<{ redrive: RedriveRecord; endpointIds: string[] }> {
  const answer = await db.transaction(async (connection) => {
    // The row's lock lets one node at a time take the next step.
    const [row] = await connection.query(
      'redrive_lock',
      `SELECT ${redriveColumns}, cursor, last_number FROM posthorn.redrives WHERE id = $1 FOR UPDATE`,
      [id],
    );
    if (row === undefined) throw new Error(`there is no redrive ${id}`);
    const redrive = redriveOf(row);
    if (redrive.state === 'done') return { redrive, endpointIds: [] };
    const { where, values } = filterSql(redrive.filter, 4);
    const rows = await connection.query(
      '',
      `SELECT d.number, p.id FROM ${dropped} AND ${where} AND d.number > $1 AND d.number <= $2 ORDER BY d.number LIMIT $3`,
      [row[9], row[10], limit, ...values] as Value[],
    );
    for (const [number] of rows) await redriveOne(connection, number as number, 'redrive', now);
    const ended = rows.length < limit;
    await connection.query(
      'redrive_step',
      `UPDATE posthorn.redrives SET redriven = redriven + $2, cursor = greatest(cursor, $3), state = $4, finished_at = $5 WHERE id = $1`,
      [
        id,
        rows.length,
        (rows.at(-1)?.[0] as number | undefined) ?? -1,
        ended ? 'done' : 'running',
        ended ? now : null,
      ],
    );
    return {
      redrive: (await findRedrive(connection, id))!,
      endpointIds: [...new Set(rows.map(([, endpointId]) => endpointId as string))],
    };
  });
  if (answer.endpointIds.length > 0) await notifyDue(db, answer.endpointIds);
  return answer;
}
