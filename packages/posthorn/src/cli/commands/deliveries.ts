import { Command, InvalidArgumentError } from 'commander';
import type { Client } from '@posthorn/client';
import { ask, listOf, number, orNull, shapeOf, text } from '../answers.ts';
import { errorClasses } from '../../domain/attempt.ts';
import { deliveryStates } from '../../domain/delivery.ts';
import { deliveryLines } from '../../ledger/delivery-log.ts';
import { printable } from '../../report/printable.ts';
import { CommandError, print, printJson, printStreamed, table } from '../output.ts';
import { openToRead } from '../read-store.ts';
import { apiTime, clientOf, remoteOptions } from '../remote.ts';
import { type Filter, listed, listOptions } from '../listing.ts';

interface Delivery {
  id: string;
  event_id: string;
  event_type: string;
  endpoint_id: string;
  state: string;
  attempt_count: number;
  due_at: string | null;
  reason: string | null;
  last_error: { class: string; status_code: number | null; message: string | null } | null;
}
interface Attempt {
  n: number;
  started_at: string;
  duration_ms: number;
  status_code: number | null;
  outcome: string;
  error_class: string | null;
  message: string | null;
  trigger: string;
}

const shared = {
  id: text,
  event_id: text,
  event_type: text,
  endpoint_id: text,
  state: text,
  due_at: orNull(text),
  reason: orNull(text),
};
const isDelivery = shapeOf<Delivery>({
  ...shared,
  attempt_count: number,
  last_error: orNull(shapeOf({ class: text })),
});
const isDeliveryWithAttempts = shapeOf<Delivery & { attempts: Attempt[] }>({
  ...shared,
  attempts: listOf(
    shapeOf({
      n: number,
      started_at: text,
      duration_ms: number,
      status_code: orNull(number),
      outcome: text,
      error_class: orNull(text),
      message: orNull(text),
      trigger: text,
    }),
  ),
});

/** Collects an option that is repeated, or whose values have commas between them. */
function several(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',')];
}

function severalOf(choices: readonly string[]): typeof several {
  return (text, before) => {
    const values = several(text, before);
    if (values.every((value) => choices.includes(value))) return values;
    throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
  };
}

/** An event's id may hold a comma itself. */
function repeated(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Adds the filters of the API as options of the same names. */
export function filterOptions(command: Command): Command {
  const states = deliveryStates.join(', ');
  return command
    .option('--tenant <tenants>', 'only these tenants, separated by commas', several)
    .option('--endpoint-id <ids>', 'only these endpoints', several)
    .option('--event-id <id>', 'only this event; repeat it for more', repeated)
    .option('--event-type <types>', 'only these types', several)
    .option('--state <states>', `only these states (${states})`, severalOf(deliveryStates))
    .option(
      '--error-class <classes>',
      `only these last failures (${errorClasses.join(', ')})`,
      severalOf(errorClasses),
    )
    .option('--since <time>', 'created since, as 2026-01-31T00:00:00Z', apiTime)
    .option('--until <time>', 'created before', apiTime);
}

const filters = ['tenant', 'endpointId', 'eventId', 'eventType', 'state', 'errorClass', 'since', 'until'];

const optionName = (field: string): string =>
  `--${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export function filterOf(options: Record<string, unknown>): Filter {
  return Object.fromEntries(
    filters
      .filter((field) => options[field] !== undefined)
      .map((field) => [
        field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        options[field] as string | string[],
      ]),
  );
}

/** Refuses options that would have no effect beside `what`: a command that ignores one does something else than was asked. */
export function refuseBeside(
  what: string,
  options: Record<string, unknown>,
  fields: readonly string[] = filters,
): void {
  const given = fields.filter((field) => options[field] !== undefined);
  if (given.length > 0)
    throw new CommandError(`${given.map(optionName).join(' and ')} cannot be used with ${what}`, 2);
}

/** Posthorn's own log: a line of JSON for each delivery, with its attempts and its value; newest first. */
async function printLog(dataDir: string | undefined, databaseUrl: string | undefined): Promise<void> {
  if ((dataDir === undefined) === (databaseUrl === undefined))
    throw new CommandError('--attempts reads the store itself: give --data-dir or --database-url', 2);
  const store = await openToRead(dataDir, databaseUrl);
  try {
    for await (const line of deliveryLines(store, '')) if (!(await printStreamed(line))) break;
  } finally {
    await store.close();
  }
}

async function showOne(client: Client, id: string, json: boolean): Promise<void> {
  const raw = await ask(client, isDeliveryWithAttempts, 'GET', `/v1/deliveries/${encodeURIComponent(id)}`);
  if (json) return printJson(raw);
  const one = printable(raw);
  print(
    `${one.id}  ${one.state}${one.reason === null ? '' : ` (${one.reason})`}  event ${one.event_id} ${one.event_type}  endpoint ${one.endpoint_id}`,
  );
  print(
    table(
      ['n', 'started', 'ms', 'status', 'outcome', 'error', 'trigger', 'message'],
      one.attempts.map((a) => [
        a.n,
        a.started_at,
        a.duration_ms,
        String(a.status_code ?? ''),
        a.outcome,
        a.error_class ?? '',
        a.trigger,
        a.message ?? '',
      ]),
    ),
  );
}

export function deliveriesCommand(): Command {
  return listOptions(filterOptions(remoteOptions(new Command('deliveries'))))
    .argument('[id]', 'a delivery: dlv_…')
    .option(
      '--attempts',
      'write all of them as JSON lines with their attempts: the log that posthorn audit and posthorn impact read',
    )
    .option('--data-dir <path>', 'with --attempts: an embedded Posthorn, running or stopped')
    .option('--database-url <url>', 'with --attempts: a Posthorn on PostgreSQL')
    .addHelpText(
      'after',
      '\nExamples:\n  posthorn deliveries --state dead,suppressed --error-class timeout\n  posthorn deliveries --attempts --data-dir ./posthorn-data > posthorn.jsonl',
    )
    .action(async (id: string | undefined, options: Record<string, unknown>) => {
      if (options['attempts'] === true) {
        if (id !== undefined) throw new CommandError('--attempts writes all deliveries: leave out the id', 2);
        refuseBeside('--attempts, which writes all deliveries', options, [...filters, 'limit', 'cursor']);
        await printLog(
          options['dataDir'] as string | undefined,
          options['databaseUrl'] as string | undefined,
        );
        return;
      }
      refuseBeside('a server: they go with --attempts', options, ['dataDir', 'databaseUrl']);
      const client = clientOf(options);
      if (id !== undefined) {
        refuseBeside('an id', options, [...filters, 'limit', 'cursor']);
        return await showOne(client, id, options['json'] === true);
      }
      const page = await listed(client, '/v1/deliveries', filterOf(options), options, isDelivery);
      if (options['json'] === true) return printJson(page.answer);
      print(
        table(
          ['delivery', 'event', 'type', 'endpoint', 'state', 'attempts', 'due', 'last error'],
          page.items.map((d) => [
            d.id,
            d.event_id,
            d.event_type,
            d.endpoint_id,
            d.state,
            d.attempt_count,
            d.due_at ?? '',
            d.last_error?.class ?? '',
          ]),
        ),
      );
      page.noteMore();
    });
}
