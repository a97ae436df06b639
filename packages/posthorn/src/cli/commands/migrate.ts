import { Command } from 'commander';
import { StoreOpenError, UnavailableError } from '../../domain/errors.ts';
import { migrateDatabase } from '../../store/postgres/open.ts';
import { CommandError, note, print, printJson } from '../output.ts';

export function migrateCommand(): Command {
  return new Command('migrate')
    .option('--database-url <url>', 'PostgreSQL database to update (POSTHORN_DATABASE_URL)')
    .option('--citus', 'distribute the tables over the workers of a Citus cluster; stop every node first')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn migrate --database-url postgres://posthorn@coordinator/app --citus',
    )
    .action(async (options: { databaseUrl?: string; citus?: boolean; json?: boolean }) => {
      const url = options.databaseUrl ?? process.env['POSTHORN_DATABASE_URL'];
      if (url === undefined || url === '')
        throw new CommandError('give --database-url or set POSTHORN_DATABASE_URL', 2);
      const citus = options.citus === true;
      if (citus && options.json !== true)
        note('distributing the tables and their contents: this may take a while');
      const distributed = await migrateDatabase(url, { citus }).catch((error: Error) => {
        if (error instanceof UnavailableError) throw error;
        throw new CommandError(error.message, error instanceof StoreOpenError ? 2 : 1);
      });
      if (options.json === true) return printJson({ migrated: true, distributed });
      print('The schema is up to date.');
      if (distributed.length > 0) print(`Distributed: ${distributed.join(', ')}.`);
      else if (citus) print('All tables are already distributed.');
    });
}
