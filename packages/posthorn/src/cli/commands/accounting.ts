import { Command, Option } from 'commander';
import type { Accounting, AccountingGetInput } from '@posthorn/client';
import { percent } from '../../report/figures.ts';
import { printable } from '../../domain/printable.ts';
import { amountsText } from '../amounts.ts';
import { wireAnswer } from '../answers.ts';
import { CommandError, print, printJson, table } from '../output.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';
import { apiTime } from '../time-argument.ts';
import { valueList } from '../value-list.ts';
import { watchOption, watched } from '../watch.ts';

const keys = ['endpoint', 'event_type', 'owner', 'tenant', 'hour', 'day'] as const;
type Key = (typeof keys)[number];
type Group = NonNullable<Accounting['groups']>[number];

const groupName = (group: Group): string =>
  group.endpoint ?? group.eventType ?? group.tenant ?? group.hour ?? group.day ?? group.owner ?? 'no owner';

function printAccounting(given: Accounting, by: Key | undefined): void {
  const counted = printable(given);
  const { since, until, resolution } = counted.window;
  print(
    `Accepted ${since === null ? '' : `from ${since} `}${until === null ? 'until now' : `to ${until}`}, counted by the ${resolution}.`,
  );
  print();
  print(
    table(
      ['accepted', 'delivered', 'pending', 'dead', 'cancelled', 'suppressed', 'unaccounted'],
      [
        [
          counted.accepted,
          counted.delivered,
          counted.pending,
          counted.dead,
          counted.cancelled,
          counted.suppressed,
          counted.unaccounted,
        ],
      ],
    ),
  );
  print();
  print(
    `${counted.events.toLocaleString('en-US')} events, ${counted.unmatched.toLocaleString('en-US')} of them matched no endpoint; ` +
      `drop rate ${percent(counted.dropRate)}; ${counted.late.toLocaleString('en-US')} late`,
  );
  if (counted.valueAtRisk.length > 0) print(`At risk: ${amountsText(counted.valueAtRisk)}`);
  if (by === undefined || counted.groups === undefined) return;
  print();
  print(
    table(
      [by.replace('_', ' '), 'accepted', 'delivered', 'dead', 'cancelled', 'suppressed', 'drop rate'],
      counted.groups.map((group) => [
        groupName(group),
        group.accepted,
        group.delivered,
        group.dead,
        group.cancelled,
        group.suppressed,
        percent(group.dropRate),
      ]),
    ),
  );
}

export function accountingCommand(): Command {
  return watchOption(remoteOptions(new Command('accounting')))
    .option('--tenant <tenants>', 'only these tenants, comma-separated', valueList)
    .option('--endpoint-id <ids>', 'only these endpoints', valueList)
    .option('--event-type <types>', 'only these types', valueList)
    .option('--owner <teams>', 'only endpoints that these teams own', valueList)
    .option('--since <time>', 'accepted at or after this time: 24h (ago), yesterday, 2026-01-31, …', apiTime)
    .option('--until <time>', 'accepted before this time', apiTime)
    .addOption(new Option('--by <key>', 'add groups by this field').choices([...keys]))
    .addHelpText('after', '\nExample:\n  posthorn accounting --since yesterday --by owner')
    .action(
      async (
        options: RemoteOptions &
          Pick<AccountingGetInput, 'by'> & {
            readonly json?: boolean;
            readonly tenant?: readonly string[];
            readonly endpointId?: readonly string[];
            readonly eventType?: readonly string[];
            readonly owner?: readonly string[];
            readonly since?: string;
            readonly until?: string;
            readonly watch?: number | true;
          },
      ) => {
        const { tenant, endpointId, eventType, owner, since, until, by } = options;
        const client = clientFrom(options);
        await watched(options.watch, async () => {
          const counted = await client.accounting.get({
            tenant,
            endpointId,
            eventType,
            owner,
            since,
            until,
            by,
          });
          if (counted.unaccounted !== 0) process.exitCode = 1;
          if (options.json === true) printJson(wireAnswer('accounting.get', counted));
          else printAccounting(counted, by);
          if ((counted.nextCursor ?? null) !== null)
            throw new CommandError(
              'there are more groups than one answer holds: narrow the window, or use a filter',
            );
        });
      },
    );
}
