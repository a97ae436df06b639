// Statements that are written once for every database. A statement is made of text, of values, which always become
// parameters, and of the few pieces that differ between databases: a `Dialect` writes those (see `pieces.ts`).

export type Row = (string | number | bigint | boolean | null)[];
export type Value = string | number | boolean | null | readonly (string | number | null)[];

/** How a database wants its statements. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres';
  /** Whether tables are distributed by shard (Citus): a counter is then beside the rows that it counts. */
  readonly isDistributed: boolean;
  /** Returns a parameter's text; `at`: its place, from 1. */
  parameter(at: number): string;
}

type Piece = string | { readonly value: Value } | { readonly per: (dialect: Dialect) => Sql };

/** A statement, or a part of one. */
export class Sql {
  readonly pieces: readonly Piece[];

  constructor(pieces: readonly Piece[]) {
    this.pieces = pieces;
  }
}

/** A statement: what is interpolated is part of its text if it is an `Sql`, and else a parameter. */
export function sql(text: TemplateStringsArray, ...parts: readonly (Sql | Value)[]): Sql {
  return new Sql(
    text.flatMap((piece, index): readonly Piece[] => {
      const part = parts[index];
      if (part === undefined) return [piece];
      return part instanceof Sql ? [piece, ...part.pieces] : [piece, { value: part }];
    }),
  );
}

/** Text of the source code, such as a list of columns: never a caller's. */
export function raw(text: string): Sql {
  return new Sql([text]);
}

/** A piece that differs between databases. */
export function per(write: (dialect: Dialect) => Sql): Sql {
  return new Sql([{ per: write }]);
}

export function joined(parts: readonly Sql[], between: string): Sql {
  return new Sql(parts.flatMap((part, index) => (index === 0 ? part.pieces : [between, ...part.pieces])));
}

/** A statement as a database takes it. */
export interface Rendered {
  readonly text: string;
  readonly values: readonly Value[];
}

export function rendered({ pieces }: Sql, dialect: Dialect): Rendered {
  const values: Value[] = [];
  const write = (parts: readonly Piece[]): string => {
    let text = '';
    for (const piece of parts) {
      if (typeof piece === 'string') text += piece;
      else if ('per' in piece) text += write(piece.per(dialect).pieces);
      else {
        values.push(piece.value);
        text += dialect.parameter(values.length);
      }
    }
    return text;
  };
  return { text: write(pieces), values };
}
