import { Command } from 'commander';
import type { Client } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { type Job, jobColumns, jobLine, jobRow } from '../bulk.ts';
import { addDefaultList, listed, listOptions } from '../listing.ts';
import { CommandError, print, printJson, table } from '../output.ts';
import { clientFrom, numberBetween, remoteOptions } from '../remote.ts';

type Resource = 'redrives' | 'replays';

/** A command about one job, by its id. */
function one(
  resource: Resource,
  name: string,
  description: string,
  call: (client: Client, id: string, options: Record<string, unknown>) => Promise<Job>,
): Command {
  const id = resource === 'redrives' ? 'rdr_…' : 'rpl_…';
  const example = name === 'change' ? `${id} --rate 20` : id;
  return remoteOptions(new Command(name))
    .description(description)
    .argument('<id>', `id of the job: ${id}`)
    .addHelpText('after', `\nExample:\n  posthorn ${resource} ${name} ${example}`)
    .action(async (job: string, options: Record<string, unknown>) => {
      const shown = await call(clientFrom(options), job, options);
      if (options['json'] === true) printJson(wireAnswer(`${resource}.get`, shown));
      else print(jobLine(shown));
    });
}

function jobsCommand(resource: Resource): Command {
  const what = resource === 'redrives' ? 'a redrive' : 'a replay';
  const list = listOptions(remoteOptions(new Command('list')))
    .description(`List ${resource}, newest first`)
    .addHelpText('after', `\nExample:\n  posthorn ${resource} list`)
    .action(async (options: Record<string, unknown>) => {
      const client = clientFrom(options);
      const page =
        resource === 'redrives'
          ? await listed((part) => client.redrives.list(part), options)
          : await listed((part) => client.replays.list(part), options);
      if (options['json'] === true) return printJson(wireAnswer(`${resource}.list`, page.answer));
      if (page.items.length === 0) return print(`No bulk ${resource}.`);
      print(table(jobColumns, page.items.map(jobRow)));
      page.noteMore();
    });
  const change = one(resource, 'change', `Change the rate or the name of ${what}`, (client, id, options) => {
    const { rate, name } = options as { readonly rate?: number; readonly name?: string };
    if (rate === undefined && name === undefined) throw new CommandError('give --rate, --name or both', 2);
    return client[resource].update(id, { ratePerS: rate, name });
  })
    .option('--rate <per second>', 'maximum rate (default: no limit)', numberBetween(0.001, 100_000))
    .option('--name <name>', 'name of the job');
  const example = resource === 'redrives' ? 'rdr_…' : 'rpl_…';
  const group = new Command(resource).addHelpText(
    'after',
    `\nExamples:\n  posthorn ${resource} list --json\n  posthorn ${resource} stop ${example}`,
  );
  return addDefaultList(group, list)
    .addCommand(
      one(resource, 'get', `Show the progress of ${what}`, (client, id) => client[resource].get(id)),
    )
    .addCommand(one(resource, 'stop', `Stop ${what}`, (client, id) => client[resource].stop(id)))
    .addCommand(change);
}

export const redrivesCommand = (): Command => jobsCommand('redrives');
export const replaysCommand = (): Command => jobsCommand('replays');
