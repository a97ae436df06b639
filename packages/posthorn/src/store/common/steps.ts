import type { CounterChange } from '../counter-change.ts';
import type { Row, Sql } from './sql.ts';

// Work on a database, written once: a generator that yields statements and gets their answers. SQLite runs it in one go, within
// one call; PostgreSQL waits for each answer. So a transaction of it is as atomic on the one as on the other.

/** A statement whose rows are wanted, or how many rows it changed. */
export interface Statement {
  readonly wants: 'rows' | 'changes';
  readonly sql: Sql;
  /** Whether its text is one of few, so that it is kept prepared. */
  readonly isPrepared: boolean;
}

/** What work needs of its database besides answers. */
export interface Session {
  /** Seals the audit log; null: it is not sealed. */
  readonly auditKey: Uint8Array | null;
  /** Lists of numbers: SQLite has one, PostgreSQL one for each shard, in the order of its own key. */
  readonly lists: number;
  /** Whether it sorts what it groups (SQLite); PostgreSQL hashes it. */
  readonly sortsGroups: boolean;
  /** Whether tables are distributed by shard (Citus): a change then names one shard. */
  readonly isDistributed: boolean;
  /** Returns what a column of JSON holds; text that is not JSON was not written by Posthorn, which is damage. */
  json(value: unknown, what: string): unknown;
}

export type Request =
  | Statement
  | { readonly wants: 'session' }
  | { readonly wants: 'announcement' }
  | { readonly wants: 'counting'; readonly changes: readonly CounterChange[] }
  | { readonly wants: 'hint'; readonly endpointIds: readonly string[] };
export type Steps<T> = Generator<Request, T, unknown>;

/** Work on the way: what it asks next, or what it returned. */
export type Step<T> = IteratorResult<Request, T>;

export function* rows(statement: Sql): Steps<readonly Row[]> {
  return (yield { wants: 'rows', sql: statement, isPrepared: true }) as readonly Row[];
}

export function* row(statement: Sql): Steps<Row | undefined> {
  return (yield* rows(statement))[0];
}

/** A statement whose text has many forms: each set of conditions has a plan of its own. */
export function* rowsUnprepared(statement: Sql): Steps<readonly Row[]> {
  return (yield { wants: 'rows', sql: statement, isPrepared: false }) as readonly Row[];
}

/** Carries out a change and returns how many rows it changed. */
export function* changes(statement: Sql): Steps<number> {
  return (yield { wants: 'changes', sql: statement, isPrepared: true }) as number;
}

export function* session(): Steps<Session> {
  return (yield { wants: 'session' }) as Session;
}

/** Returns what a column of JSON holds. */
export function* stored<T>(value: unknown, what: string): Steps<T> {
  return (yield* session()).json(value, what) as T;
}

/**
 * Raises the version of endpoints and documents, and notifies other nodes when the transaction commits. Its row is locked before any
 * endpoint's: two changes never wait for each other in a circle.
 */
export function* announce(): Steps<void> {
  yield { wants: 'announcement' };
}

/** Hints to other nodes, when the transaction commits, that these endpoints have deliveries due; none: that a job in bulk has changed. */
export function* hint(endpointIds: readonly string[]): Steps<void> {
  yield { wants: 'hint', endpointIds };
}

/** A database of either kind, as work that is written once sees it: the ways in which statements belong together. */
export interface CommonDatabase {
  /** Each statement by itself: for readings. */
  separately<T>(work: () => Steps<T>): Promise<T>;
  /** Every statement reads one state of the database. */
  snapshot<T>(work: () => Steps<T>): Promise<T>;
  /** One change, which commits by itself. */
  alone<T>(work: () => Steps<T>): Promise<T>;
  /** Everything commits together, or nothing does (G4). */
  transaction<T>(work: () => Steps<T>): Promise<T>;
  /** The same without waiting for the disk, if the database can: a power cut may undo it, a crash of the process does not. */
  unsynced<T>(work: () => Steps<T>): Promise<T>;
  /**
   * A transaction whose former values are overwritten, as far as the database can: SQLite fills with zeros what it frees, and
   * PostgreSQL leaves former rows to its vacuum.
   */
  erasing<T>(work: () => Steps<T>): Promise<T>;
  /** A transaction that raises the version of endpoints and documents; other nodes are notified of it. */
  configuring<T>(work: () => Steps<T>): Promise<T>;
}
