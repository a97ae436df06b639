import { Command } from 'commander';
import { CommandError } from '../../cli/output.ts';
import { type OutputOptions, readStore, reportDeclarations, writeDeclarations } from '../declarations.ts';
import { declarationsFrom, projectFrom } from './declarations.ts';
import { readStored } from './source.ts';

interface Options extends OutputOptions {
  readonly databaseUrl: string;
  readonly encryptionKey?: string;
  readonly project?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

async function importFrom(options: Options, environment: Environment): Promise<void> {
  // In the environment it is not seen in the list of processes.
  const key = options.encryptionKey ?? environment['CONVOY_ENCRYPTION_KEY'] ?? null;
  const stored = await readStore('the database', readStored(options.databaseUrl, key));
  const found = projectFrom(stored, options.project ?? null);
  if ('fault' in found) throw new CommandError(found.fault);
  const declared = declarationsFrom(stored, found.project);
  writeDeclarations(declared, options);
  reportDeclarations(declared, options);
}

export function convoyCommand(environment: Environment): Command {
  return new Command('convoy')
    .description(
      "Write the endpoints, subscriptions and event types of a project of Convoy's database as a posthorn.yaml",
    )
    .requiredOption('--database-url <url>', 'PostgreSQL database of the Convoy server, which is only read')
    .option(
      '--encryption-key <key>',
      "the server's encryption key, if it encrypts secrets (or CONVOY_ENCRYPTION_KEY)",
    )
    .option('--project <id>', 'the project, by its id or name, if there are several')
    .option('--out <file>', 'file to write; it will contain signing secrets', 'posthorn-import.yaml')
    .option('--dry-run', 'only report: write no file')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn import convoy --database-url postgres://convoy@db/convoy --out convoy.yaml',
    )
    .action((options: Options) => importFrom(options, environment));
}
