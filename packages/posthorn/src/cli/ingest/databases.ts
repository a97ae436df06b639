import { Command } from 'commander';
import { systemClock } from '../../runtime/clock.ts';
import type { TlsPeer } from '../../runtime/tls-reasons.ts';
import { CommandError, note, printJson } from '../output.ts';
import { numberBetween } from '../remote.ts';
import { exitCodes, ingest, ingestOptions, type IngestOptions, variable } from './run.ts';

// Sources in PostgreSQL: a table that is polled, and the log of its inserts.

const database: TlsPeer = {
  name: 'the database',
  trust: 'name its certificate as sslrootcert in the URL',
  identify: 'name it as sslcert and sslkey in the URL',
};

interface TableOptions extends IngestOptions {
  readonly databaseUrl?: string;
  readonly table: string;
  readonly keyColumn: string;
  readonly dataColumn: string;
}

const tableOptions = (command: Command): Command =>
  command
    .option('--database-url <url>', 'the database (POSTHORN_INGEST_DATABASE_URL)')
    .option('--table <name>', 'the table, with its schema or without', 'outbox')
    .option('--key-column <name>', 'the column that identifies a row and orders the rows', 'id')
    .option('--data-column <name>', 'the column of the data: json, jsonb, text or bytea', 'data');

function demandDatabase({ databaseUrl }: TableOptions): string {
  const url = databaseUrl ?? variable('POSTHORN_INGEST_DATABASE_URL');
  if (url === null)
    throw new CommandError('no database: set POSTHORN_INGEST_DATABASE_URL, or give --database-url', 2);
  return url;
}

interface OutboxCommandOptions extends TableOptions {
  readonly markColumn?: string;
  readonly poll: number;
}

export function outboxCommand(): Command {
  const command = tableOptions(new Command('outbox'))
    .description('Consume a table of PostgreSQL that applications write in their own transactions')
    .option(
      '--mark-column <name>',
      'set this timestamp in accepted rows (default: accepted rows are deleted)',
    )
    .option('--poll <seconds>', 'time between looks at an empty table', numberBetween(0.01, 3600), 0.5);
  return ingestOptions(command, 'column', 'table and key', 'column:type')
    .addHelpText(
      'after',
      `${exitCodes}\nExample:\n  posthorn ingest outbox --database-url postgres://app@db/shop --table outbox --id column:id --ordering-key column:order_id`,
    )
    .action(async (options: OutboxCommandOptions) => {
      const databaseUrl = demandDatabase(options);
      const { openOutbox } = await import('../../ingest/outbox.ts');
      const open = {
        databaseUrl,
        table: options.table,
        keyColumn: options.keyColumn,
        dataColumn: options.dataColumn,
        markColumn: options.markColumn ?? null,
        pollMs: options.poll * 1000,
        batch: options.batch,
      };
      await ingest(
        {
          name: 'outbox',
          word: 'column',
          packages: [],
          peer: database,
          open: () => openOutbox(open, systemClock),
        },
        options,
      );
    });
}

interface ReplicationCommandOptions extends TableOptions {
  readonly slot: string;
  readonly publication: string;
  readonly create?: boolean;
  readonly drop?: boolean;
}

/** PostgreSQL keeps its log for a slot whether or not anything reads it. */
const diskHint =
  'PostgreSQL now keeps its log on disk until this command has read it, also while it does not run: set max_slot_wal_keep_size, alert on posthorn_ingest_held_bytes, and run --drop when it is not needed any longer';

export function replicationCommand(): Command {
  const command = tableOptions(new Command('replication'))
    .description('Consume the inserts into a table of PostgreSQL from a logical replication slot')
    .option('--slot <name>', 'the replication slot, which keeps the position', 'posthorn')
    .option('--publication <name>', 'the publication that has the table', 'posthorn')
    .option('--create', 'create the publication and the slot if they are missing')
    .option('--drop', 'drop the slot and end: PostgreSQL deletes the log that it kept for it');
  return ingestOptions(command, 'column', 'table and key', 'column:type')
    .addHelpText(
      'after',
      `\nNeeds wal_level = logical and a role with REPLICATION. A slot that nothing reads fills the disk of PostgreSQL: set max_slot_wal_keep_size.${exitCodes}\nExample:\n  posthorn ingest replication --database-url postgres://ingest@db/shop --table outbox --create --ordering-key column:order_id`,
    )
    .action(async (options: ReplicationCommandOptions) => {
      const open = {
        databaseUrl: demandDatabase(options),
        table: options.table,
        keyColumn: options.keyColumn,
        dataColumn: options.dataColumn,
        slot: options.slot,
        publication: options.publication,
        batch: options.batch,
      };
      if (options.create === true && options.drop === true)
        throw new CommandError('--create and --drop exclude each other', 2);
      const { createReplication, dropReplication, openReplication } =
        await import('../../ingest/replication.ts');
      if (options.drop === true) {
        const isDropped = await withoutFault(dropReplication(open));
        if (!isDropped) throw new CommandError(`the replication slot ${open.slot} does not exist`);
        if (options.json === true) printJson({ dropped: open.slot });
        else note(`dropped the replication slot ${open.slot}`);
        return;
      }
      if (options.create === true) {
        const created = await withoutFault(createReplication(open));
        if (created.length > 0) note(`created the ${created.join(' and the ')}. ${diskHint}`);
      }
      await ingest(
        {
          name: 'replication',
          // The same rows as those of `outbox`: one may take over from the other.
          idSource: 'outbox',
          word: 'column',
          packages: [],
          peer: database,
          open: () => openReplication(open, systemClock),
        },
        options,
      );
    });
}

/** Before anything is consumed, an error of PostgreSQL ends the command. */
async function withoutFault<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}
