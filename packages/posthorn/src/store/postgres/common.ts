import { createHash } from 'node:crypto';
import { shardCount } from '../../domain/shard.ts';
import { type Dialect, Renderer } from '../common/sql.ts';
import type { CommonDatabase, Request, Session, Step, Steps } from '../common/steps.ts';
import type { Connection, Database } from './database.ts';
import { announce, announced } from './announced.ts';
import { countChanges } from './counting.ts';
import { notifyDue } from './notify-due.ts';

const dialect = (isDistributed: boolean): Dialect => ({
  name: 'postgres',
  isDistributed,
  parameter: (at) => `$${at}`,
});
const renderers = { spanning: new Renderer(dialect(false)), single: new Renderer(dialect(true)) };

/** Names of prepared statements, by their text. */
const names = new Map<string, string>();
/** Each is kept prepared on each connection that has used it. */
const maxNames = 500;

/** A name says its text: a connection that was another process's may know statements already. */
function nameFor(text: string): string {
  let name = names.get(text);
  if (name === undefined && names.size < maxNames)
    names.set(text, (name = `common_${createHash('sha1').update(text).digest('hex')}`));
  return name ?? '';
}

async function answer(connection: Connection, request: Request): Promise<unknown> {
  if (request.wants === 'session')
    // The driver has parsed columns of JSON.
    return {
      auditKey: connection.auditKey,
      lists: shardCount,
      sortsGroups: false,
      isDistributed: connection.shards.choose({ spanning: false, single: true }),
      json: (value) => value,
    } satisfies Session;
  if (request.wants === 'announcement') return await announce(connection);
  if (request.wants === 'hint') return await notifyDue(connection, request.endpointIds);
  if (request.wants === 'counting') return await countChanges(connection, request.changes);
  const { text, values } = connection.shards.choose(renderers).render(request.sql);
  const name = request.isPrepared ? nameFor(text) : '';
  return request.wants === 'rows'
    ? await connection.query(name, text, values)
    : await connection.execute(name, text, values);
}

/** Does common work on a connection: within its transaction, if it has one. */
export async function perform<T>(connection: Connection, steps: Steps<T>): Promise<T> {
  let step: Step<T> = steps.next();
  while (step.done !== true) step = steps.next(await answer(connection, step.value));
  return step.value;
}

async function performOne<T>(connection: Connection, steps: Steps<T>): Promise<T> {
  let step: Step<T> = steps.next();
  if (step.done !== true) step = steps.next(await answer(connection, step.value));
  if (step.done !== true) throw new Error('a change that commits by itself is one statement');
  return step.value;
}

export function commonDatabase(db: Database): CommonDatabase {
  const transaction: CommonDatabase['transaction'] = (work) =>
    db.transaction((connection) => perform(connection, work()));
  return {
    separately: (work) => perform(db, work()),
    snapshot: (work) => db.snapshot((connection) => perform(connection, work())),
    alone: (work) => performOne(db, work()),
    transaction,
    unsynced: transaction,
    erasing: transaction,
    configuring: (work) => announced(db, (connection) => perform(connection, work())),
  };
}
