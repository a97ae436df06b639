import { Command, InvalidArgumentError } from 'commander';
import type { Tenant } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { addDefaultList, listed, listOptions } from '../listing.ts';
import { print, printJson, table } from '../output.ts';
import { clientFrom, integerBetween, numberBetween, type RemoteOptions, remoteOptions } from '../remote.ts';

type Options = RemoteOptions & { readonly json?: boolean };

function printTenants(tenants: readonly Tenant[]): void {
  print(
    table(
      ['tenant', 'display name', 'max endpoints', 'max events/s', 'max pending', 'metadata'],
      tenants.map(({ name, displayName, limits, metadata }) => [
        name,
        displayName,
        limits.endpoints ?? '',
        limits.eventsPerS ?? '',
        limits.pendingDeliveries ?? '',
        Object.entries(metadata)
          .map(([key, value]) => `${key}=${value}`)
          .join(' '),
      ]),
    ),
  );
}

/** Adds `key=value` to the previous entries. */
function addEntry(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('takes key=value');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function listCommand(): Command {
  return listOptions(remoteOptions(new Command('list')))
    .description('List declared tenants, by name')
    .addHelpText('after', '\nExample:\n  posthorn tenants list')
    .action(async (options: Options & { readonly limit?: number; readonly cursor?: string }) => {
      const client = clientFrom(options);
      const page = await listed((part) => client.tenants.list(part), options);
      if (options.json === true) return printJson(wireAnswer('tenants.list', page.answer));
      if (page.items.length === 0) print('No declared tenants. Declare one with posthorn tenants put.');
      else printTenants(page.items);
      page.noteMore();
    });
}

function getCommand(): Command {
  return remoteOptions(new Command('get'))
    .description('Show a declared tenant')
    .argument('<name>', 'name of the tenant')
    .addHelpText('after', '\nExample:\n  posthorn tenants get kestrel')
    .action(async (name: string, options: Options) => {
      const tenant = await clientFrom(options).tenants.get(name);
      if (options.json === true) printJson(wireAnswer('tenants.get', tenant));
      else printTenants([tenant]);
    });
}

function putCommand(): Command {
  return remoteOptions(new Command('put'))
    .description('Declare a tenant, or replace it; an omitted limit means no limit')
    .argument('<name>', 'name of the tenant')
    .option('--display-name <text>', 'human-readable name')
    .option('--metadata <key=value>', 'your own data; repeat for each entry', addEntry)
    .option('--endpoints <n>', 'maximum number of endpoints', integerBetween(0, 1_000_000))
    .option(
      '--events-per-s <n>',
      'maximum events published per second on each node',
      numberBetween(0.001, 1_000_000),
    )
    .option(
      '--pending-deliveries <n>',
      'pending deliveries at which publishing is refused',
      integerBetween(1, 1_000_000_000),
    )
    .addHelpText(
      'after',
      '\nExample:\n  posthorn tenants put kestrel --display-name "Kestrel Pay" --endpoints 20 --events-per-s 100',
    )
    .action(
      async (
        name: string,
        options: Options & {
          readonly displayName?: string;
          readonly metadata?: Record<string, string>;
          readonly endpoints?: number;
          readonly eventsPerS?: number;
          readonly pendingDeliveries?: number;
        },
      ) => {
        const { displayName = '', metadata = {}, endpoints, eventsPerS, pendingDeliveries } = options;
        const tenant = await clientFrom(options).tenants.put(name, {
          displayName,
          metadata,
          limits: {
            endpoints: endpoints ?? null,
            eventsPerS: eventsPerS ?? null,
            pendingDeliveries: pendingDeliveries ?? null,
          },
        });
        if (options.json === true) printJson(wireAnswer('tenants.put', tenant));
        else printTenants([tenant]);
      },
    );
}

function deleteCommand(): Command {
  return remoteOptions(new Command('delete'))
    .description('Delete the declaration of a tenant that has neither endpoints nor keys')
    .argument('<name>', 'name of the tenant')
    .addHelpText('after', '\nExample:\n  posthorn tenants delete kestrel')
    .action(async (name: string, options: Options) => {
      await clientFrom(options).tenants.delete(name);
      if (options.json === true) printJson({ deleted: name });
      else print(`deleted ${name}`);
    });
}

export function tenantsCommand(): Command {
  const group = new Command('tenants').addHelpText(
    'after',
    '\nExamples:\n  posthorn tenants list --json\n  posthorn tenants put kestrel --pending-deliveries 100000',
  );
  return addDefaultList(group, listCommand())
    .addCommand(getCommand())
    .addCommand(putCommand())
    .addCommand(deleteCommand());
}
