import { Command } from 'commander';
import { ApiError, type Client, type Redrive, type RedriveRequest } from '@posthorn/client';
import { formatValue } from '../../domain/money.ts';
import { wireAnswer } from '../answers.ts';
import { systemClock } from '../../runtime/clock.ts';
import { CommandError, note, print, printJson, progress } from '../output.ts';
import { clientOf, numberBetween, remoteOptions } from '../remote.ts';
import { filterOf, filterOptions, refuseBeside } from './deliveries.ts';

/** How many it skipped and why, or nothing. */
export function skippedNote({ skipped }: Redrive): string {
  return skipped === 0
    ? ''
    : `; ${skipped.toLocaleString('en-US')} skipped, because their endpoint is deleted: they stay as they are`;
}

/** What a redrive would do. */
function described(job: Redrive): string {
  const worth = job.value.map(({ currency, amountMinor }) =>
    formatValue({ amountMinor: BigInt(amountMinor), currency }),
  );
  return [
    `${job.matched} deliveries match; nothing was changed${skippedNote(job)}`,
    ...(worth.length === 0 ? [] : [`Worth ${worth.join(', ')}`]),
    ...(job.oldestAt === null ? [] : [`Created from ${job.oldestAt} to ${job.newestAt}`]),
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
        job = await client.redrives.get(job.id);
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
  const delivery = await client.deliveries.redrive(id);
  if (json) printJson(wireAnswer('deliveries.redrive', delivery));
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
      // Which states can be redriven is for the server to say.
      const filter = filterOf(options) as RedriveRequest['filter'];
      if (id !== undefined) {
        refuseBeside('an id', options);
        refuseBeside('an id', options, ['all', 'rate', 'name', 'dryRun']);
        return await redriveOne(client, id, json);
      }
      if (Object.keys(filter).length === 0 && options['all'] !== true)
        throw new CommandError('give a delivery, a filter such as --endpoint-id, or --all', 2);
      const { rate, name, dryRun } = options as { rate?: number; name?: string; dryRun?: boolean };
      const job = await watched(
        client,
        await client.redrives.create({ filter, ratePerS: rate, name, dryRun }),
      );
      if (json) printJson(wireAnswer('redrives.get', job));
      else if (dryRun === true) print(described(job));
      else
        print(
          `${job.redriven} of ${job.matched} deliveries are pending again (redrive ${job.id})${skippedNote(job)}`,
        );
      if (job.state !== 'done') note(`posthorn: the redrive ${job.id} ended as ${job.state}`);
      // Not all of what was asked for was done (G5).
      if (job.state !== 'done' || (job.skipped > 0 && dryRun !== true)) process.exitCode = 1;
    });
}
