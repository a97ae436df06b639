// Statements that are written once for every database. A statement is made of text, of values, which always become
// parameters, and of the few pieces that differ between databases: a `Dialect` writes those (see `pieces.ts`).

export type Row = (string | number | bigint | boolean | null)[];
export type Value = string | number | null;

/** How a database wants its statements. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres';
  /** Returns a parameter's text; `at`: its place, from 1. */
  parameter(at: number): string;
}

type Piece = string | { readonly value: Value } | { readonly per: (dialect: Dialect) => Sql | string };

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
    text.flatMap((piece, index) => {
      const part = parts[index];
      if (part === undefined) return [piece];
      return part instanceof Sql ? [piece, ...part.pieces] : [piece, { value: part }];
    }),
  );
}

/** A piece that differs between databases. */
export function per(write: (dialect: Dialect) => Sql | string): Sql {
  return new Sql([{ per: write }]);
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
      else if ('per' in piece) {
        const written = piece.per(dialect);
        text += typeof written === 'string' ? written : write(written.pieces);
      } else {
        values.push(piece.value);
        text += dialect.parameter(values.length);
      }
    }
    return text;
  };
  return { text: write(pieces), values };
}
