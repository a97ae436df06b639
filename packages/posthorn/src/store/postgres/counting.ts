import type { CounterChange } from '../counter-change.ts';
import type { Connection } from './database.ts';
import { writeLedger } from './ledger.ts';
import { writeWorth } from './worth.ts';

/** Writes the counters of changes that are written once for every database. */
export async function countChanges(connection: Connection, changes: readonly CounterChange[]): Promise<void> {
  await writeLedger(
    connection,
    '',
    changes.map(({ endpoint, createdAt, type, counter, by }) => ({
      endpoint,
      createdAt,
      type,
      [counter]: by,
    })),
  );
  await writeWorth(
    connection,
    changes.flatMap(({ event, endpoint, createdAt, counter, by }) =>
      counter === 'dead' || counter === 'suppressed'
        ? [{ event, endpoint, createdAt, state: counter, by }]
        : [],
    ),
  );
}
