import { Command } from 'commander';
import { ask, flag, listOf, number, orNull, shapeOf, strangeAnswer, text } from '../answers.ts';
import { everyItem, everything, listed } from '../listing.ts';
import { CommandError, print, printJson, table } from '../output.ts';
import { clientOf, remoteOptions } from '../remote.ts';

interface Listed {
  name: string;
  objective: string;
  target: number;
  window_days: number;
  producer: string | null;
  consumer: string | null;
  template?: string | null;
}

interface Burn {
  rule: string;
  severity: string;
  long: string;
  short: string;
  factor: number;
  rate_long: number;
  rate_short: number;
  firing: boolean;
}

interface Side {
  bad: number;
  sli: number | null;
  error_budget_remaining: number | null;
  burn: Burn[];
  slow_leak: boolean;
}

interface Status extends Listed {
  sli: number | null;
  sli_interval: [number, number];
  good: number;
  total: number;
  by_fault_domain: {
    ours: Side;
    receiver: Side & { endpoints: { endpoint_id: string; bad: number; total: number }[] };
  };
}

const listedShape = {
  name: text,
  objective: text,
  target: number,
  window_days: number,
  producer: orNull(text),
  consumer: orNull(text),
};
const isListed = shapeOf<Listed>(listedShape);
const sideShape = {
  bad: number,
  sli: orNull(number),
  error_budget_remaining: orNull(number),
  burn: listOf(
    shapeOf({
      rule: text,
      long: text,
      short: text,
      factor: number,
      rate_long: number,
      rate_short: number,
      firing: flag,
    }),
  ),
  slow_leak: flag,
};
const isStatus = shapeOf<Status>({
  ...listedShape,
  sli: orNull(number),
  sli_interval: listOf(orNull(number)),
  good: number,
  total: number,
  by_fault_domain: shapeOf({
    ours: shapeOf(sideShape),
    receiver: shapeOf({
      ...sideShape,
      endpoints: listOf(shapeOf({ endpoint_id: text, bad: number, total: number })),
    }),
  }),
});

const share = (value: number | null): string => (value === null ? '–' : `${(100 * value).toFixed(3)} %`);

function sideRow(
  who: string,
  { bad, sli, error_budget_remaining: left, burn, slow_leak }: Side,
): (string | number)[] {
  const firing = [
    ...burn.filter((one) => one.firing).map(({ rule }) => rule),
    ...(slow_leak ? ['slow-leak'] : []),
  ];
  return [
    who,
    bad,
    share(sli),
    left === null ? '–' : `${(100 * left).toFixed(1)} %`,
    firing.join(', ') || 'none',
  ];
}

function statusText(status: Status): string {
  const { name, objective, target, window_days: days, producer, consumer, template } = status;
  const { ours, receiver } = status.by_fault_domain;
  const lines = [
    `${name}: ${objective} ${share(target)} over ${days} days${template === null || template === undefined ? '' : `, by the template ${template}`}`,
    `sent by ${producer ?? 'nobody named'}, received by ${consumer ?? 'nobody named'}`,
    '',
    status.total === 0
      ? 'Nothing has come past its deadline in this window.'
      : `${status.good.toLocaleString('en-US')} of ${status.total.toLocaleString('en-US')} ${objective === 'accounted' ? 'accounted for' : 'in time'}: ${share(status.sli)} (95 %: ${share(status.sli_interval[0])} to ${share(status.sli_interval[1])})`,
    '',
    table(
      ['fault of', 'bad', 'in time', 'budget left', 'firing'],
      [sideRow('the sender', ours), sideRow('the receiver', receiver)],
    ),
  ];
  if (ours.burn.length > 0)
    lines.push(
      '',
      table(
        ['burn rate over', 'fires above', 'sender', 'receiver'],
        ours.burn.map((one, at) => [
          `${one.long} and ${one.short}`,
          String(one.factor),
          `${one.rate_long.toFixed(2)} / ${one.rate_short.toFixed(2)}`,
          `${receiver.burn[at]!.rate_long.toFixed(2)} / ${receiver.burn[at]!.rate_short.toFixed(2)}`,
        ]),
      ),
    );
  if (receiver.endpoints.length > 0)
    lines.push(
      '',
      table(
        ['endpoint', 'bad', 'of'],
        receiver.endpoints.map(({ endpoint_id: id, bad, total }) => [id, bad, total]),
      ),
    );
  return lines.join('\n');
}

