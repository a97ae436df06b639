import type { Command } from 'commander';
import type { BulkReplayRequest, Client } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { exitBy, jobCommand, jobFilterFrom, jobOptions, reportJob, watched } from '../bulk.ts';
import { CommandError, print, printJson } from '../output.ts';
import { clientFrom } from '../remote.ts';
import { refuseBeside } from './deliveries.ts';

interface One {
  readonly id: string;
  readonly tenant: string | undefined;
  readonly to: string | undefined;
}

async function replayOne(client: Client, { id, tenant, to }: One, json: boolean): Promise<void> {
  const answer = await client.events.replay(id, { tenant, endpointId: to });
  if (json) return printJson(wireAnswer('events.replay', answer));
  print(
    answer.deliveryIds.length === 0
      ? `no endpoint matches ${answer.id}: nothing was created`
      : `${answer.id} is being delivered again: ${answer.deliveryIds.join(', ')}`,
  );
  if (answer.deliveryIds.length === 0) process.exitCode = 1;
}

/** The tenant of a single event, among the filters. */
function oneTenant(options: Record<string, unknown>): string | undefined {
  const { tenant: tenants = [] } = options as { readonly tenant?: readonly string[] };
  if (tenants.length > 1) throw new CommandError('an event belongs to one tenant', 2);
  return tenants[0];
}

export function replayCommand(): Command {
  return jobCommand('replay')
    .argument('[event]', 'one event, by its id')
    .option('--to <endpoint>', 'deliver each event once to this endpoint, regardless of its subscriptions')
    .addHelpText(
      'after',
      '\nExamples:\n  posthorn replay evt_… --to ep_…\n  posthorn replay --endpoint-id ep_… --state delivered --since 2026-01-31T02:00:00Z --until 2026-01-31T03:00:00Z --dry-run',
    )
    .action(async (id: string | undefined, options: Record<string, unknown>) => {
      const client = clientFrom(options);
      const json = options['json'] === true;
      const { to } = options as { readonly to?: string };
      if (id !== undefined) {
        const others = ['endpointId', 'eventId', 'eventType', 'state', 'errorClass', 'since', 'until'];
        refuseBeside('an event', options, [...others, ...jobOptions]);
        return await replayOne(client, { id, tenant: oneTenant(options), to }, json);
      }
      const filter = jobFilterFrom(options) as BulkReplayRequest['filter'];
      // Leaving out the filter must not mean everything that was ever accepted.
      if (Object.keys(filter).length === 0)
        throw new CommandError('give an event, or a filter such as --endpoint-id and --since', 2);
      const { rate, name, dryRun } = options as { rate?: number; name?: string; dryRun?: boolean };
      const begun = await client.replays.create({ filter, endpointId: to, ratePerS: rate, name, dryRun });
      const job = await watched(begun, async (of) => await client.replays.get(of));
      if (json) printJson(wireAnswer('replays.get', job));
      else reportJob(job, 'replay');
      exitBy(job, 'replay');
    });
}
