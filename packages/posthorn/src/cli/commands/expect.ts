import { Command } from 'commander';
import { ApiError, type Client, type ListedEvent } from '@posthorn/client';
import { iso } from '../../domain/time.ts';
import { count as many } from '../../report/count.ts';
import { systemClock } from '../../runtime/clock.ts';
import { everyPage } from '../listing.ts';
import { CommandError, note, print, printStreamed, progress } from '../output.ts';
import { NoIdError, openIds, receivedIds } from '../reconcile/received-ids.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';
import { apiTime } from '../time-argument.ts';
import { valueList } from '../value-list.ts';

interface Options extends RemoteOptions {
  readonly json?: boolean;
  readonly since: string;
  readonly until?: string;
  readonly tenant?: string;
  readonly type?: readonly string[];
  readonly column?: string;
}

/** Ids take about 100 bytes each in memory. */
const maxIds = 5_000_000;
/** Ids that were not in the window are looked up one by one: at most this many. */
const maxAsked = 1000;
/** Ids shown as text; `--json` prints all of them. */
const maxShown = 50;

/** What became of the expected events. */
interface Comparison {
  readonly expected: number;
  readonly accepted: number;
  /** Accepted events that matched no endpoint. */
  readonly unmatched: readonly string[];
  /** Accepted before or after the window. */
  readonly outside: readonly string[];
  readonly missing: readonly string[];
}

async function expectedIds(file: string, column: string | undefined): Promise<Set<string>> {
  const input = await openIds(file);
  const ids = new Set<string>();
  try {
    for await (const id of receivedIds(input.lines, column ?? null)) {
      ids.add(id);
      if (ids.size > maxIds)
        throw new CommandError(`more than ${many(maxIds)} ids: compare a shorter window at a time`, 2);
    }
  } catch (error) {
    throw error instanceof NoIdError ? new CommandError(error.message, 2) : error;
  }
  await input.close(true);
  if (ids.size === 0) throw new CommandError('the input contains no ids: nothing is expected', 2);
  return ids;
}

async function compare(client: Client, expected: ReadonlySet<string>, options: Options): Promise<Comparison> {
  const { since, until = iso(systemClock.now()), tenant, type } = options;
  const left = new Set(expected);
  const unmatched: string[] = [];
  const bar = progress(null);
  let read = 0;
  try {
    for await (const { items } of everyPage((page) =>
      client.events.list({ ...page, since, until, tenant, type }),
    )) {
      for (const event of items) if (left.delete(event.id) && event.unmatched) unmatched.push(event.id);
      read += items.length;
      bar.at(read, 'events read');
      if (left.size === 0) break;
    }
  } finally {
    bar.end();
  }
  const accepted = expected.size - left.size;
  const outside: string[] = [];
  if (left.size <= maxAsked)
    for (const id of left) if (await isAccepted(client, id, tenant)) outside.push(id);
  for (const id of outside) left.delete(id);
  return { expected: expected.size, accepted, unmatched, outside, missing: [...left] };
}

async function isAccepted(
  client: Client,
  id: ListedEvent['id'],
  tenant: string | undefined,
): Promise<boolean> {
  try {
    await client.events.get(id, { tenant });
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

function show({ expected, accepted, unmatched, outside, missing }: Comparison): void {
  print(
    `${many(expected)} expected = ${many(accepted)} accepted in the window + ${many(outside.length)} accepted outside it + ${many(missing.length)} never accepted`,
  );
  if (unmatched.length > 0)
    print(`${many(unmatched.length)} of the accepted events matched no endpoint and were not delivered`);
  for (const [title, ids] of [
    ['Never accepted:', missing],
    ['Matched no endpoint:', unmatched],
  ] as const) {
    if (ids.length === 0) continue;
    print(`\n${title}\n${ids.slice(0, maxShown).join('\n')}`);
    if (ids.length > maxShown)
      note(`${many(ids.length - maxShown)} more are not shown: --json prints all of them`);
  }
}

async function showJson({ expected, accepted, unmatched, outside, missing }: Comparison): Promise<void> {
  for (const id of missing) if (!(await printStreamed(JSON.stringify({ missing: id })))) return;
  for (const id of unmatched) if (!(await printStreamed(JSON.stringify({ unmatched: id })))) return;
  await printStreamed(
    JSON.stringify({
      summary: {
        expected,
        accepted,
        outside: outside.length,
        missing: missing.length,
        unmatched: unmatched.length,
      },
    }),
  );
}

export function expectCommand(): Command {
  return remoteOptions(new Command('expect'))
    .argument(
      '[file]',
      'ids of the events that should have been published: text, CSV with a header, or JSON lines; - reads standard input',
      '-',
    )
    .requiredOption('--since <time>', 'events accepted at or after this time', apiTime)
    .option('--until <time>', 'events accepted before this time (default: now)', apiTime)
    .option('--tenant <tenant>', "tenant of the events (default: the key's, else default)")
    .option('--type <types>', 'only these event types', valueList)
    .option('--column <name>', 'field of the ids in CSV or JSON (default: webhook-id, event_id or id)')
    .addHelpText(
      'after',
      "\nExit code: 0 every expected event was accepted and had an endpoint, 1 some were not, or the command failed, 2 wrong usage.\n\nExample:\n  psql -Atc \"SELECT 'payment-' || id FROM payments WHERE paid_at >= now() - interval '1 day'\" | posthorn expect --since 25h --type payment.succeeded",
    )
    .action(async (file: string, options: Options) => {
      const client = clientFrom(options);
      const expected = await expectedIds(file, options.column);
      // Ids are unique in a tenant: those of another tenant mean nothing.
      const tenant = options.tenant ?? (await client.me.get()).tenant ?? 'default';
      const found = await compare(client, expected, { ...options, tenant });
      if (options.json === true) await showJson(found);
      else show(found);
      if (found.missing.length > 0 || found.unmatched.length > 0) process.exitCode = 1;
    });
}
