import { Command, Option } from 'commander';
import { CommandError } from '../../cli/output.ts';
import { type OutputOptions, readStore, reportDeclarations, writeDeclarations } from '../declarations.ts';
import { declarationsFrom, type WebhookMode } from './declarations.ts';
import { readStored } from './source.ts';

interface Options extends OutputOptions {
  readonly redisUrl: string;
  readonly encryptionSecret?: string;
  readonly deploymentId: string;
  readonly webhookMode: WebhookMode;
  readonly headerPrefix?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

async function importFrom(options: Options, environment: Environment): Promise<void> {
  // In the environment it is not seen in the list of processes.
  const secret = options.encryptionSecret ?? environment['AES_ENCRYPTION_SECRET'];
  if (secret === undefined || secret === '')
    throw new CommandError(
      'credentials are encrypted: set AES_ENCRYPTION_SECRET, or give --encryption-secret',
      2,
    );
  const { redisUrl, deploymentId, webhookMode: mode } = options;
  const headerPrefix = options.headerPrefix ?? (mode === 'standard' ? 'webhook-' : 'x-outpost-');
  const stored = await readStore('Redis', readStored({ redisUrl, secret, deploymentId }));
  const declared = declarationsFrom(stored, { mode, headerPrefix: headerPrefix.trim().toLowerCase() });
  writeDeclarations(declared, options);
  reportDeclarations(declared, options);
}

export function outpostCommand(environment: Environment): Command {
  return new Command('outpost')
    .description("Write the tenants and webhook destinations of Outpost's Redis as a posthorn.yaml")
    .requiredOption(
      '--redis-url <url>',
      'Redis of the Outpost server, which is only read: redis://host:6379/0',
    )
    .option('--encryption-secret <secret>', "the server's AES_ENCRYPTION_SECRET (or AES_ENCRYPTION_SECRET)")
    .option('--deployment-id <id>', "the server's DEPLOYMENT_ID, if it has one", '')
    .addOption(
      new Option('--webhook-mode <mode>', "the server's DESTINATIONS_WEBHOOK_MODE")
        .choices(['default', 'standard'])
        .default('default'),
    )
    .option(
      '--header-prefix <prefix>',
      "the server's DESTINATIONS_WEBHOOK_HEADER_PREFIX (default x-outpost-, or webhook- in the mode standard)",
    )
    .option('--out <file>', 'file to write; it will contain signing secrets', 'posthorn-import.yaml')
    .option('--dry-run', 'only report: write no file')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn import outpost --redis-url redis://redis:6379/0 --out outpost.yaml',
    )
    .action((options: Options) => importFrom(options, environment));
}
