import { createHash } from 'node:crypto';

// Where the tables are distributed (Citus), a transition of one shard that inserts is a function: one call travels to the worker
// that has the shard, and all its statements run there. As one statement with inserts in common table expressions, Citus
// plans and runs it in steps through intermediate results: 6 s for a batch of 50 events instead of a few milliseconds.

/** A transition of one shard. Its body takes parameters by their places, as the statements of plain PostgreSQL do. */
export interface Transition {
  readonly name: string;
  /** Types, in order; the shard is one of them. */
  readonly parameters: readonly string[];
  /** The place of the shard among the parameters, from 1. */
  readonly shardAt: number;
  /** The type of its answer. A set of rows would not do: Citus does not hand one on from a call that it delegates. */
  readonly returns: 'void' | 'int[]';
  readonly variables?: string;
  readonly statements: readonly string[];
}

/** Statements by name, as common table expressions of one statement: what plain PostgreSQL runs instead of a function. */
export const asExpressions = (statements: Readonly<Record<string, string>>): string =>
  Object.entries(statements)
    .map(([name, text]) => `${name} AS (${text})`)
    .join(',\n  ');

const bodyOf = ({ variables, statements }: Transition): string =>
  `${variables === undefined ? '' : `DECLARE\n${variables}\n`}BEGIN\n${statements.join(';\n')};\nEND`;

/** A function is named by its text: nodes of two versions work side by side, each with its own. */
export function functionOf(transition: Transition): string {
  const text = JSON.stringify([transition.parameters, transition.returns, bodyOf(transition)]);
  return `posthorn.${transition.name}_${createHash('sha256').update(text).digest('hex').slice(0, 10)}`;
}

export function definitionOf(transition: Transition): string {
  return `CREATE FUNCTION ${functionOf(transition)}(${transition.parameters.join(', ')}) RETURNS ${transition.returns} LANGUAGE plpgsql AS $body$
    #variable_conflict use_column
    ${bodyOf(transition)}
    $body$`;
}

export function callOf(transition: Transition): string {
  const values = transition.parameters.map((type, at) => `$${at + 1}::${type}`).join(', ');
  return `SELECT ${functionOf(transition)}(${values})`;
}
