import { Command } from 'commander';
import { stringify } from 'yaml';
import { CommandError, note, print, printJson, table } from '../../cli/output.ts';
import { writePrivately } from '../../cli/private-file.ts';
import { declarationsFrom } from './declarations.ts';
import { readStored } from './source.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface Options {
  readonly databaseUrl: string;
  readonly mainSecret?: string;
  readonly org?: string;
  readonly out: string;
  readonly paused?: boolean;
  readonly json?: boolean;
}

async function importFrom(
  { databaseUrl, mainSecret, org, out, paused, json }: Options,
  environment: Environment,
): Promise<void> {
  const stored = await readStored(databaseUrl).catch((error: Error) => {
    throw new CommandError(`cannot read the database: ${error.message}`);
  });
  const { document, skipped } = declarationsFrom(stored, {
    // In the environment it is not seen in the list of processes.
    mainSecret: mainSecret ?? environment['SVIX_MAIN_SECRET'] ?? null,
    org: org ?? null,
    isPaused: paused === true,
  });
  writePrivately(out, stringify(document));
  const counts = {
    tenants: Object.keys(document.tenants).length,
    endpoints: Object.keys(document.endpoints).length,
    event_types: Object.keys(document.event_types).length,
  };
  if (json === true) printJson({ file: out, ...counts, skipped });
  else {
    print(
      `${counts.tenants} tenants, ${counts.endpoints} endpoints and ${counts.event_types} event types in ${out}, with their secrets.`,
    );
    if (skipped.length > 0)
      print(
        table(
          ['left out', 'id', 'why'],
          skipped.map(({ kind, id, reason }) => [kind, id, reason]),
        ),
      );
    note(`Look at what it would change: posthorn apply --file ${out} --dry-run`);
  }
  if (skipped.length > 0) process.exitCode = 1;
}

export function importCommand(environment: Environment): Command {
  const svix = new Command('svix')
    .description("Write the applications, endpoints and event types of Svix's database as a posthorn.yaml")
    .requiredOption('--database-url <url>', 'PostgreSQL database of the Svix server, which is only read')
    .option(
      '--main-secret <secret>',
      "the server's main_secret, if it encrypts secrets (or SVIX_MAIN_SECRET)",
    )
    .option('--org <id>', 'only this organization: org_…')
    .option(
      '--paused',
      'disable every endpoint: as a shadow, Posthorn sends nothing until posthorn shadow end',
    )
    .option('--out <file>', 'file to write; it will contain signing secrets', 'posthorn-import.yaml')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn import svix --database-url postgres://svix@db/svix --out svix.yaml',
    )
    .action((options: Options) => importFrom(options, environment));
  return new Command('import')
    .addHelpText('after', '\nExample:\n  posthorn import svix --database-url postgres://svix@db/svix --json')
    .addCommand(svix);
}
