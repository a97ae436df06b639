import { type Database, text } from './database.ts';

/** A step of the audit: the tables and views that it reads, and those that it makes. */
interface Stage {
  readonly needs: readonly string[];
  readonly makes: readonly string[];
}

/** The stages in their order. A folder has the code of each. */
export const stages = {
  /** Every line of the logs, in the columns that the mapping fills; `raw` has all columns. */
  read: { needs: [], makes: ['lines', 'raw'] },
  /** `line`: usable lines by event and endpoint. `delivery`: one row for each; `trouble`: those not delivered at once, with `seen` and `attempt`. */
  timeline: {
    needs: ['raw'],
    makes: ['screened', 'usable', 'line', 'delivery', 'trouble', 'seen', 'attempt'],
  },
  /** What is known from outside. `unsent`: events that should have been sent and are not in the log. `receipt`: what receivers processed. */
  truth: { needs: ['usable', 'line', 'delivery'], makes: ['unsent', 'receipt'] },
  /** `gap`: silences of the log. `story`: what the attempts of an event have in common. `fate`: its verdict. */
  verdicts: {
    needs: ['screened', 'usable', 'line', 'delivery', 'trouble', 'seen', 'attempt', 'unsent', 'receipt'],
    makes: ['gap', 'story', 'fate'],
  },
  /** `signs`: by which an event shows a cause. `lost`: the events not delivered, with their causes. `missing`: the same and those lost outside, with their payments. */
  causes: {
    needs: ['raw', 'line', 'delivery', 'seen', 'attempt', 'gap', 'fate', 'unsent', 'receipt'],
    makes: ['outage', 'marker', 'signs', 'lost', 'missing'],
  },
  report: {
    needs: [
      'screened',
      'usable',
      'line',
      'delivery',
      'seen',
      'attempt',
      'fate',
      'lost',
      'missing',
      'unsent',
      'receipt',
    ],
    makes: [],
  },
} as const satisfies Readonly<Record<string, Stage>>;

async function demandTables(database: Database, names: readonly string[], why: string): Promise<void> {
  const rows = await database.rows(
    'select table_name as name from duckdb_tables() union all select view_name from duckdb_views()',
  );
  const there = new Set(rows.map(({ name }) => text(name)));
  const lacking = names.filter((name) => !there.has(name));
  if (lacking.length > 0) throw new Error(`${why}: ${lacking.join(', ')}`);
}

/** Runs the work of a stage: the tables that it needs must be there, and those that it makes afterwards. */
export async function runStage<T>(
  database: Database,
  name: keyof typeof stages,
  work: () => Promise<T>,
): Promise<T> {
  const { needs, makes } = stages[name];
  await demandTables(database, needs, `the stage ${name} begins without its tables`);
  const result = await work();
  await demandTables(database, makes, `the stage ${name} did not make its tables`);
  return result;
}
