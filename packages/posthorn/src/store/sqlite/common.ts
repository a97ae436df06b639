import type { SQLInputValue } from 'node:sqlite';
import { type Dialect, Renderer, type Value } from '../common/sql.ts';
import type { CommonDatabase, Request, Session, Step, Steps } from '../common/steps.ts';
import type { Database } from './database.ts';
import { countChanges } from './ledger.ts';

const dialect: Dialect = { name: 'sqlite', isDistributed: false, parameter: () => '?' };
const renderer = new Renderer(dialect);

function bound(value: Value): SQLInputValue {
  if (typeof value === 'boolean') return Number(value);
  // Lists are pieces of their own here (`isAnyOf`, `rowsFrom`).
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

function answer(db: Database, request: Request): unknown {
  if (request.wants === 'session')
    return {
      auditKey: db.auditKey,
      lists: 1,
      sortsGroups: true,
      isDistributed: false,
      json: (value, what) => db.json(value, what),
    } satisfies Session;
  // One process owns a data directory: no other node hears of it.
  if (request.wants === 'announcement' || request.wants === 'hint') return undefined;
  if (request.wants === 'counting') return countChanges(db, request.changes);
  const { text, values } = renderer.render(request.sql);
  const bounds = values.map(bound);
  return request.wants === 'rows' ? db.all(text, ...bounds) : db.run(text, ...bounds);
}

/** Does common work to its end, before anything else can happen: in the caller's transaction, if there is one. */
export function perform<T>(db: Database, steps: Steps<T>): T {
  let step: Step<T> = steps.next();
  while (step.done !== true) step = steps.next(answer(db, step.value));
  return step.value;
}

/** `onConfiguring` is called after each change of a document. */
export function commonDatabase(db: Database, onConfiguring: () => void): CommonDatabase {
  return {
    separately: async (work) => perform(db, work()),
    snapshot: async (work) => db.snapshot(() => perform(db, work())),
    alone: async (work) => db.transaction(() => perform(db, work())),
    transaction: async (work) => db.transaction(() => perform(db, work())),
    unsynced: async (work) => db.transactionUnsynced(() => perform(db, work())),
    erasing: async (work) => db.transactionErasing(() => perform(db, work())),
    configuring: async (work) => {
      const done = db.transaction(() => perform(db, work()));
      onConfiguring();
      return done;
    },
  };
}
