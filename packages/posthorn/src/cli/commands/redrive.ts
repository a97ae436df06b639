import type { Command } from 'commander';
import type { Client, RedriveRequest } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { exitBy, jobCommand, jobFilterFrom, jobOptions, reportJob, watched } from '../bulk.ts';
import { CommandError, print, printJson } from '../output.ts';
import { clientFrom } from '../remote.ts';
import { refuseBeside } from './deliveries.ts';

async function redriveOne(client: Client, id: string, json: boolean): Promise<void> {
  const delivery = await client.deliveries.redrive(id);
  if (json) printJson(wireAnswer('deliveries.redrive', delivery));
  else print(`${delivery.id} is ${delivery.state} and due now`);
}

export function redriveCommand(): Command {
  return jobCommand('redrive')
    .argument('[id]', 'one delivery: dlv_…')
    .option('--all', 'redrive every dead letter, without a filter')
    .addHelpText('after', '\nExample:\n  posthorn redrive --endpoint-id ep_… --error-class timeout --rate 50')
    .action(async (id: string | undefined, options: Record<string, unknown>) => {
      const client = clientFrom(options);
      const json = options['json'] === true;
      // The server decides which states can be redriven.
      const filter = jobFilterFrom(options) as RedriveRequest['filter'];
      if (id !== undefined) {
        refuseBeside('an id', options);
        refuseBeside('an id', options, ['all', ...jobOptions]);
        return await redriveOne(client, id, json);
      }
      if (Object.keys(filter).length === 0 && options['all'] !== true)
        throw new CommandError('give a delivery, a filter such as --endpoint-id, or --all', 2);
      const { rate, name, dryRun } = options as { rate?: number; name?: string; dryRun?: boolean };
      const begun = await client.redrives.create({ filter, ratePerS: rate, name, dryRun });
      const job = await watched(begun, async (of) => await client.redrives.get(of));
      if (json) printJson(wireAnswer('redrives.get', job));
      else reportJob(job, 'redrive');
      exitBy(job, 'redrive');
    });
}
