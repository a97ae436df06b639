import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { UnavailableError } from '../../domain/errors.ts';

export type Row = (string | number | bigint | null)[];

// SQLite's primary result codes after which nothing was written and a later try may succeed:
// busy, locked, no memory, read-only, I/O error, full, cannot open.
const passing = new Set([5, 6, 7, 8, 10, 13, 14]);

/**
 * One connection with its prepared statements, and transactions that end in commit or in nothing. Statements say
 * `LIMIT +?`: the planner looks at a bare `LIMIT ?`, so that each run with it prepares the statement anew (25 of the 27 µs
 * of a claim that finds nothing).
 */
export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, readOnly = false) {
    this.#db = new DatabaseSync(path, { readOnly, timeout: 5000 });
    if (!readOnly) {
      // FULL: a commit returns after its log is on disk, which is what a 202 promises (G1).
      // Pages of 8 KiB hold four ordinary payloads: 7 % less processor time for an event than with 4 KiB.
      this.#db.exec(
        'PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000',
      );
    }
    // In KiB. Twice as much drained no faster beside a million pending rows.
    this.#db.exec(`PRAGMA cache_size = ${readOnly ? -8192 : -32768}; PRAGMA temp_store = MEMORY`);
  }

  get raw(): DatabaseSync {
    return this.#db;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Rows as arrays, in column order. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guard(() => this.#prepare(sql).all(...values) as unknown as Row[]);
  }

  /** The first rows that hold; what follows is not read. */
  allWhile(sql: string, holds: (row: Row) => boolean, ...values: SQLInputValue[]): Row[] {
    return this.#guard(() => {
      const rows: Row[] = [];
      for (const row of this.#prepare(sql).iterate(...values) as unknown as Iterable<Row>) {
        if (!holds(row)) break;
        rows.push(row);
      }
      return rows;
    });
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guard(() => this.#prepare(sql).get(...values) as unknown as Row | undefined);
  }

  /** Number of rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** Everything in `work` commits together, or nothing does (G4). */
  transaction<T>(work: () => T): T {
    return this.#guard(() => {
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        const answer = work();
        this.#db.exec('COMMIT');
        return answer;
      } catch (error) {
        // SQLite rolls back by itself on some errors (full, I/O); a second rollback would throw.
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Several reads of one state of the database. */
  snapshot<T>(work: () => T): T {
    return this.#guard(() => {
      this.#db.exec('BEGIN');
      try {
        return work();
      } finally {
        if (this.#db.isTransaction) this.#db.exec('COMMIT');
      }
    });
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const code = (error as { errcode?: number }).errcode;
      if (code !== undefined && passing.has(code & 0xff)) {
        throw new UnavailableError(`the store cannot work now: ${(error as Error).message}`, {
          cause: error,
        });
      }
      throw error;
    }
  }
}
