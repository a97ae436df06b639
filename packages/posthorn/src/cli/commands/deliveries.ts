import { Command } from 'commander';
import type { Client, DeliveriesListInput, ListedDelivery } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { errorClasses } from '../../domain/attempt.ts';
import { deliveryStates } from '../../domain/delivery.ts';
import { deliveryLines } from '../../ledger/delivery-log.ts';
import { printable } from '../../domain/printable.ts';
import { CommandError, print, printJson, printStreamed, table } from '../output.ts';
import { type Column, columnOptions, columnsTable, fromNow } from '../columns.ts';
import { systemClock } from '../../runtime/clock.ts';
import { openToRead } from '../read-store.ts';
import { apiTime } from '../time-argument.ts';
import { choiceList, valueList } from '../value-list.ts';
import { clientFrom, remoteOptions } from '../remote.ts';
import { listed, listOptions } from '../listing.ts';

/** An event's id may contain a comma. */
function repeated(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Adds the API's filters as options of the same names. `states`: whether those are chosen, or follow from the command. */
export function filterOptions(command: Command, { states = true } = {}): Command {
  command
    .option('--tenant <tenants>', 'only these tenants, comma-separated', valueList)
    .option('--endpoint-id <ids>', 'only these endpoints', valueList)
    .option('--event-id <id>', 'only this event; repeat for more', repeated)
    .option('--event-type <types>', 'only these types', valueList);
  if (states)
    command.option(
      '--state <states>',
      `only these states (${deliveryStates.join(', ')})`,
      choiceList(deliveryStates),
    );
  return command
    .option(
      '--error-class <classes>',
      `only these errors of the last attempt (${errorClasses.join(', ')})`,
      choiceList(errorClasses),
    )
    .option(
      '--since <time>',
      'created at or after this time: 2h (ago), yesterday, 14:30, 2026-01-31, …',
      apiTime,
    )
    .option('--until <time>', 'created before this time', apiTime);
}

const filters = [
  'tenant',
  'endpointId',
  'eventId',
  'eventType',
  'state',
  'errorClass',
  'since',
  'until',
] as const;
type DeliveryFilter = Pick<DeliveriesListInput, (typeof filters)[number]>;

const optionName = (field: string): string =>
  `--${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The filters among the options, each validated when it was read. */
export function filterFrom(options: Record<string, unknown>): DeliveryFilter {
  return Object.fromEntries(
    filters.filter((field) => options[field] !== undefined).map((field) => [field, options[field]]),
  );
}

/**
 * Refuses options that would have no effect together with `what`: a command that ignores an option does not do what was
 * asked.
 */
export function refuseBeside(
  what: string,
  options: Record<string, unknown>,
  fields: readonly string[] = filters,
): void {
  const given = fields.filter((field) => options[field] !== undefined);
  if (given.length > 0)
    throw new CommandError(`${given.map(optionName).join(' and ')} cannot be used with ${what}`, 2);
}

/** Posthorn's own log: a JSON line for each delivery, with its attempts and its value; newest first. */
async function printLog(dataDir: string | undefined, databaseUrl: string | undefined): Promise<void> {
  if ((dataDir === undefined) === (databaseUrl === undefined))
    throw new CommandError('--attempts reads the store directly: give --data-dir or --database-url', 2);
  const store = await openToRead(dataDir, databaseUrl);
  try {
    for await (const line of deliveryLines(store.read, '')) if (!(await printStreamed(line))) break;
  } finally {
    await store.close();
  }
}

async function showOne(client: Client, id: string, json: boolean): Promise<void> {
  const raw = await client.deliveries.get(id);
  if (json) return printJson(wireAnswer('deliveries.get', raw));
  const one = printable(raw);
  print(
    `${one.id}  ${one.state}${one.reason === null ? '' : ` (${one.reason})`}  event ${one.eventId} ${one.eventType}  endpoint ${one.endpointId}`,
  );
  if (one.blockedBy !== null) print(`blocked by the dead letter ${one.blockedBy} of its ordering key`);
  print(
    table(
      ['n', 'started', 'ms', 'status', 'outcome', 'error', 'trigger', 'message'],
      one.attempts.map((a) => [
        a.n,
        a.startedAt,
        a.durationMs,
        String(a.statusCode ?? ''),
        a.outcome,
        a.errorClass ?? '',
        a.trigger,
        a.message ?? '',
      ]),
    ),
  );
}

/** Ordering keys that dead letters block, with what waits. */
async function showBlocked(client: Client, options: Record<string, unknown>): Promise<void> {
  const { tenant, endpointId } = filterFrom(options);
  const { answer, items, noteMore } = await listed(
    (part) => client.blockedKeys.list({ ...part, tenant, endpointId }),
    options,
  );
  if (options['json'] === true) return printJson(wireAnswer('blockedKeys.list', answer));
  if (items.length === 0) return print('No ordering key is blocked.');
  print(
    table(
      ['endpoint', 'ordering key', 'blocked by', 'failure', 'since', 'waiting'],
      printable(items).map((k) => [
        k.endpointId,
        k.orderingKey,
        k.blockedBy,
        k.errorClass ?? '',
        k.since,
        k.waiting,
      ]),
    ),
  );
  noteMore();
}

function columnsAt(now: number): readonly Column<ListedDelivery>[] {
  return [
    { name: 'delivery', value: ({ id }) => id },
    { name: 'type', value: ({ eventType }) => eventType, shortest: 8 },
    { name: 'host', value: ({ endpoint, endpointId }) => endpoint?.host ?? endpointId, shortest: 10 },
    { name: 'state', value: ({ state }) => state },
    { name: 'attempts', value: ({ attemptCount }) => attemptCount },
    { name: 'due', value: ({ dueAt }) => fromNow(dueAt, now) },
    { name: 'failure', value: ({ lastError }) => lastError?.class ?? '' },
    { name: 'event', value: ({ eventId }) => eventId, wide: true },
    { name: 'endpoint', value: ({ endpointId }) => endpointId, wide: true },
    { name: 'tenant', value: ({ tenant }) => tenant, wide: true },
    { name: 'created', value: ({ createdAt }) => createdAt, wide: true },
    { name: 'due-at', value: ({ dueAt }) => dueAt ?? '', wide: true },
    { name: 'settled', value: ({ settledAt }) => settledAt ?? '', wide: true },
    { name: 'message', value: ({ lastError }) => lastError?.message ?? '', wide: true },
  ];
}

export function deliveriesCommand(): Command {
  return columnOptions(listOptions(filterOptions(remoteOptions(new Command('deliveries')))), columnsAt(0))
    .argument('[id]', 'a delivery: dlv_…')
    .option(
      '--blocked',
      'list the ordering keys that dead letters block, with the number of waiting deliveries',
    )
    .option(
      '--attempts',
      'write all deliveries as JSON lines with their attempts: the log that posthorn audit and posthorn impact read',
    )
    .option(
      '--data-dir <path>',
      'with --attempts: data directory of an embedded Posthorn, running or stopped',
    )
    .option('--database-url <url>', 'with --attempts: PostgreSQL database of a Posthorn')
    .addHelpText(
      'after',
      '\nExamples:\n  posthorn deliveries --state dead,suppressed --error-class timeout\n  posthorn deliveries --blocked\n  posthorn deliveries --attempts --data-dir ./posthorn-data > posthorn.jsonl',
    )
    .action(async (id: string | undefined, options: Record<string, unknown>) => {
      if (options['attempts'] === true) {
        if (id !== undefined) throw new CommandError('--attempts writes all deliveries: leave out the id', 2);
        refuseBeside('--attempts, which writes all deliveries', options, [
          ...filters,
          'blocked',
          'limit',
          'cursor',
        ]);
        await printLog(
          options['dataDir'] as string | undefined,
          options['databaseUrl'] as string | undefined,
        );
        return;
      }
      refuseBeside('a server (only --attempts reads a store)', options, ['dataDir', 'databaseUrl']);
      const client = clientFrom(options);
      if (id !== undefined) {
        refuseBeside('an id', options, [...filters, 'blocked', 'limit', 'cursor']);
        return await showOne(client, id, options['json'] === true);
      }
      if (options['blocked'] === true) {
        const others = filters.filter((field) => field !== 'tenant' && field !== 'endpointId');
        refuseBeside('--blocked, which lists keys', options, others);
        return await showBlocked(client, options);
      }
      const filter = filterFrom(options);
      const page = await listed(
        (part) => client.deliveries.list({ ...filter, ...part, include: 'endpoint' }),
        options,
      );
      if (options['json'] === true) return printJson(wireAnswer('deliveries.list', page.answer));
      if (page.items.length === 0) return print('No matching deliveries.');
      print(columnsTable(columnsAt(systemClock.now()), page.items, options));
      page.noteMore();
    });
}
