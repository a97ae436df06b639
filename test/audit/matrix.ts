import { wilson } from '../../packages/posthorn/src/domain/statistics.ts';
import { injectable } from './generate/model.ts';
import type { Score } from './score.ts';

const percent = (k: number, n: number): string => (n === 0 ? '–' : `${((100 * k) / n).toFixed(1)}%`);
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const tableOf = (header: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [row(header), row(header.map(() => '---')), ...rows.map(row)].join('\n');
const exact = ({ missed, wrong, error }: Score): boolean =>
  error === null && missed.length === 0 && wrong.length === 0;
const count = (all: readonly Score[], that: (one: Score) => boolean): number => all.filter(that).length;

/** Figures of some of the scores, as the cells of a row. */
function cells(all: readonly Score[]): (string | number)[] {
  const priced = all.filter(({ moneyExact }) => moneyExact !== null);
  return [
    all.length,
    percent(count(all, exact), all.length),
    percent(
      count(all, ({ mainRight }) => mainRight),
      all.length,
    ),
    percent(
      count(priced, ({ moneyExact }) => moneyExact === true),
      priced.length,
    ),
  ];
}
const cellsHeader = ['logs', 'set of lost ids exact', 'main cause right', 'money exact'];

/** Injected cause × main cause named, for logs with one cause and for healthy ones. */
export function confusion(all: readonly Score[]): string {
  const single = all.filter((one) => one.case.kind !== 'mixed');
  const named = [...new Set(single.map((one) => one.named ?? 'none'))];
  const columns = [...injectable, 'unknown', 'none'].filter((cause) => named.includes(cause));
  const rows = [...injectable, null].flatMap((injected) => {
    const own = single.filter((one) => one.case.main === injected);
    if (own.length === 0) return [];
    const per = columns.map((column) => {
      const n = count(own, (one) => (one.named ?? 'none') === column);
      return n === 0 ? '' : column === (injected ?? 'none') ? `**${n}**` : n;
    });
    return [[injected ?? 'nothing (healthy)', ...per]];
  });
  return tableOf(['injected ↓, named →', ...columns.map((column) => `\`${column}\``)], rows);
}

/** All errors, one per line. */
export function faults(all: readonly Score[]): string[] {
  return all.flatMap((one) => {
    const { recipe, format, main, kind } = one.case;
    const fine = exact(one) && one.mainRight && one.allNamed && one.formatRight && one.moneyExact !== false;
    if (fine) return [];
    const words = [
      ...(one.error === null ? [] : [`error: ${one.error}`]),
      ...(one.formatRight || one.error !== null ? [] : [`read as ${one.result!.source.format}`]),
      ...(one.missed.length === 0
        ? []
        : [`${one.missed.length} of ${one.harmed} lost ids missed (${one.missed.slice(0, 2).join(', ')})`]),
      ...(one.wrong.length === 0
        ? []
        : [`${one.wrong.length} ids wrongly called lost (${one.wrong.slice(0, 2).join(', ')})`]),
      ...(one.mainRight ? [] : [`main cause ${one.named ?? 'none'}`]),
      ...(one.allNamed ? [] : ['a cause is not named']),
      ...(one.moneyExact === false ? ['money is not exact'] : []),
    ];
    const what =
      kind === 'healthy'
        ? 'healthy'
        : recipe.causes.map(({ cause, intensity }) => `${cause} ${intensity * 100}%`).join(' + ');
    return [
      `${main === null ? 'healthy' : what}, ${format.name}, ${recipe.world?.name ?? 'plain'}, ${recipe.events} events, seed ${recipe.seed}: ${words.join('; ')}`,
    ];
  });
}

/** The page of the documentation: every figure from this run. */
export function page(all: readonly Score[], command: string, seconds: number): string {
  const single = all.filter((one) => one.case.kind === 'single');
  const mixed = all.filter((one) => one.case.kind === 'mixed');
  const healthy = all.filter((one) => one.case.kind === 'healthy');
  const falseFindings = count(healthy, (one) => one.named !== null || one.wrong.length > 0);
  const falseHigh = wilson(falseFindings, healthy.length)[1];
  const harmed = all.reduce((sum, one) => sum + one.harmed, 0);
  const missed = all.reduce((sum, { missed: ids }) => sum + ids.length, 0);
  const wrong = all.reduce((sum, { wrong: ids }) => sum + ids.length, 0);
  const by = (name: (one: Score) => string): [string, ...(string | number)[]][] =>
    [...Map.groupBy(single, name)].map(([group, own]) => [group, ...cells(own)]);
  const open = faults(all);
  return `# How accurate the audit is

One command writes every figure on this page, from logs whose truth is known:

    ${command}

It generates delivery logs with a healthy service's traffic (busy days, retries that succeed, dead letters that say so), puts causes of loss into them, writes them in the formats of several senders, runs the audit, and compares: the set of lost ids, the main cause, and the money. The same command gives the same logs. This run: ${all.length} logs, ${harmed.toLocaleString('en-US')} lost events, ${Math.round(seconds)} s.

- **Lost ids:** the set was exact in ${percent(count(all, exact), all.length)} of all logs; ${missed.toLocaleString('en-US')} lost ids were missed, ${wrong.toLocaleString('en-US')} ids were wrongly called lost.
- **Main cause:** right in ${percent(
    count(single, ({ mainRight }) => mainRight),
    single.length,
  )} of the logs with one cause, and in ${percent(
    count(mixed, ({ mainRight }) => mainRight),
    mixed.length,
  )} of those with two (both named: ${percent(
    count(mixed, ({ allNamed }) => allNamed),
    mixed.length,
  )}).
- **Healthy logs:** ${falseFindings} of ${healthy.length} had a finding${falseFindings === 0 ? ` (95%: at most ${(falseHigh * 100).toFixed(1)}% would)` : ''}.

## Confusion matrix

Logs with one cause, and healthy ones. A row is what was put in, a column is the main cause that the audit named.

${confusion(all)}

## By intensity and size

The share of events that was harmed, and the events in the log.

${tableOf(
  ['share, events', ...cellsHeader],
  by(
    ({ case: { recipe } }) =>
      `${recipe.causes[0]!.intensity * 100}% of ${recipe.events.toLocaleString('en-US')}`,
  ),
)}

## By format

A log can only show what is written in it: each format gets the causes for which it has fields. Events that were never attempted do not have lines in most formats; these logs come with \`--expected\`, and what receivers lost comes with \`--received\`.

${tableOf(
  ['format', ...cellsHeader],
  by(({ case: { format } }) => format.name),
)}

## By world

The first format once more: other traffic, other schedules, and lines that were lost on their way to the log. What can no longer be known (an event whose lines are missing) is neither right nor wrong.

${tableOf(
  ['world', ...cellsHeader],
  by(({ case: { recipe } }) => recipe.world?.name ?? 'plain'),
)}

## Two causes at once

${tableOf(
  ['causes (three to one)', ...cellsHeader, 'both named'],
  [
    ...Map.groupBy(mixed, ({ case: { recipe } }) =>
      recipe.causes.map(({ cause }) => `\`${cause}\``).join(', '),
    ),
  ].map(([group, own]) => [
    group,
    ...cells(own),
    percent(
      count(own, ({ allNamed }) => allNamed),
      own.length,
    ),
  ]),
)}

## What did not come out right

${open.length === 0 ? 'Nothing in this run.' : open.map((line) => `- ${line}`).join('\n')}

## What this page cannot say

The injected causes follow our understanding; a sender may fail in a way that was not injected. Errors found in logs of these seeds were fixed, so they flatter the audit; \`--seeds 3\` adds new logs. The generator and the audit are by the same authors, so the logs of [the lab](../guides/lab.md), whose losses come from running code and not from a generator, are the second witness. Real logs are messier still.
`;
}
