import {
  type AuditChainPage,
  type AuditHead,
  type AuditRow,
  headSeal,
  rowProblem,
  sealOf,
} from '../store/audit-log.ts';
import { maxFindings } from './reconciler.ts';
import type { StoreRead } from '../store/store.ts';

const chainPage = 200;

export interface AuditFinding {
  /** Sequence of the entry, or of the first and the last of several; null: it is about the head. */
  readonly sequence: number | null;
  readonly through: number | null;
  readonly problem: string;
}

export interface AuditCheck {
  readonly entries: number;
  /** Null where it is missing. */
  readonly head: AuditHead | null;
  /** Entries without a seal: an intruder that can write the database could have recomputed them. */
  readonly unsealed: number;
  /** Entries that carry a seal of a key that is not here. */
  readonly unchecked: number;
  /** At most 200. */
  readonly findings: readonly AuditFinding[];
}

export interface AuditCheckOptions {
  /** Those that may have sealed entries; none: seals are not checked. */
  readonly keys: readonly Uint8Array[];
  /** An entry that the log had, as a line of Posthorn's own log once said. */
  readonly known?: { readonly sequence: number; readonly hash: string } | null;
}

/** Reads the audit log in order, in pages, and names every entry that is missing or not what was appended (G9). */
export async function checkAuditLog(
  store: Pick<StoreRead, 'auditChain'>,
  options: AuditCheckOptions,
): Promise<AuditCheck> {
  const walk = new ChainWalk(options);
  for (;;) {
    const page = await store.auditChain(walk.last, chainPage);
    walk.read(page);
    // With the last page, in the same state of the store, comes the head that it has to end at.
    if (page.rows.length < chainPage) return walk.end(page.head);
  }
}

class ChainWalk {
  /** The sequence of the last row that was read. */
  last = Number.MIN_SAFE_INTEGER;
  #entries = 0;
  #unsealed = 0;
  #unchecked = 0;
  readonly #findings: AuditFinding[] = [];
  /** What the next row has to be; its previous hash is null where the entry before it is missing. */
  #next: { sequence: number; previousHash: string | null } | null = null;
  readonly #keys: readonly Uint8Array[];
  readonly #known: AuditCheckOptions['known'];

  constructor({ keys, known = null }: AuditCheckOptions) {
    this.#keys = keys;
    this.#known = known;
  }

  #found(sequence: number | null, problem: string, through = sequence): void {
    const last = this.#findings.at(-1);
    if (sequence !== null && last?.problem === problem && last.through === sequence - 1)
      this.#findings[this.#findings.length - 1] = { ...last, through };
    else if (this.#findings.length < maxFindings) this.#findings.push({ sequence, through, problem });
  }

  read({ head, rows }: AuditChainPage): void {
    // Retention may have gone on since the page before.
    if (head !== null && (this.#next === null || head.firstSequence > this.#next.sequence))
      this.#next = { sequence: head.firstSequence, previousHash: head.firstPreviousHash };
    for (const row of rows) {
      this.last = row.sequence;
      this.#entries++;
      this.#readRow(row, head);
    }
  }

  #readRow(row: AuditRow, head: AuditHead | null): void {
    const { sequence, previousHash, hash } = row;
    if (head !== null && sequence < head.firstSequence) {
      this.#found(sequence, 'is before the first entry that is kept: it was inserted');
      return;
    }
    if (head !== null && sequence > head.sequence) {
      this.#found(sequence, 'is after the last entry that the head knows: it was inserted');
      return;
    }
    const next = this.#next ?? { sequence, previousHash: null };
    this.#missing(next.sequence, sequence - 1);
    const expected = next.sequence === sequence ? next.previousHash : null;
    const problem = rowProblem(row);
    if (problem !== null) this.#found(sequence, `${problem}: it was edited, or replaced by another entry`);
    else if (expected !== null && previousHash !== expected)
      this.#found(sequence, 'does not follow the entry before it: one of the two was replaced');
    if (this.#known?.sequence === sequence && this.#known.hash !== hash)
      this.#found(sequence, 'has another hash than it once had: the log was recomputed');
    this.#checkSeal(row, head);
    this.#next = { sequence: sequence + 1, previousHash: hash };
  }

  #missing(from: number, to: number): void {
    if (from <= to) this.#found(from, 'is missing: it was removed', to);
  }

  #checkSeal({ sequence, hash, seal }: AuditRow, head: AuditHead | null): void {
    if (seal === null) {
      this.#unsealed++;
      if (head !== null && head.sealedFrom !== null && sequence >= head.sealedFrom)
        this.#found(
          sequence,
          'is not sealed, and entries before it were: it was replaced, or written without the key',
        );
    } else if (this.#keys.length === 0) this.#unchecked++;
    else if (this.#keys.every((key) => sealOf(key, hash) !== seal))
      this.#found(sequence, 'has a seal that none of the keys made: it was replaced, or its key is missing');
  }

  end(head: AuditHead | null): AuditCheck {
    const [entries, unsealed, unchecked] = [this.#entries, this.#unsealed, this.#unchecked];
    if (head === null)
      this.#found(null, 'the head of the log is missing: entries at its end may be missing too');
    else this.#checkHead(head);
    return { entries, head, unsealed, unchecked, findings: this.#findings };
  }

  #checkHead(head: AuditHead): void {
    const next = this.#next ?? { sequence: head.firstSequence, previousHash: head.firstPreviousHash };
    if (next.sequence <= head.sequence) this.#missing(next.sequence, head.sequence);
    else if (next.previousHash !== head.hash)
      this.#found(
        head.sequence,
        'has another hash than the head of the log says: one of the two was replaced',
      );
    const isSealed = head.sealedFrom !== null || head.seal !== null;
    if (isSealed && this.#keys.length > 0 && this.#keys.every((key) => headSeal(key, head) !== head.seal))
      this.#found(
        null,
        'the head of the log has a seal that none of the keys made: it was replaced, or its key is missing',
      );
    if (this.#known && this.#known.sequence > head.sequence)
      this.#missing(head.sequence + 1, this.#known.sequence);
  }
}
