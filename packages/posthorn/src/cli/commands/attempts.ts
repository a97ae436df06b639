import { Command } from 'commander';
import type { ListedAttempt } from '@posthorn/client';
import { systemClock } from '../../runtime/clock.ts';
import { wireAnswer } from '../answers.ts';
import { type Column, columnOptions, type ColumnOptions, columnsTable, fromNow } from '../columns.ts';
import { listed, listOptions, type Page } from '../listing.ts';
import { print, printJson } from '../output.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';
import { apiTime } from '../time-argument.ts';
import { choiceList, valueList } from '../value-list.ts';

const outcomes = ['delivered', 'retry', 'dead', 'superseded'] as const;
const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'] as const;

function columnsAt(now: number): readonly Column<ListedAttempt>[] {
  return [
    { name: 'delivery', value: ({ deliveryId }) => deliveryId },
    { name: 'n', value: ({ n }) => n },
    { name: 'started', value: ({ startedAt }) => fromNow(startedAt, now) },
    { name: 'ms', value: ({ durationMs }) => durationMs },
    { name: 'status', value: ({ statusCode }) => String(statusCode ?? '') },
    { name: 'outcome', value: ({ outcome }) => outcome },
    { name: 'failure', value: ({ errorClass }) => errorClass ?? '' },
    { name: 'type', value: ({ eventType }) => eventType, wide: true },
    { name: 'event', value: ({ eventId }) => eventId, wide: true },
    { name: 'endpoint', value: ({ endpointId }) => endpointId, wide: true },
    { name: 'tenant', value: ({ tenant }) => tenant, wide: true },
    { name: 'trigger', value: ({ trigger }) => trigger, wide: true },
    { name: 'address', value: ({ address }) => address ?? '', wide: true },
    { name: 'started-at', value: ({ startedAt }) => startedAt, wide: true },
    { name: 'message', value: ({ message }) => message ?? '', wide: true },
  ];
}

export function attemptsCommand(): Command {
  return columnOptions(listOptions(remoteOptions(new Command('attempts'))), columnsAt(0))
    .option('--tenant <tenants>', 'only these tenants, comma-separated', valueList)
    .option('--endpoint-id <ids>', 'only these endpoints', valueList)
    .option('--event-id <ids>', 'only these events', valueList)
    .option('--outcome <outcomes>', `only these outcomes: ${outcomes.join(', ')}`, choiceList(outcomes))
    .option(
      '--status-class <classes>',
      `only these status classes: ${statusClasses.join(', ')}`,
      choiceList(statusClasses),
    )
    .option(
      '--since <time>',
      'started at or after this time: 2h (ago), yesterday, 2026-01-31, 14:30, …',
      apiTime,
    )
    .option('--until <time>', 'started before this time', apiTime)
    .addHelpText('after', '\nExample:\n  posthorn attempts --status-class 5xx,none --since 2h')
    .action(
      async (
        options: RemoteOptions &
          ColumnOptions &
          Partial<Page> & {
            readonly json?: boolean;
            readonly tenant?: readonly string[];
            readonly endpointId?: readonly string[];
            readonly eventId?: readonly string[];
            readonly outcome?: readonly (typeof outcomes)[number][];
            readonly statusClass?: readonly (typeof statusClasses)[number][];
            readonly since?: string;
            readonly until?: string;
          },
      ) => {
        const { tenant, endpointId, eventId, outcome, statusClass, since, until } = options;
        const client = clientFrom(options);
        const page = await listed(
          (part) =>
            client.attempts.list({
              ...part,
              tenant,
              endpointId,
              eventId,
              outcome,
              statusClass,
              since,
              until,
            }),
          options,
        );
        if (options.json === true) return printJson(wireAnswer('attempts.list', page.answer));
        if (page.items.length === 0) print('No matching attempts.');
        else print(columnsTable(columnsAt(systemClock.now()), page.items, options));
        page.noteMore();
      },
    );
}
