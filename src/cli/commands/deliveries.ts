import { once } from 'node:events';
import { Command } from 'commander';
import { deliveryLines } from '../../ledger/delivery-log.ts';
import { CommandError, print, table } from '../output.ts';
import { openToRead } from '../read-store.ts';
import { clientOf, remoteOptions } from '../remote.ts';

interface Delivery {
  id: string;
  event_id: string;
  event_type: string;
  endpoint_id: string;
  state: string;
  attempts: number;
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

/** Options that are filters of the API, by the same names. */
export function filterOptions(command: Command): Command {
  return command
    .option('--tenant <tenant>')
    .option('--endpoint-id <id>')
    .option('--event-id <id>')
    .option('--event-type <type>')
    .option('--state <state>', 'pending, delivered, dead, cancelled or suppressed')
    .option('--error-class <class>')
    .option('--since <time>', 'created since, as 2026-01-31T00:00:00Z')
    .option('--until <time>', 'created before');
}

export function filterOf(options: Record<string, unknown>): Record<string, string> {
  const fields = ['tenant', 'endpointId', 'eventId', 'eventType', 'state', 'errorClass', 'since', 'until'];
  return Object.fromEntries(
    fields
      .filter((field) => typeof options[field] === 'string')
      .map((field) => [
        field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        options[field] as string,
      ]),
  );
}

/** Posthorn's own log: a line of JSON for each delivery, with its attempts and its value; newest first. */
async function printLog(dataDir: string | undefined, databaseUrl: string | undefined): Promise<void> {
  if ((dataDir === undefined) === (databaseUrl === undefined))
    throw new CommandError('--attempts reads the store itself: give --data-dir or --database-url', 2);
  const store = await openToRead(dataDir, databaseUrl);
  try {
    for await (const line of deliveryLines(store, ''))
      if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
  } finally {
    await store.close();
  }
}

export function deliveriesCommand(): Command {
  return filterOptions(remoteOptions(new Command('deliveries')))
    .argument('[id]', 'a delivery: dlv_…')
    .option('--limit <n>', 'at most so many', '50')
    .option(
      '--attempts',
      'write all of them as JSON lines with their attempts: the log that posthorn audit and posthorn impact read',
    )
    .option('--data-dir <path>', 'with --attempts: an embedded Posthorn, running or stopped')
    .option('--database-url <url>', 'with --attempts: a Posthorn on PostgreSQL')
    .addHelpText(
      'after',
      '\nExamples:\n  posthorn deliveries --state dead --error-class timeout\n  posthorn deliveries --attempts --data-dir ./posthorn-data > posthorn.jsonl',
    )
    .action(async (id: string | undefined, options: Record<string, unknown>) => {
      if (options['attempts'] === true) {
        await printLog(
          options['dataDir'] as string | undefined,
          options['databaseUrl'] as string | undefined,
        );
        return;
      }
      const client = clientOf(options);
      if (id !== undefined) {
        const one = await client.request<Omit<Delivery, 'attempts'> & { attempts: Attempt[] }>(
          'GET',
          `/v1/deliveries/${encodeURIComponent(id)}`,
        );
        if (options['json'] === true) return print(JSON.stringify(one));
        print(
          `${one.id}  ${one.state}${one.reason === null ? '' : ` (${one.reason})`}  event ${one.event_id} ${one.event_type}  endpoint ${one.endpoint_id}`,
        );
        return print(
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
      const query = new URLSearchParams({ ...filterOf(options), limit: String(options['limit']) });
      const page = await client.request<{ items: Delivery[]; next_cursor: string | null }>(
        'GET',
        `/v1/deliveries?${query.toString()}`,
      );
      if (options['json'] === true) return print(JSON.stringify(page));
      print(
        table(
          ['delivery', 'event', 'type', 'endpoint', 'state', 'attempts', 'due', 'last error'],
          page.items.map((d) => [
            d.id,
            d.event_id,
            d.event_type,
            d.endpoint_id,
            d.state,
            d.attempts,
            d.due_at ?? '',
            d.last_error?.class ?? '',
          ]),
        ),
      );
      if (page.next_cursor !== null) print('There are more: raise --limit, or narrow the filters.');
    });
}
