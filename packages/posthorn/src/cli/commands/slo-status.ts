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
  team: string | null;
  bad: number;
  sli: number | null;
  budget_remaining: number | null;
  burn: Burn[];
  slow_leak: boolean;
  endpoints: { endpoint_id: string; bad: number; total: number }[];
}

interface Status {
  name: string;
  objective: string;
  target: number;
  window_days: number;
  template: string | null;
  kept: boolean;
  sli: number | null;
  sli_interval: [number, number];
  good: number;
  total: number;
  sides: { sender: Side; receiver: Side };
}

const headShape = { name: text, objective: text, target: number, window_days: number };
const isListed = shapeOf<Listed>({ ...headShape, producer: orNull(text), consumer: orNull(text) });
const sideShape = {
  team: orNull(text),
  bad: number,
  sli: orNull(number),
  budget_remaining: orNull(number),
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
  endpoints: listOf(shapeOf({ endpoint_id: text, bad: number, total: number })),
};
const isStatus = shapeOf<Status>({
  ...headShape,
  template: orNull(text),
  kept: flag,
  sli: orNull(number),
  sli_interval: listOf(orNull(number)),
  good: number,
  total: number,
  sides: shapeOf({ sender: shapeOf(sideShape), receiver: shapeOf(sideShape) }),
});

const share = (value: number | null): string => (value === null ? '–' : `${(100 * value).toFixed(3)}%`);

function sideRow(
  who: string,
  { bad, sli, budget_remaining: left, burn, slow_leak }: Side,
): (string | number)[] {
  const firing = [
    ...burn.filter((one) => one.firing).map(({ rule }) => rule),
    ...(slow_leak ? ['slow-leak'] : []),
  ];
  return [
    who,
    bad,
    share(sli),
    left === null ? '–' : `${(100 * left).toFixed(1)}%`,
    firing.join(', ') || 'none',
  ];
}

function statusText(status: Status): string {
  const { name, objective, target, window_days: days, template } = status;
  const { sender, receiver } = status.sides;
  const lines = [
    `${name}: ${objective} ${share(target)} over ${days} days${template === null ? '' : `, from the template ${template}`}`,
    `sent by ${sender.team ?? 'no named team'}, received by ${receiver.team ?? 'no named team'}`,
    '',
    status.total === 0
      ? 'No delivery has passed its deadline in this window.'
      : `${status.kept ? 'Kept' : 'Not kept'}: ${status.good.toLocaleString('en-US')} of ${status.total.toLocaleString('en-US')} ${objective === 'accounted' ? 'accounted for' : 'in time'}, ${share(status.sli)} (95%: ${share(status.sli_interval[0])} to ${share(status.sli_interval[1])})`,
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
          `${one.rate_long.toFixed(2)} / ${one.rate_short.toFixed(2)}`,
          `${receiver.burn[at]!.rate_long.toFixed(2)} / ${receiver.burn[at]!.rate_short.toFixed(2)}`,
        ]),
      ),
    );
  const worst = [...endpointRows('the sender', sender), ...endpointRows('the receiver', receiver)];
  if (worst.length > 0) lines.push('', table(['endpoint', 'fault of', 'bad', 'of'], worst));
  return lines.join('\n');
}

function endpointRows(who: string, { endpoints }: Side): (string | number)[][] {
  return endpoints.map(({ endpoint_id: id, bad, total }) => [id, who, bad, total]);
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
      'Show the status of an objective by side (exit code 1: not kept, a budget is overspent, or an alert fires)',
    )
    .argument('<name>', 'its name, or the id of an endpoint whose template states one')
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
      const { sender, receiver } = status.sides;
      const broken = [sender, receiver].some(
        (side) =>
          (side.budget_remaining ?? 1) < 0 || side.slow_leak || side.burn.some(({ firing }) => firing),
      );
      if (broken || !status.kept) process.exitCode = 1;
    });
}

interface Conformance {
  total: number;
  conforming: number;
  items: { kind: string; id: string; tenant: string | null; owner: string | null; missing: string[] }[];
}

const isMissing = shapeOf<Conformance['items'][number]>({
  kind: text,
  id: text,
  tenant: orNull(text),
  owner: orNull(text),
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
