import { Command } from 'commander';
import { CommandError, print, progress } from '../output.ts';
import { clientOf, remoteOptions } from '../remote.ts';
import { filterOf, filterOptions } from './deliveries.ts';

interface Redrive {
  id: string;
  matched: number;
  redriven: number;
  state: string;
}

export function redriveCommand(): Command {
  return filterOptions(remoteOptions(new Command('redrive')))
    .argument('[id]', 'one delivery: dlv_…')
    .option('--all', 'every dead letter, where no filter is given')
    .option('--rate <per second>', 'at most so many a second')
    .option('--dry-run', 'only count what matches')
    .addHelpText('after', '\nExample:\n  posthorn redrive --endpoint-id ep_… --error-class timeout --rate 50')
    .action(async (id: string | undefined, options: Record<string, unknown>) => {
      const client = clientOf(options);
      if (id !== undefined) {
        const delivery = await client.request<{ id: string; state: string }>(
          'POST',
          `/v1/deliveries/${encodeURIComponent(id)}/redrive`,
        );
        return print(
          options['json'] === true
            ? JSON.stringify(delivery)
            : `${delivery.id} is ${delivery.state} and due now`,
        );
      }
      const filter = filterOf(options);
      if (Object.keys(filter).length === 0 && options['all'] !== true) {
        throw new CommandError('give a delivery, a filter such as --endpoint-id, or --all', 2);
      }
      const rate = options['rate'] === undefined ? undefined : Number(options['rate']);
      if (rate !== undefined && !(rate > 0)) throw new CommandError('--rate takes a number above 0', 2);
      let job = await client.request<Redrive>('POST', '/v1/redrives', {
        filter,
        ...(rate === undefined ? {} : { rate_per_s: rate }),
        dry_run: options['dryRun'] === true,
      });
      const bar = progress(job.matched);
      while (job.state === 'running') {
        await new Promise((resolve) => setTimeout(resolve, 200));
        job = await client.request<Redrive>('GET', `/v1/redrives/${job.id}`);
        bar.at(job.redriven, 'redriven');
      }
      bar.end();
      if (options['json'] === true) print(JSON.stringify(job));
      else if (options['dryRun'] === true) print(`${job.matched} deliveries match; nothing was changed`);
      else print(`${job.redriven} of ${job.matched} deliveries are pending again (redrive ${job.id})`);
    });
}
