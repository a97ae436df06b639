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

type Part = Sql | Value;

/** A statement, or a part of one. */
export class Sql {
  /** What its text is known by: two of one shape have the same one. */
  readonly shape: string | readonly string[];
  /** Its text, around and between its parts. */
  readonly texts: readonly string[];
  readonly parts: readonly Part[];

  constructor(shape: Sql['shape'], texts: readonly string[], parts: readonly Part[]) {
    this.shape = shape;
    this.texts = texts;
    this.parts = parts;
  }
}

const noParts: readonly Part[] = [];

/** A piece that a dialect writes. */
class DialectSql extends Sql {
  readonly write: (dialect: Dialect) => Sql;

  constructor(write: (dialect: Dialect) => Sql) {
    super('', [], noParts);
    this.write = write;
  }
}

/** A statement: what is interpolated is part of its text if it is an `Sql`, and else a parameter. */
export function sql(texts: TemplateStringsArray, ...parts: readonly Part[]): Sql {
  // The array of a template is one object, however often it runs.
  return new Sql(texts, texts, parts);
}

/** Text of the source code, such as a list of columns: never a caller's. */
export function raw(text: string): Sql {
  return new Sql(text, [text], noParts);
}

/** A piece that differs between databases. */
export function per(write: (dialect: Dialect) => Sql): Sql {
  return new DialectSql(write);
}

export function joined(parts: readonly Sql[], between: string): Sql {
  const texts = parts.length === 0 ? [''] : ['', ...parts.slice(1).map(() => between), ''];
  // SQL does not contain NUL, so this equals no text.
  return new Sql(`\u0000${parts.length}${between}`, texts, parts);
}

/** A statement as a database takes it. */
export interface Rendered {
  readonly text: string;
  readonly values: readonly Value[];
}

export function rendered(statement: Sql, dialect: Dialect): Rendered {
  const values: Value[] = [];
  const write = (of: Sql): string => {
    if (of instanceof DialectSql) return write(of.write(dialect));
    let text = of.texts[0]!;
    for (const [index, part] of of.parts.entries()) {
      if (part instanceof Sql) text += write(part);
      else {
        values.push(part);
        text += dialect.parameter(values.length);
      }
      text += of.texts[index + 1]!;
    }
    return text;
  };
  return { text: write(statement), values };
}

/** A place in the tree of all shapes: a way through it, over shapes and values in their order, is the shape of one statement. */
class Place {
  /** The text of the statement that ends here. */
  text: string | null = null;
  afterValue: Place | null = null;
  readonly after = new Map<Sql['shape'], Place>();
}

/** Statements have some thousand shapes: filters combine. */
const maxPlaces = 50_000;

/**
 * Renders statements for one dialect. The text of each shape is written once: afterwards a statement costs its values, and its
 * text is the same string, which prepared statements are found by.
 */
export class Renderer {
  readonly #dialect: Dialect;
  #first = new Place();
  #places = 0;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  render(statement: Sql): Rendered {
    if (this.#places > maxPlaces) {
      this.#first = new Place();
      this.#places = 0;
    }
    const values: Value[] = [];
    const end = this.#follow(this.#first, statement, values);
    end.text ??= rendered(statement, this.#dialect).text;
    return { text: end.text, values };
  }

  #follow(from: Place, of: Sql, values: Value[]): Place {
    if (of instanceof DialectSql) return this.#follow(from, of.write(this.#dialect), values);
    let at = from.after.get(of.shape);
    if (at === undefined) from.after.set(of.shape, (at = this.#place()));
    for (const part of of.parts)
      if (part instanceof Sql) at = this.#follow(at, part, values);
      else {
        values.push(part);
        at = at.afterValue ??= this.#place();
      }
    return at;
  }

  #place(): Place {
    this.#places++;
    return new Place();
  }
}
