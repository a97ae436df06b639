import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { type Inbox, postgresInbox, sqliteInbox } from '../../packages/client/src/receiver/index.ts';

// A receiver's process that inbox.test.ts kills: reads ids from its input, processes each, and says so.

/** Takes the steps of a handler one by one, so that a kill falls between any two of them. */
const step = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open(url: string): { process(id: string): Promise<string> } {
  const outcome = async <Tx>(inbox: Inbox<Tx>, id: string, handle: (tx: Tx) => Promise<void>) =>
    (await inbox.process(id, handle)).outcome;
  if (!url.startsWith('postgres')) {
    const database = new DatabaseSync(url);
    // As by a careful application: a commit is on the disk, or at least with the operating system.
    database.exec('PRAGMA journal_mode = WAL');
    const inbox = sqliteInbox(database);
    return {
      process: (id) =>
        outcome(inbox, id, async (tx) => {
          await step();
          tx.prepare('INSERT INTO effects (id) VALUES (?)').run(id);
          await step();
        }),
    };
  }
  const inbox = postgresInbox<pg.PoolClient>({ pool: new pg.Pool({ connectionString: url, max: 8 }) });
  return {
    process: (id) =>
      outcome(inbox, id, async (tx) => {
        await step();
        await tx.query('INSERT INTO effects (id) VALUES ($1)', [id]);
        await step();
      }),
  };
}

const receiver = open(process.argv[2]!);
createInterface({ input: process.stdin }).on('line', (id) => {
  receiver.process(id).then(
    (outcome) => process.stdout.write(`${id} ${outcome}\n`),
    (error: unknown) => process.stdout.write(`${id} failed ${String(error)}\n`),
  );
});
process.stdout.write('ready\n');
