import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { StoreFaultError } from '../../domain/errors.ts';
import { damageOf, storedJson, translated } from './damage.ts';
import type { Ground } from './ground.ts';

export type Row = (string | number | bigint | null)[];

/** Texts differ by what a filter names: some thousand combinations. The delivery path has fewer than a hundred. */
const maxStatements = 1000;

/**
 * One connection with its prepared statements, and transactions that end in commit or in nothing. Statements say
 * `LIMIT +?`: the planner looks at a bare `LIMIT ?`, so that each run with it prepares the statement anew (25 of the 27 µs
 * of a claim that finds nothing).
 */
export class Database {
  readonly path: string;
  /** Seals the audit log; null: it is not sealed. */
  auditKey: Uint8Array | null = null;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Not 0 as soon as any connection of this process has found damage: then nothing is written any more. */
  readonly #damaged: Int32Array;
  #damage: StoreFaultError | null = null;
  #ground: Ground | null = null;

  constructor(path: string, readOnly = false, damaged = new SharedArrayBuffer(4)) {
    this.path = path;
    this.#damaged = new Int32Array(damaged);
    this.#db = new DatabaseSync(path, { readOnly, timeout: 5000 });
    if (!readOnly) {
      // FULL: a commit returns after its log is on disk, which is what a 202 promises (G1).
      // Pages of 8 KiB hold four ordinary payloads: 7% less processor time for an event than with 4 KiB.
      this.#db.exec(
        'PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000',
      );
    }
    // In KiB. Twice as much drained no faster beside a million pending rows.
    this.#db.exec(`PRAGMA cache_size = ${readOnly ? -8192 : -32768}; PRAGMA temp_store = MEMORY`);
  }

  /** From now on nothing is written unless these files are still where they were. */
  standOn(ground: Ground): void {
    this.#ground = ground;
  }

  /** Throws `StoreFaultError` where a commit would be worth nothing: damage was found, or the files are not these any more. */
  checkGround(): void {
    if (Atomics.load(this.#damaged, 0) !== 0)
      throw this.#damage ?? damageOf(this.path, 'damage was found while reading');
    this.#ground?.check();
  }

  get raw(): DatabaseSync {
    return this.#db;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      statement.setReturnArrays(true);
      if (this.#statements.size >= maxStatements) this.#statements.clear();
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
    this.checkGround();
    return this.#guard(() => {
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        const answer = work();
        this.#db.exec('COMMIT');
        return answer;
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  /**
   * A transaction that does not wait for the disk. A process that dies loses nothing of it. A power cut can, but only together with
   * every later one: they are in one log, and the next `transaction` that commits waits for all of it.
   */
  transactionUnsynced<T>(work: () => T): T {
    this.#db.exec('PRAGMA synchronous = NORMAL');
    try {
      return this.transaction(work);
    } finally {
      this.#db.exec('PRAGMA synchronous = FULL');
    }
  }

  /**
   * A transaction that fills with zeros what it frees, so that former values are in no page of the database once the log is
   * checkpointed. Not for every transaction: pages that retention frees would be written once more.
   */
  transactionErasing<T>(work: () => T): T {
    this.#db.exec('PRAGMA secure_delete = ON');
    try {
      return this.transaction(work);
    } finally {
      this.#db.exec('PRAGMA secure_delete = OFF');
    }
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

  /** A stored document; text that is not JSON was not written by Posthorn. */
  json(text: unknown, what: string): unknown {
    return this.#guard(() => storedJson(text, what, this.path));
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #rollBack(): void {
    try {
      // SQLite rolls back by itself on some errors (full, I/O).
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    } catch {
      // The error that made it necessary says more; what was not committed is not there after the next opening.
    }
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const found = translated(error, this.path);
      if (found instanceof StoreFaultError && found.fault === 'damaged') {
        this.#damage ??= found;
        Atomics.store(this.#damaged, 0, 1);
      }
      throw found;
    }
  }
}
