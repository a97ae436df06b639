import { Command, InvalidArgumentError } from 'commander';
import type { Key, KeyRequest, KeyWithSecret } from '@posthorn/client';
import { keyScopes, type PayloadAccess, payloadAccesses } from '../../domain/caller.ts';
import { wireAnswer } from '../answers.ts';
import { addDefaultList, listed, listOptions } from '../listing.ts';
import { futureTime } from '../time-argument.ts';
import { choiceList, valueList } from '../value-list.ts';
import { note, print, printExact, printJson, table } from '../output.ts';
import { clientFrom, integerBetween, numberBetween, type RemoteOptions, remoteOptions } from '../remote.ts';

type Options = RemoteOptions & { readonly json?: boolean };

function printKeys(keys: readonly Key[]): void {
  print(
    table(
      ['key', 'name', 'state', 'scopes', 'tenant', 'endpoints', 'payloads', 'expires', 'last used', 'from'],
      keys.map((key) => [
        key.id,
        key.name,
        key.state,
        key.scopes.join(' '),
        key.tenant ?? 'all',
        key.endpointIds?.join(' ') ?? 'all',
        key.payloads,
        key.expiresAt ?? '',
        key.lastUsedAt ?? '',
        key.lastUsedFrom ?? '',
      ]),
    ),
  );
}

/** Only the key goes to standard output, so that a script can capture it; it is not shown again. */
function printNew({ key, ...made }: KeyWithSecret): void {
  const bound = made.tenant === null ? '' : `, tenant ${made.tenant}`;
  note(
    `${made.id} (${made.name}): ${made.scopes.join(', ')}${bound}, payloads ${made.payloads}. The key, shown only once:`,
  );
  printExact(key);
}

const payloadAccess = (text: string): PayloadAccess => {
  const access = payloadAccesses.find((one) => one === text);
  if (access === undefined) throw new InvalidArgumentError(`takes one of: ${payloadAccesses.join(', ')}`);
  return access;
};

interface Given {
  readonly scopes: KeyRequest['scopes'];
  readonly tenant?: string;
  readonly endpoints?: readonly string[];
  readonly payloads?: PayloadAccess;
  readonly expiresAt?: string;
  readonly rateLimit?: number;
}

function createCommand(): Command {
  return remoteOptions(new Command('create'))
    .description('Create a key and print it; it cannot be shown again')
    .argument('<name>', 'what it is for')
    .requiredOption(
      '--scopes <scopes>',
      `any of ${keyScopes.join(', ')}, comma-separated`,
      choiceList(keyScopes),
    )
    .option('--tenant <tenant>', 'the only tenant that it sees and changes')
    .option(
      '--endpoints <endpoints>',
      'the only endpoints that it sees and changes: ids, or names in the tenant',
      valueList,
    )
    .option(
      '--payloads <access>',
      `what it sees of payloads: ${payloadAccesses.join(', ')} (default: full for admin, else masked)`,
      payloadAccess,
    )
    .option('--expires-at <time>', 'when it stops working, such as 30d (default: never)', futureTime)
    .option(
      '--rate-limit <requests>',
      'requests per second on each node (default: no limit)',
      numberBetween(0.01, 100_000),
    )
    .addHelpText(
      'after',
      '\nExample:\n  posthorn keys create "checkout, production" --scopes publish --tenant acme',
    )
    .action(async (name: string, options: Options & Given) => {
      const made = await clientFrom(options).keys.create({
        name,
        scopes: options.scopes,
        tenant: options.tenant,
        endpointIds: options.endpoints,
        payloads: options.payloads,
        expiresAt: options.expiresAt,
        rateLimitPerS: options.rateLimit,
      });
      if (options.json === true) printJson(wireAnswer('keys.create', made));
      else printNew(made);
    });
}

function listCommand(): Command {
  return listOptions(remoteOptions(new Command('list')))
    .description('List keys, oldest first, including ended ones')
    .option('--tenant <tenants>', 'only keys of these tenants', valueList)
    .addHelpText('after', '\nExample:\n  posthorn keys list --tenant acme')
    .action(
      async (
        options: Options & {
          readonly limit?: number;
          readonly cursor?: string;
          readonly tenant?: readonly string[];
        },
      ) => {
        const client = clientFrom(options);
        const { tenant } = options;
        const page = await listed((part) => client.keys.list({ ...part, tenant }), options);
        if (options.json === true) return printJson(wireAnswer('keys.list', page.answer));
        if (page.items.length > 0) printKeys(page.items);
        else if (tenant === undefined)
          print('No keys besides the first admin key. Create one with posthorn keys create.');
        else print('No keys of this tenant.');
        page.noteMore();
      },
    );
}

function getCommand(): Command {
  return remoteOptions(new Command('get'))
    .description('Show what a key may do, and when and from where it was last used')
    .argument('<id>', 'id of the key: key_…')
    .addHelpText('after', '\nExample:\n  posthorn keys get key_…')
    .action(async (id: string, options: Options) => {
      const key = await clientFrom(options).keys.get(id);
      if (options.json === true) printJson(wireAnswer('keys.get', key));
      else printKeys([key]);
    });
}

function revokeCommand(): Command {
  return remoteOptions(new Command('revoke'))
    .description('Revoke a key: it stops working at once')
    .argument('<id>', 'id of the key: key_…')
    .addHelpText('after', '\nExample:\n  posthorn keys revoke key_…')
    .action(async (id: string, options: Options) => {
      await clientFrom(options).keys.delete(id);
      if (options.json === true) printJson({ revoked: id });
      else print(`revoked ${id}`);
    });
}

function rotateCommand(): Command {
  return remoteOptions(new Command('rotate'))
    .description('Replace a key with a new one and print it; it cannot be shown again')
    .argument('<id>', 'id of the key: key_…')
    .option(
      '--grace <seconds>',
      'seconds that the current key keeps working too (default: 86400)',
      integerBetween(0, 30 * 86_400),
    )
    .addHelpText('after', '\nExample:\n  posthorn keys rotate key_… --grace 3600')
    .action(async (id: string, options: Options & { readonly grace?: number }) => {
      const rotated = await clientFrom(options).keys.rotate(id, { graceS: options.grace });
      if (options.json === true) printJson(wireAnswer('keys.rotate', rotated));
      else printNew(rotated);
    });
}

export function keysCommand(): Command {
  const group = new Command('keys').addHelpText(
    'after',
    '\nExamples:\n  posthorn keys list --json\n  KEY=$(posthorn keys create ci --scopes publish)',
  );
  return addDefaultList(group, listCommand())
    .addCommand(createCommand())
    .addCommand(getCommand())
    .addCommand(revokeCommand())
    .addCommand(rotateCommand());
}
