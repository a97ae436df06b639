import { Command } from 'commander';
import type { ListedEvent } from '@posthorn/client';
import { printable } from '../../domain/printable.ts';
import { systemClock } from '../../runtime/clock.ts';
import { amountsText } from '../amounts.ts';
import { wireAnswer } from '../answers.ts';
import { type Column, columnOptions, type ColumnOptions, columnsTable, fromNow } from '../columns.ts';
import { addDefaultList, listed, listOptions, type Page } from '../listing.ts';
import { print, printData, printJson, table } from '../output.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';
import { apiTime } from '../time-argument.ts';
import { valueList } from '../value-list.ts';

type Options = RemoteOptions & { readonly json?: boolean };

function columnsAt(now: number): readonly Column<ListedEvent>[] {
  return [
    { name: 'event', value: ({ id }) => id },
    { name: 'type', value: ({ type }) => type, shortest: 10 },
    { name: 'accepted', value: ({ acceptedAt }) => fromNow(acceptedAt, now) },
    { name: 'deliveries', value: ({ deliveries }) => deliveries },
    { name: 'worth', value: ({ value }) => (value === null ? '' : amountsText([value])) },
    { name: 'tenant', value: ({ tenant }) => tenant, wide: true },
    { name: 'suppressed', value: ({ suppressed }) => suppressed, wide: true },
    { name: 'ordering-key', value: ({ orderingKey }) => orderingKey ?? '', wide: true },
    { name: 'accepted-at', value: ({ acceptedAt }) => acceptedAt, wide: true },
    { name: 'occurred-at', value: ({ occurredAt }) => occurredAt ?? '', wide: true },
  ];
}

function listCommand(): Command {
  return columnOptions(listOptions(remoteOptions(new Command('list'))), columnsAt(0))
    .description('List events, newest first')
    .option('--tenant <tenants>', 'only these tenants, comma-separated', valueList)
    .option('--type <types>', 'only these types', valueList)
    .option('--endpoint-id <ids>', 'only events with a delivery to one of these endpoints', valueList)
    .option('--ordering-key <keys>', 'only these ordering keys', valueList)
    .option('--unmatched', 'only events that matched no endpoint')
    .option(
      '--since <time>',
      'accepted at or after this time: 2h (ago), yesterday, 2026-01-31, 14:30, …',
      apiTime,
    )
    .option('--until <time>', 'accepted before this time', apiTime)
    .addHelpText('after', '\nExample:\n  posthorn events list --unmatched --since yesterday')
    .action(
      async (
        options: Options &
          ColumnOptions &
          Partial<Page> & {
            readonly tenant?: readonly string[];
            readonly type?: readonly string[];
            readonly endpointId?: readonly string[];
            readonly orderingKey?: readonly string[];
            readonly unmatched?: boolean;
            readonly since?: string;
            readonly until?: string;
          },
      ) => {
        const { tenant, type, endpointId, orderingKey, since, until } = options;
        const unmatched = options.unmatched === true ? 'true' : undefined;
        const client = clientFrom(options);
        const page = await listed(
          (part) =>
            client.events.list({ ...part, tenant, type, endpointId, orderingKey, unmatched, since, until }),
          options,
        );
        if (options.json === true) return printJson(wireAnswer('events.list', page.answer));
        if (page.items.length === 0) print('No matching events.');
        else print(columnsTable(columnsAt(systemClock.now()), page.items, options));
        page.noteMore();
      },
    );
}

function getCommand(): Command {
  return remoteOptions(new Command('get'))
    .description('Show an event with its data and its deliveries')
    .argument('<id>', 'id of the event')
    .option('--tenant <tenant>', 'tenant of the event (default: that of the key, else default)')
    .addHelpText('after', '\nExample:\n  posthorn events get evt_…')
    .action(async (id: string, options: Options & { readonly tenant?: string }) => {
      const raw = await clientFrom(options).events.get(id, { tenant: options.tenant });
      if (options.json === true) return printJson(wireAnswer('events.get', raw));
      const event = printable(raw);
      print(`${event.id} ${event.type}, tenant ${event.tenant}, accepted ${event.acceptedAt}`);
      print(
        table(
          ['delivery', 'endpoint', 'state', 'attempts'],
          event.deliveries.map((delivery) => [
            delivery.id,
            delivery.endpointId,
            delivery.state,
            delivery.attemptCount,
          ]),
        ),
      );
      print();
      if (event.dataDeletedAt === null) printData(JSON.stringify(event.data, null, 2));
      else print(`Its data were deleted at ${event.dataDeletedAt}.`);
    });
}

function deleteDataCommand(): Command {
  return remoteOptions(new Command('delete-data'))
    .description('Delete the data of an event for ever; the event and its deliveries stay')
    .argument('<id>', 'id of the event')
    .option('--tenant <tenant>', 'tenant of the event (default: that of the key, else default)')
    .addHelpText('after', '\nExample:\n  posthorn events delete-data evt_…')
    .action(async (id: string, options: Options & { readonly tenant?: string }) => {
      const { tenant } = options;
      await clientFrom(options).events.deleteData(id, { tenant });
      if (options.json === true) printJson({ data_deleted: id });
      else print(printable(`The data of ${id} and what its receivers answered are deleted.`));
    });
}

export function eventsCommand(): Command {
  const group = new Command('events').addHelpText(
    'after',
    '\nExamples:\n  posthorn events list --type "payment.*" --since 2h\n  posthorn events get evt_… --json',
  );
  return addDefaultList(group, listCommand()).addCommand(getCommand()).addCommand(deleteDataCommand());
}
