import { Command } from 'commander';
import type { Client, Redrive } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { addDefaultList, listed, listOptions } from '../listing.ts';
import { CommandError, print, printJson, table } from '../output.ts';
import { clientOf, numberBetween, remoteOptions } from '../remote.ts';
import { skippedNote } from './redrive.ts';

function line(job: Redrive): string {
  if (job.dryRun) return `${job.id} was a dry run: ${job.matched} matched${skippedNote(job)}`;
  const rate = job.ratePerS === null ? '' : ` at ${job.ratePerS} per second`;
  const name = job.name === null ? '' : ` (${job.name})`;
  return `${job.id}${name} is ${job.state}: ${job.redriven} of ${job.matched} redriven${rate}${skippedNote(job)}`;
}

/** A command about one redrive, by its id. */
function one(
  name: string,
  description: string,
  call: (client: Client, id: string, options: Record<string, unknown>) => Promise<Redrive>,
): Command {
  return remoteOptions(new Command(name))
    .description(description)
    .argument('<id>', 'a redrive: rdr_…')
    .addHelpText('after', `\nExample:\n  posthorn redrives ${name} rdr_…`)
    .action(async (id: string, options: Record<string, unknown>) => {
      const job = await call(clientOf(options), id, options);
      if (options['json'] === true) printJson(wireAnswer('redrives.get', job));
      else print(line(job));
    });
}

export function redrivesCommand(): Command {
  const list = listOptions(remoteOptions(new Command('list')))
    .description('List redrives, newest first')
    .addHelpText('after', '\nExample:\n  posthorn redrives list')
    .action(async (options: Record<string, unknown>) => {
      const client = clientOf(options);
      const page = await listed((part) => client.redrives.list(part), options);
      if (options['json'] === true) return printJson(wireAnswer('redrives.list', page.answer));
      if (page.items.length === 0) return print('There are no redrives in bulk.');
      print(
        table(
          ['redrive', 'name', 'state', 'matched', 'redriven', 'skipped', 'per second', 'created'],
          page.items.map((job) => [
            job.id,
            job.name ?? '',
            job.dryRun ? 'dry run' : job.state,
            job.matched,
            job.redriven,
            job.skipped,
            String(job.ratePerS ?? ''),
            job.createdAt,
          ]),
        ),
      );
      page.noteMore();
    });
  const change = one('change', 'Change the rate or the name of a redrive', (client, id, options) => {
    const { rate, name } = options as { readonly rate?: number; readonly name?: string };
    if (rate === undefined && name === undefined) throw new CommandError('give --rate, --name or both', 2);
    return client.redrives.update(id, { ratePerS: rate, name });
  })
    .option('--rate <per second>', 'at most so many a second', numberBetween(0.001, 100_000))
    .option('--name <name>', 'what it is for');
  const group = new Command('redrives').addHelpText(
    'after',
    '\nExamples:\n  posthorn redrives list --json\n  posthorn redrives stop rdr_…',
  );
  return addDefaultList(group, list)
    .addCommand(one('get', 'Show how far a redrive is', (client, id) => client.redrives.get(id)))
    .addCommand(one('stop', 'Stop a redrive', (client, id) => client.redrives.stop(id)))
    .addCommand(change);
}
