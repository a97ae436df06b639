import { Command } from 'commander';
import { ask } from '../answers.ts';
import { listed, listOptions } from '../listing.ts';
import { CommandError, print, printJson, table } from '../output.ts';
import { clientOf, numberBetween, remoteOptions } from '../remote.ts';
import { isRedrive, type Redrive, skippedNote } from './redrive.ts';

function line(job: Redrive): string {
  if (job.dry_run) return `${job.id} was a dry run: ${job.matched} matched${skippedNote(job)}`;
  const rate = job.rate_per_s === null ? '' : ` at ${job.rate_per_s} per second`;
  const name = job.name === null ? '' : ` (${job.name})`;
  return `${job.id}${name} is ${job.state}: ${job.redriven} of ${job.matched} redriven${rate}${skippedNote(job)}`;
}

/** A command about one redrive, by its id. */
function one(
  name: string,
  description: string,
  call: (
    id: string,
    options: Record<string, unknown>,
  ) => readonly ['GET' | 'PATCH' | 'POST', string, object?],
): Command {
  return remoteOptions(new Command(name))
    .description(description)
    .argument('<id>', 'a redrive: rdr_…')
    .addHelpText('after', `\nExample:\n  posthorn redrives ${name} rdr_…`)
    .action(async (id: string, options: Record<string, unknown>) => {
      const [method, path, body] = call(encodeURIComponent(id), options);
      const job = await ask(clientOf(options), isRedrive, method, path, body);
      if (options['json'] === true) printJson(job);
      else print(line(job));
    });
}

export function redrivesCommand(): Command {
  const list = listOptions(remoteOptions(new Command('list')))
    .description('List redrives, newest first')
    .addHelpText('after', '\nExample:\n  posthorn redrives list')
    .action(async (options: Record<string, unknown>) => {
      const page = await listed(clientOf(options), '/v1/redrives', {}, options, isRedrive);
      if (options['json'] === true) return printJson(page.answer);
      print(
        table(
          ['redrive', 'name', 'state', 'matched', 'redriven', 'skipped', 'per second', 'created'],
          page.items.map((job) => [
            job.id,
            job.name ?? '',
            job.dry_run ? 'dry run' : job.state,
            job.matched,
            job.redriven,
            job.skipped,
            String(job.rate_per_s ?? ''),
            job.created_at,
          ]),
        ),
      );
      page.noteMore();
    });
  const change = one('change', 'Change the rate or the name of a redrive', (id, options) => {
    const { rate, name } = options;
    if (rate === undefined && name === undefined) throw new CommandError('give --rate, --name or both', 2);
    const body = {
      ...(rate === undefined ? {} : { rate_per_s: rate }),
      ...(name === undefined ? {} : { name }),
    };
    return ['PATCH', `/v1/redrives/${id}`, body];
  })
    .option('--rate <per second>', 'at most so many a second', numberBetween(0.001, 100_000))
    .option('--name <name>', 'what it is for');
  return new Command('redrives')
    .addHelpText('after', '\nExamples:\n  posthorn redrives list --json\n  posthorn redrives stop rdr_…')
    .addCommand(list, { isDefault: true })
    .addCommand(one('get', 'Show how far a redrive is', (id) => ['GET', `/v1/redrives/${id}`]))
    .addCommand(one('stop', 'Stop a redrive', (id) => ['POST', `/v1/redrives/${id}/stop`]))
    .addCommand(change);
}
