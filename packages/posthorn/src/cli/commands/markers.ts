import { Command, InvalidArgumentError, Option } from 'commander';
import type { Marker } from '@posthorn/client';
import { markerKinds } from '../../domain/marker.ts';
import { wireAnswer } from '../answers.ts';
import { addDefaultList, listed, listOptions } from '../listing.ts';
import { print, printJson, table } from '../output.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';

type Options = RemoteOptions & { readonly json?: boolean };

function printMarkers(markers: readonly Marker[]): void {
  print(
    table(
      ['at', 'kind', 'label', 'by', 'url', 'marker'],
      markers.map(({ at, kind, label, by, url, id }) => [at, kind, label, by, url ?? '', id]),
    ),
  );
}

function timeFrom(text: string): string {
  const at = Date.parse(text);
  if (!Number.isFinite(at)) throw new InvalidArgumentError('takes a time, such as 2026-11-09T14:05Z');
  return new Date(at).toISOString();
}

function listCommand(): Command {
  return listOptions(remoteOptions(new Command('list')))
    .description('List markers, newest first')
    .option('--since <time>', 'at or after this time', timeFrom)
    .option('--until <time>', 'before this time', timeFrom)
    .addOption(
      new Option('--automatic <which>', 'only markers that Posthorn created, or only the others').choices([
        'true',
        'false',
      ]),
    )
    .addHelpText('after', '\nExample:\n  posthorn markers list --since 2026-11-01T00:00Z')
    .action(
      async ({
        since,
        until,
        automatic,
        ...options
      }: Options & {
        readonly since?: string;
        readonly until?: string;
        readonly automatic?: 'true' | 'false';
        readonly limit?: number;
        readonly cursor?: string;
      }) => {
        const client = clientFrom(options);
        const page = await listed(
          (part) => client.markers.list({ since, until, automatic, ...part }),
          options,
        );
        if (options.json === true) return printJson(wireAnswer('markers.list', page.answer));
        if (page.items.length === 0) print('No markers. Create one with posthorn markers create.');
        else printMarkers(page.items);
        page.noteMore();
      },
    );
}

function createCommand(): Command {
  return remoteOptions(new Command('create'))
    .description('Create a marker for a moment, such as a deploy')
    .argument('<label>', 'a few words, shown in charts')
    .option('--at <time>', 'when it was (default: now)', timeFrom)
    .addOption(new Option('--kind <kind>', 'what it is').choices(markerKinds).default('deploy'))
    .option('--link <url>', 'a link to more information')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn markers create "orders 4.12.0" --link https://ci.example/releases/4.12.0',
    )
    .action(
      async (
        label: string,
        {
          at,
          kind,
          link,
          ...options
        }: Options & { readonly at?: string; readonly kind: Marker['kind']; readonly link?: string },
      ) => {
        const marker = await clientFrom(options).markers.create({ label, at, kind, url: link });
        if (options.json === true) printJson(wireAnswer('markers.create', marker));
        else printMarkers([marker]);
      },
    );
}

function deleteCommand(): Command {
  return remoteOptions(new Command('delete'))
    .description('Delete a marker')
    .argument('<id>', 'id of the marker')
    .addHelpText('after', '\nExample:\n  posthorn markers delete mrk_01jd8z2m9k4x7v0q5t3n6w8y1a')
    .action(async (id: string, options: Options) => {
      await clientFrom(options).markers.delete(id);
      if (options.json === true) printJson({ deleted: id });
      else print(`deleted ${id}`);
    });
}

export function markersCommand(): Command {
  const group = new Command('markers').addHelpText(
    'after',
    '\nExamples:\n  posthorn markers list --json\n  posthorn markers create "orders 4.12.0"',
  );
  return addDefaultList(group, listCommand()).addCommand(createCommand()).addCommand(deleteCommand());
}