export function sloListCommand(): Command {
  return remoteOptions(new Command('list'))
    .description('the objectives that are watched, those of templates among them')
    .addHelpText('after', '\nExample:\n  posthorn slo list --json')
    .action(async (options: Record<string, unknown>) => {
      const items = await everyItem(clientOf(options), '/v1/slos', isListed);
      if (options['json'] === true) return printJson({ items });
      if (items.length === 0)
        return print('There are no objectives. Declare some under slos: and run posthorn apply.');
      print(
        table(
          ['objective', 'what', 'target', 'days', 'sent by', 'received by', 'template'],
          items.map((one) => [
            one.name,
            one.objective,
            share(one.target),
            one.window_days,
            one.producer ?? '',
            one.consumer ?? '',
            one.template ?? '',
          ]),
        ),
      );
    });
}

export function sloStatusCommand(): Command {
  return remoteOptions(new Command('status'))
    .description(
      'how an objective stands, and whose fault it is; exit code 1 where a budget is overspent or an alert fires',
    )
    .argument('<name>', 'its name, or the id of an endpoint whose template has one')
    .addHelpText('after', '\nExample:\n  posthorn slo status payments')
    .action(async (name: string, options: Record<string, unknown>) => {
      const status = await ask(
        clientOf(options),
        isStatus,
        'GET',
        `/v1/slos/${encodeURIComponent(name)}/status`,
      );
      if (options['json'] === true) printJson(status);
      else print(statusText(status));
      const { ours, receiver } = status.by_fault_domain;
      const broken = [ours, receiver].some(
        (side) =>
          (side.error_budget_remaining ?? 1) < 0 || side.slow_leak || side.burn.some(({ firing }) => firing),
      );
      if (broken) process.exitCode = 1;
    });
}

interface Conformance {
  total: number;
  conforming: number;
  items: { kind: string; id: string; tenant: string | null; missing: string[] }[];
}

const isMissing = shapeOf<Conformance['items'][number]>({
  kind: text,
  id: text,
  tenant: orNull(text),
  missing: listOf(text),
});
const isConformance = shapeOf<Conformance>({ total: number, conforming: number });

export function conformanceCommand(): Command {
  return remoteOptions(new Command('conformance'))
    .option('--kind <kind>', 'endpoint or event_type')
    .addHelpText('after', '\nExample:\n  posthorn conformance --kind endpoint')
    .action(async (options: Record<string, unknown>) => {
      const kind = options['kind'];
      if (kind !== undefined && kind !== 'endpoint' && kind !== 'event_type')
        throw new CommandError('--kind takes endpoint or event_type', 2);
      const all = await listed(clientOf(options), '/v1/conformance', {}, everything, isMissing);
      if (!isConformance(all.answer)) throw strangeAnswer('GET', '/v1/conformance');
      const { answer } = all;
      const items = all.items.filter((item) => kind === undefined || item.kind === kind);
      if (options['json'] === true) printJson({ ...answer, items });
      else if (items.length === 0) print(`All ${answer.total.toLocaleString('en-US')} conform.`);
      else
        print(
          `${table(
            ['what', 'name', 'tenant', 'misses'],
            items.map(({ kind: what, id, tenant, missing }) => [
              what.replace('_', ' '),
              id,
              tenant ?? '',
              missing.join(', '),
            ]),
          )}\n\n${answer.conforming} of ${answer.total} conform.`,
        );
      if (items.length > 0) process.exitCode = 1;
    });
}
