import type { Row, Sql } from './sql.ts';

// Work on a database, written once: a generator that yields statements and gets their answers. SQLite runs it in one go, within
// one call; PostgreSQL waits for each answer. So a transaction of it is as atomic on the one as on the other.

/** A statement whose rows are wanted, or how many rows it changed. */
export interface Statement {
  readonly sql: Sql;
  readonly wants: 'rows' | 'changes';
  /** Whether its text is one of few, so that it is kept prepared. */
  readonly isPrepared: boolean;
}

export type Steps<T> = Generator<Statement, T, unknown>;

export function* rows(statement: Sql): Steps<readonly Row[]> {
  return (yield { sql: statement, wants: 'rows', isPrepared: true }) as readonly Row[];
}

export function* row(statement: Sql): Steps<Row | undefined> {
  return (yield* rows(statement))[0];
}

/** A statement whose text has many forms: each set of conditions has a plan of its own. */
export function* rowsUnprepared(statement: Sql): Steps<readonly Row[]> {
  return (yield { sql: statement, wants: 'rows', isPrepared: false }) as readonly Row[];
}

/** Carries out a change and returns how many rows it changed. */
export function* changes(statement: Sql): Steps<number> {
  return (yield { sql: statement, wants: 'changes', isPrepared: true }) as number;
}

/** A database of either kind, as work that is written once sees it. */
export interface CommonDatabase {
  /** Statement by statement, each by itself. */
  read<T>(steps: Steps<T>): Promise<T>;
  /** Every statement reads one state of the database. */
  snapshot<T>(work: () => Steps<T>): Promise<T>;
  /** Everything commits together, or nothing does (G4). */
  transaction<T>(work: () => Steps<T>): Promise<T>;
}
