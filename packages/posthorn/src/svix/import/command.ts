import { Command } from 'commander';
import { note, print, printJson, table } from '../../cli/output.ts';
import { clientFrom, integerBetween, remoteOptions, type RemoteOptions } from '../../cli/remote.ts';
import {
  type OutputOptions,
  readStore,
  reportDeclarations,
  summaryOf,
  writeDeclarations,
} from '../../importers/declarations.ts';
import { systemClock } from '../../runtime/clock.ts';
import { declarationsFrom } from './declarations.ts';
import { importMessages, type MessagesReport } from './messages.ts';
import { readStored } from './source.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface Options extends OutputOptions, RemoteOptions {
  readonly databaseUrl: string;
  readonly mainSecret?: string;
  readonly org?: string;
  readonly paused?: boolean;
  readonly messagesDays: number;
}

/** Svix keeps payloads for 90 days at most. */
const maxDays = 90;
/** A batch of an import is one transaction. */
const timeoutS = 120;

async function importFrom(options: Options, environment: Environment): Promise<void> {
  const { databaseUrl, mainSecret, org, paused, messagesDays: days, dryRun, json } = options;
  const client = days === 0 ? null : clientFrom(options);
  // Before anything is read or written: a server that is away or refuses the key takes no messages.
  if (client !== null) await client.endpoints.list({ limit: 1 });
  const stored = await readStore('the database', readStored(databaseUrl));
  const declared = declarationsFrom(stored, {
    // In the environment it is not seen in the list of processes.
    mainSecret: mainSecret ?? environment['SVIX_MAIN_SECRET'] ?? null,
    org: org ?? null,
    isPaused: paused === true,
  });
  writeDeclarations(declared, options);
  if (client === null) return reportDeclarations(declared, options);
  const messages = await importMessages(client, declared, {
    databaseUrl,
    days,
    isDryRun: dryRun === true,
    now: systemClock.now(),
  });
  if (Object.keys(messages.left_out).length > 0) process.exitCode = 1;
  if (json === true) {
    if (declared.skipped.length > 0) process.exitCode = 1;
    return printJson({ file: dryRun === true ? null : options.out, ...summaryOf(declared), messages });
  }
  reportDeclarations(declared, options);
  reportMessages(messages, dryRun === true);
}

function reportMessages(report: MessagesReport, isDryRun: boolean): void {
  const { read, imported, existing, deliveries, without_endpoint: without, left_out: leftOut } = report;
  print(
    `${read} messages: ${imported} ${isDryRun ? 'would be imported' : 'imported'} as history, ${existing} were there. None is sent.`,
  );
  print(
    `At Svix their deliveries were: ${deliveries.delivered} delivered, ${deliveries.failed} failed, ${deliveries.pending} pending.`,
  );
  if (deliveries.pending > 0)
    note(
      'Svix is still trying the pending ones: Posthorn does not, because they would arrive twice. Let Svix finish, or resend them with posthorn replay.',
    );
  if (without > 0)
    note(
      `${without} deliveries are left out: their endpoints are deleted, were left out, or are not in Posthorn yet (posthorn apply).`,
    );
  const reasons = Object.entries(leftOut);
  if (reasons.length > 0)
    print(
      table(
        ['messages left out', 'why'],
        reasons.map(([reason, count]) => [count, reason]),
      ),
    );
}

export function svixCommand(environment: Environment): Command {
  const command = new Command('svix')
    .description(
      "Write the applications, endpoints and event types of Svix's database as a posthorn.yaml; with --messages-days, import its messages as history too",
    )
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
    .option(
      '--messages-days <n>',
      'after posthorn apply: import the messages of the last n days into the running server, without sending them',
      integerBetween(0, maxDays),
      0,
    )
    .option('--dry-run', 'only report: write no file and import nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  posthorn import svix --database-url postgres://svix@db/svix --out svix.yaml\n  posthorn import svix --database-url postgres://svix@db/svix --out svix.yaml --messages-days 30',
    );
  return remoteOptions(command, timeoutS).action((options: Options) => importFrom(options, environment));
}
