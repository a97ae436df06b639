import { type Dialect, rendered } from '../common/sql.ts';
import type { CommonDatabase, Steps } from '../common/steps.ts';
import type { Connection, Database } from './database.ts';

const dialect: Dialect = { name: 'postgres', parameter: (at) => `$${at}` };

/** Names of prepared statements, by their text. */
const names = new Map<string, string>();
/** Each is kept prepared on each connection that has used it. */
const maxNames = 500;

function nameFor(text: string): string {
  let name = names.get(text);
  if (name === undefined && names.size < maxNames) names.set(text, (name = `common_${names.size}`));
  return name ?? '';
}

/** Does common work on a connection: within its transaction, if it has one. */
async function perform<T>(connection: Pick<Connection, 'query' | 'execute'>, steps: Steps<T>): Promise<T> {
  let step = steps.next();
  while (step.done !== true) {
    const { sql, wants, isPrepared } = step.value;
    const { text, values } = rendered(sql, dialect);
    const name = isPrepared ? nameFor(text) : '';
    step = steps.next(
      wants === 'rows'
        ? await connection.query(name, text, values)
        : await connection.execute(name, text, values),
    );
  }
  return step.value;
}

export function commonDatabase(db: Database): CommonDatabase {
  return {
    read: (steps) => perform(db, steps),
    snapshot: (work) => db.snapshot((connection) => perform(connection, work())),
    transaction: (work) => db.transaction((connection) => perform(connection, work())),
  };
}
