import { Command } from 'commander';
import { ApiError, type Client } from '@posthorn/client';
import { formatValue } from '../../domain/money.ts';
import { ask, flag, money, number, orNull, shapeOf, text } from '../answers.ts';
import { systemClock } from '../../runtime/clock.ts';
import { CommandError, note, print, printJson, progress } from '../output.ts';
import { clientOf, numberBetween, remoteOptions } from '../remote.ts';
import { filterOf, filterOptions, refuseBeside } from './deliveries.ts';

export interface Redrive {
  id: string;
  name: string | null;
  dry_run: boolean;
  state: string;
  matched: number;
  redriven: number;
  skipped: number;
  value: { currency: string; amount_minor: number | string }[];
  oldest_at: string | null;
  newest_at: string | null;
  rate_per_s: number | null;
  created_at: string;
}

export const isRedrive = shapeOf<Redrive>({
  id: text,
  name: orNull(text),
  dry_run: flag,
  state: text,
  matched: number,
  redriven: number,
  skipped: number,
  value: money,
  oldest_at: orNull(text),
  newest_at: orNull(text),
  rate_per_s: orNull(number),
  created_at: text,
});
const isPending = shapeOf<{ id: string; state: string }>({ id: text, state: text });

/** How many it skipped and why, or nothing. */
export function skippedNote({ skipped }: Redrive): string {
  return skipped === 0
    ? ''
    : `; ${skipped.toLocaleString('en-US')} skipped, because their endpoint is deleted: they stay as they are`;
}

/** What a redrive would do. */
function described(job: Redrive): string {
  const worth = job.value.map(({ currency, amount_minor: amount }) =>
    formatValue({ amountMinor: BigInt(amount), currency }),
  );
  return [
    `${job.matched} deliveries match; nothing was changed${skippedNote(job)}`,
    ...(worth.length === 0 ? [] : [`Worth ${worth.join(', ')}`]),
    ...(job.oldest_at === null ? [] : [`Created from ${job.oldest_at} to ${job.newest_at}`]),
  ].join('\n');
}

const pollMs = 200;
/** A server that is away for longer ends the watching, and not the redrive. */
const awayMs = 60_000;

/** Follows a redrive until it ends. It is the server's: what ends the watching does not end it. */
async function watched(client: Client, begun: Redrive): Promise<Redrive> {
  let job = begun;
  const bar = progress(job.matched);
  let answeredAt = systemClock.monotonic();
  try {
    while (job.state === 'running') {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      try {
        job = await ask(client, isRedrive, 'GET', `/v1/redrives/${encodeURIComponent(job.id)}`);
        answeredAt = systemClock.monotonic();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const isPassing = error.status === 0 || error.status === 429 || error.status >= 500;
        if (!isPassing || systemClock.monotonic() - answeredAt > awayMs)
          throw new CommandError(`${error.message}; the redrive ${job.id} goes on by itself on the server`);
      }
      bar.at(job.redriven, 'redriven');
    }
  } finally {
    bar.end();
  }
  return job;
}

async function redriveOne(client: Client, id: string, json: boolean): Promise<void> {
  const delivery = await ask(client, isPending, 'POST', `/v1/deliveries/${encodeURIComponent(id)}/redrive`);
  if (json) printJson(delivery);
  else print(`${delivery.id} is ${delivery.state} and due now`);
}

export function redriveCommand(): Command {
  return filterOptions(remoteOptions(new Command('redrive')))
    .argument('[id]', 'one delivery: dlv_…')
    .option('--all', 'every dead letter, if no filter is given')
    .option('--rate <per second>', 'at most so many a second', numberBetween(0.001, 100_000))
    .option('--name <name>', 'what it is for, as posthorn redrives shows it')
    .option('--dry-run', 'only count what matches')
    .addHelpText('after', '\nExample:\n  posthorn redrive --endpoint-id ep_… --error-class timeout --rate 50')
    .action(async (id: string | undefined, options: Record<string, unknown>) => {
      const client = clientOf(options);
      const json = options['json'] === true;
      const filter = filterOf(options);
      if (id !== undefined) {
        refuseBeside('an id', options);
        refuseBeside('an id', options, ['all', 'rate', 'name', 'dryRun']);
        return await redriveOne(client, id, json);
      }
      if (Object.keys(filter).length === 0 && options['all'] !== true)
        throw new CommandError('give a delivery, a filter such as --endpoint-id, or --all', 2);
      const rate = options['rate'];
      const job = await watched(
        client,
        await ask(client, isRedrive, 'POST', '/v1/redrives', {
          filter,
          ...(rate === undefined ? {} : { rate_per_s: rate }),
          ...(options['name'] === undefined ? {} : { name: options['name'] }),
          dry_run: options['dryRun'] === true,
        }),
      );
      if (json) printJson(job);
      else if (options['dryRun'] === true) print(described(job));
      else
        print(
          `${job.redriven} of ${job.matched} deliveries are pending again (redrive ${job.id})${skippedNote(job)}`,
        );
      if (job.state !== 'done') note(`posthorn: the redrive ${job.id} ended as ${job.state}`);
      // Not all of what was asked for was done (G5).
      if (job.state !== 'done' || (job.skipped > 0 && options['dryRun'] !== true)) process.exitCode = 1;
    });
}
