import { type Dialect, rendered } from '../common/sql.ts';
import type { CommonDatabase, Steps } from '../common/steps.ts';
import type { Database } from './database.ts';

const dialect: Dialect = { name: 'sqlite', parameter: () => '?' };

/** Does common work to its end, before anything else can happen. */
function perform<T>(db: Database, steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) {
    const { sql, wants } = step.value;
    const { text, values } = rendered(sql, dialect);
    step = steps.next(wants === 'rows' ? db.all(text, ...values) : db.run(text, ...values));
  }
  return step.value;
}

export function commonDatabase(db: Database): CommonDatabase {
  return {
    read: async (steps) => perform(db, steps),
    snapshot: async (work) => db.snapshot(() => perform(db, work())),
    transaction: async (work) => db.transaction(() => perform(db, work())),
  };
}
