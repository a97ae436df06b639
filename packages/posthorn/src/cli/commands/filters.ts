import { Command } from 'commander';
import type { FilterOutcome } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { jsonArgument } from '../json-argument.ts';
import { print, printJson } from '../output.ts';
import { clientFrom, integerBetween, type RemoteOptions, remoteOptions } from '../remote.ts';

interface DryRunOptions extends RemoteOptions {
  readonly tenant?: string;
  readonly eventTypes?: string;
  readonly last?: number;
  readonly json?: true;
}

export function filtersCommand(): Command {
  const dryRun = remoteOptions(new Command('dry-run'))
    .description("Show how many of a tenant's newest events would pass a filter")
    .argument('<filter>', 'the filter as JSON', jsonArgument)
    .option('--tenant <tenant>', 'tenant of the events (default: default)')
    .option('--event-types <types>', 'only events of these types, comma-separated')
    .option('--last <events>', 'number of newest events to try (default: 100)', integerBetween(1, 1000))
    .addHelpText(
      'after',
      `\nExample:\n  posthorn filters dry-run '{"/object/amount": {"gte": 1000}}' --last 500`,
    )
    .action(async (filter: Record<string, never>, options: DryRunOptions) => {
      const { tenant, eventTypes, last, json } = options;
      const types = eventTypes?.split(',');
      const answer = await clientFrom(options).filters.dryRun({ filter, tenant, eventTypes: types, last });
      if (json === true) printJson(wireAnswer('filters.dryRun', answer));
      else print(described(answer));
    });
  return new Command('filters')
    .description('Try endpoint filters')
    .addHelpText(
      'after',
      `\nExample:\n  posthorn filters dry-run '{"/object/currency": {"in": ["eur", "usd"]}}' --json`,
    )
    .addCommand(dryRun);
}

function described({ examined, passed, passedIds, failedIds, oldestAt, complete }: FilterOutcome): string {
  if (examined === 0)
    return 'No such events to try it on. Publish some, or change --event-types or --tenant.';
  const since = oldestAt === null ? '' : `, the oldest from ${oldestAt}`;
  return [
    `${passed} of ${examined} events pass${since}${complete ? '' : ' (older events were not read)'}`,
    ...(passedIds.length > 0 ? [`pass: ${passedIds.join(', ')}`] : []),
    ...(failedIds.length > 0 ? [`do not pass: ${failedIds.join(', ')}`] : []),
  ].join('\n');
}
