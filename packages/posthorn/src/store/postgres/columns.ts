import type { Value } from './database.ts';

type Cell = string | number | boolean | null;
type Column<Item, Shared> = readonly [type: string, value: (item: Item, shared: Shared) => Cell];

/** The text of one parameter. */
export const parameter = (at: number, type: string): string => `$${at}::${type}`;

/**
 * Rows that a statement takes, by column: each column is one parameter, an array. Name, type and value of a column are declared
 * together, so that the statement and its values cannot disagree.
 */
export class Columns<Item, Shared = undefined> {
  /** The parameter behind these. */
  readonly next: number;
  /** The rows, for a FROM clause. */
  readonly rows: string;
  readonly names: string;
  /** The types of the parameters, in their order. */
  readonly types: readonly string[];
  readonly #values: readonly Column<Item, Shared>[1][];

  constructor(first: number, columns: Readonly<Record<string, Column<Item, Shared>>>) {
    const declared = Object.values(columns);
    this.next = first + declared.length;
    this.rows = `unnest(${declared.map(([type], index) => parameter(first + index, `${type}[]`)).join(', ')})`;
    this.names = Object.keys(columns).join(', ');
    this.types = declared.map(([type]) => `${type}[]`);
    this.#values = declared.map(([, value]) => value);
  }

  values(items: readonly Item[], shared: Shared): Value[] {
    return this.#values.map((value) => items.map((item) => value(item, shared)));
  }
}
