import { Command } from 'commander';
import type { SloStatus } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { everyItem, everything, listed } from '../listing.ts';
import { CommandError, print, printJson, table } from '../output.ts';
import { clientFrom, remoteOptions } from '../remote.ts';

type Side = SloStatus['sides']['sender'];

const share = (value: number | null): string => (value === null ? '–' : `${(100 * value).toFixed(3)}%`);

function sideRow(
  who: string,
  { bad, sli, budgetRemaining: left, burn, slowLeak }: Side,
): (string | number)[] {
  const firing = [
    ...burn.filter((one) => one.firing).map(({ rule }) => rule),
    ...(slowLeak ? ['slow-leak'] : []),
  ];
  return [
    who,
    bad,
    share(sli),
    left === null ? '–' : `${(100 * left).toFixed(1)}%`,
    firing.join(', ') || 'none',
  ];
}

function statusText(status: SloStatus): string {
  const { name, objective, target, windowDays: days, template } = status;
  const { sender, receiver } = status.sides;
  const lines = [
    `${name}: ${objective} ${share(target)} over ${days} days${template === null ? '' : `, from the template ${template}`}`,
    `sent by ${sender.team ?? 'no named team'}, received by ${receiver.team ?? 'no named team'}`,
    '',
    status.total === 0
      ? 'No delivery has passed its deadline in this window.'
      : `${status.kept ? 'Kept' : 'Not kept'}: ${status.good.toLocaleString('en-US')} of ${status.total.toLocaleString('en-US')} ${objective === 'accounted' ? 'accounted for' : 'in time'}, ${share(status.sli)} (95%: ${share(status.sliInterval[0])} to ${share(status.sliInterval[1])})`,
    '',
    table(
      ['fault of', 'bad', 'in time', 'budget left', 'firing'],
      [sideRow('the sender', sender), sideRow('the receiver', receiver)],
    ),
  ];
  if (sender.burn.length > 0)
    lines.push(
      '',
      table(
        ['burn rate over', 'fires above', 'sender', 'receiver'],
        sender.burn.map((one, at) => [
          `${one.long} and ${one.short}`,
          String(one.factor),
          `${one.rateLong.toFixed(2)} / ${one.rateShort.toFixed(2)}`,
          `${receiver.burn[at]!.rateLong.toFixed(2)} / ${receiver.burn[at]!.rateShort.toFixed(2)}`,
        ]),
      ),
    );
  const worst = [...endpointRows('the sender', sender), ...endpointRows('the receiver', receiver)];
  if (worst.length > 0) lines.push('', table(['endpoint', 'fault of', 'bad', 'of'], worst));
  return lines.join('\n');
}

function endpointRows(who: string, { endpoints }: Side): (string | number)[][] {
  return endpoints.map(({ endpointId: id, bad, total }) => [id, who, bad, total]);
}

export function sloListCommand(): Command {
  return remoteOptions(new Command('list'))
    .description('List the evaluated objectives, including those of templates')
    .addHelpText('after', '\nExample:\n  posthorn slo list --json')
    .action(async (options: Record<string, unknown>) => {
      const client = clientFrom(options);
      const items = await everyItem((page) => client.slos.list(page));
      if (options['json'] === true) return printJson(wireAnswer('slos.list', { items }));
      if (items.length === 0) return print('No objectives. Declare some under slos: and run posthorn apply.');
      print(
        table(
          ['objective', 'what', 'target', 'days', 'sent by', 'received by', 'template'],
          items.map((one) => [
            one.name,
            one.objective,
            share(one.target),
            one.windowDays,
            one.producer ?? '',
            one.consumer ?? '',
            'template' in one ? one.template : '',
          ]),
        ),
      );
    });
}

export function sloStatusCommand(): Command {
  return remoteOptions(new Command('status'))
    .description(
      'Show the status of an objective by side (exit code 1: not kept, a budget is overspent, or an alert fires)',
    )
    .argument('<name>', 'name of the objective, or id of an endpoint whose template sets one')
    .addHelpText('after', '\nExample:\n  posthorn slo status payments')
    .action(async (name: string, options: Record<string, unknown>) => {
      const status = await clientFrom(options).slos.status(name);
      if (options['json'] === true) printJson(wireAnswer('slos.status', status));
      else print(statusText(status));
      const { sender, receiver } = status.sides;
      const broken = [sender, receiver].some(
        (side) => (side.budgetRemaining ?? 1) < 0 || side.slowLeak || side.burn.some(({ firing }) => firing),
      );
      if (broken || !status.kept) process.exitCode = 1;
    });
}

export function conformanceCommand(): Command {
  return remoteOptions(new Command('conformance'))
    .option('--kind <kind>', 'only this kind: endpoint or event_type')
    .addHelpText('after', '\nExample:\n  posthorn conformance --kind endpoint')
    .action(async (options: Record<string, unknown>) => {
      const kind = options['kind'];
      if (kind !== undefined && kind !== 'endpoint' && kind !== 'event_type')
        throw new CommandError('--kind takes endpoint or event_type', 2);
      const client = clientFrom(options);
      const { answer } = await listed((page) => client.conformance.get(page), everything);
      const items = answer.items.filter((item) => kind === undefined || item.kind === kind);
      if (options['json'] === true) printJson(wireAnswer('conformance.get', { ...answer, items }));
      else if (items.length === 0) print(`All ${answer.total.toLocaleString('en-US')} conform.`);
      else
        print(
          `${table(
            ['what', 'name', 'tenant', 'misses'],
            items.map(({ kind: what, id, tenant, owner, missing }) => [
              what.replace('_', ' '),
              id,
              tenant ?? '',
              missing
                .map((one) => (one === 'owner' && owner !== null ? `owner (no team ${owner})` : one))
                .join(', '),
            ]),
          )}\n\n${answer.conforming} of ${answer.total} conform.`,
        );
      if (items.length > 0) process.exitCode = 1;
    });
}
