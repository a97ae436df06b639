// The messages of PostgreSQL's output plugin `pgoutput`, protocol version 1, with values as text:
// https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html

export interface Column {
  readonly name: string;
  readonly typeId: number;
}

export interface Relation {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
}

export type Change =
  | { readonly kind: 'begin' }
  | { readonly kind: 'relation'; readonly relation: Relation }
  /** Values in the order of the relation's columns. */
  | { readonly kind: 'insert'; readonly relationId: number; readonly values: readonly (string | null)[] }
  /** `end` is the first position behind the transaction. */
  | { readonly kind: 'commit'; readonly end: bigint }
  /** What an outbox does not need: updates, deletions, truncations, origins, types, messages. */
  | { readonly kind: 'other' };

/** Reads from the beginning of a message to its end; what is read past the end throws. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length) throw new RangeError('a message does not end');
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  name(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new RangeError('a name does not end');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  text(length: number): string {
    if (this.#at + length > this.#bytes.length) throw new RangeError('a value does not end');
    this.#at += length;
    return this.#bytes.toString('utf8', this.#at - length, this.#at);
  }
}

const letter = (char: string): number => char.charCodeAt(0);
const [begin, commit, relation, insert] = ['B', 'C', 'R', 'I'].map(letter);
const [absent, text] = ['n', 't'].map(letter);

function relationFrom(reader: Reader): Relation {
  const id = reader.int32();
  // pg_catalog is sent as an empty name.
  const schema = reader.name() || 'pg_catalog';
  const name = reader.name();
  // Replica identity.
  reader.skip(1);
  const columns = Array.from({ length: reader.int16() }, () => {
    // Flags.
    reader.skip(1);
    const column = { name: reader.name(), typeId: reader.int32() };
    // Type modifier.
    reader.skip(4);
    return column;
  });
  return { id, schema, name, columns };
}

function valueFrom(reader: Reader): string | null {
  const kind = reader.byte();
  if (kind === absent) return null;
  if (kind !== text) throw new RangeError(`a value of unknown kind ${kind}`);
  return reader.text(reader.int32());
}

/** Reads one message. Throws `RangeError` if it is not one. Keeps nothing of `bytes`. */
export function parseChange(bytes: Buffer): Change {
  const reader = new Reader(bytes);
  switch (reader.byte()) {
    case begin:
      return { kind: 'begin' };
    case commit:
      // Flags, and the position of the commit itself.
      reader.skip(1 + 8);
      return { kind: 'commit', end: reader.int64() };
    case relation:
      return { kind: 'relation', relation: relationFrom(reader) };
    case insert: {
      const relationId = reader.int32();
      // The letter of the new row.
      reader.skip(1);
      return {
        kind: 'insert',
        relationId,
        values: Array.from({ length: reader.int16() }, () => valueFrom(reader)),
      };
    }
    default:
      return { kind: 'other' };
  }
}
