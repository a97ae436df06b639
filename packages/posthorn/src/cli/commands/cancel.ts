import { Command } from 'commander';
import { ApiError, type Client, type ListedDelivery } from '@posthorn/client';
import { exactMinor } from '../../domain/money.ts';
import { amountsText } from '../amounts.ts';
import { wireAnswer } from '../answers.ts';
import { everyPage } from '../listing.ts';
import { CommandError, note, print, printJson } from '../output.ts';
import { clientFrom, failureText, remoteOptions } from '../remote.ts';
import { filterFrom, filterOptions, refuseBeside } from './deliveries.ts';

/**
 * Cancels one, or says why not: it was settled in the meantime, or the server refused. That does not stop the others, but the exit code
 * says that not everything was done (G5).
 */
async function cancelOne(
  client: Client,
  id: string,
  reason: string,
  json: boolean,
): Promise<'cancelled' | 'settled' | 'refused'> {
  try {
    const delivery = await client.deliveries.cancel(id, { reason });
    if (json) printJson(wireAnswer('deliveries.cancel', delivery));
    else print(`${delivery.id} is ${delivery.state}`);
    return 'cancelled';
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0) throw error;
    note(`posthorn: ${id}: ${failureText(error)}`);
    process.exitCode = 1;
    return error.code === 'wrong_state' ? 'settled' : 'refused';
  }
}

type Filter = ReturnType<typeof filterFrom>;

/** The pending deliveries that match, a page at a time. */
async function* pending(client: Client, filter: Filter): AsyncGenerator<readonly ListedDelivery[]> {
  for await (const { items } of everyPage((page) =>
    client.deliveries.list({ ...filter, ...page, state: ['pending'], include: 'event' }),
  ))
    yield items;
}

async function countMatching(client: Client, filter: Filter, json: boolean): Promise<void> {
  let matched = 0;
  const sums = new Map<string, bigint>();
  for await (const items of pending(client, filter)) {
    matched += items.length;
    for (const { event } of items)
      if (event?.value)
        sums.set(
          event.value.currency,
          (sums.get(event.value.currency) ?? 0n) + BigInt(event.value.amountMinor),
        );
  }
  const worth = [...sums].map(([currency, sum]) => ({ currency, amountMinor: exactMinor(sum) }));
  if (json)
    return printJson({
      dry_run: true,
      matched,
      value: worth.map(({ currency, amountMinor }) => ({ amount_minor: amountMinor, currency })),
    });
  print(
    `${matched.toLocaleString('en-US')} pending ${matched === 1 ? 'delivery' : 'deliveries'} would be cancelled${worth.length === 0 ? '' : `, worth ${amountsText(worth)}`}`,
  );
}

async function cancelMatching(client: Client, filter: Filter, reason: string, json: boolean): Promise<void> {
  const counts = { cancelled: 0, settled: 0, refused: 0 };
  for await (const items of pending(client, filter))
    for (const { id } of items) counts[await cancelOne(client, id, reason, json)]++;
  const text = (count: number, what: string): string[] =>
    count === 0 ? [] : [`${count.toLocaleString('en-US')} ${what}`];
  note(
    [
      `${counts.cancelled.toLocaleString('en-US')} cancelled`,
      ...text(counts.settled, 'settled in the meantime'),
      ...text(counts.refused, 'refused'),
    ].join(', '),
  );
}

export function cancelCommand(): Command {
  return filterOptions(remoteOptions(new Command('cancel')), { states: false })
    .argument('[ids...]', 'deliveries: dlv_…')
    .requiredOption('--reason <text>', 'reason, stored with each delivery')
    .option('--all', 'cancel every pending delivery, without a filter')
    .option('--dry-run', 'only count what matches')
    .addHelpText(
      'after',
      "\nExamples:\n  posthorn cancel dlv_… --reason 'booked by hand'\n  posthorn cancel --endpoint-id ep_… --event-type 'report.*' --reason 'reports are off' --dry-run",
    )
    .action(async (ids: readonly string[], options: Record<string, unknown>) => {
      const json = options['json'] === true;
      const reason = options['reason'] as string;
      const filter = filterFrom(options);
      const client = clientFrom(options);
      if (ids.length > 0) {
        refuseBeside('an id', options);
        refuseBeside('an id', options, ['all', 'dryRun']);
        for (const id of ids) await cancelOne(client, id, reason, json);
        return;
      }
      if (Object.keys(filter).length === 0 && options['all'] !== true)
        throw new CommandError('give a delivery, a filter such as --endpoint-id, or --all', 2);
      if (options['dryRun'] === true) await countMatching(client, filter, json);
      else await cancelMatching(client, filter, reason, json);
    });
}
