import { wilson } from '../../packages/posthorn/src/domain/statistics.ts';
import { injectable } from './generate/model.ts';
import type { Score } from './score.ts';

const percent = (k: number, n: number): string => (n === 0 ? '–' : `${((100 * k) / n).toFixed(1)}%`);
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const tableOf = (header: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [row(header), row(header.map(() => '---')), ...rows.map(row)].join('\n');
const exact = ({ outcome }: Score): boolean => outcome === 'exact';
/** The log cannot show the truth: the audit says so, refuses it, or at least calls nothing lost that is not. */
const abstains = ({ outcome, wrong }: Score): boolean =>
  outcome === 'cannot_tell' || outcome === 'refused' || wrong.length === 0;
const showsTruth = (one: Score): boolean => one.case.expects === 'truth';
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

/** What the audit said of a log, in one word. */
const saidOf = (one: Score): string =>
  one.outcome === 'cannot_tell'
    ? 'cannot tell'
    : one.outcome === 'refused'
      ? 'refused'
      : (one.named ?? 'none');

/** Injected cause × main cause named, for logs with one cause and for healthy ones; last those whose truth cannot be determined. */
export function confusion(all: readonly Score[]): string {
  const single = all.filter((one) => one.case.kind !== 'mixed');
  const said = new Set(single.map(saidOf));
  const columns = [...injectable, 'unknown', 'none', 'cannot tell', 'refused'].filter((one) => said.has(one));
  const rowOf = (name: string, own: readonly Score[], right: readonly string[]): (string | number)[][] =>
    own.length === 0
      ? []
      : [
          [
            name,
            ...columns.map((column) => {
              const n = count(own, (one) => saidOf(one) === column);
              return n === 0 ? '' : right.includes(column) ? `**${n}**` : n;
            }),
          ],
        ];
  const knowable = single.filter(showsTruth);
  return tableOf(
    ['injected ↓, named →', ...columns.map((column) => `\`${column}\``)],
    [
      ...[...injectable, null].flatMap((cause) =>
        rowOf(
          cause ?? 'nothing (healthy)',
          knowable.filter((one) => one.case.main === cause),
          [cause ?? 'none'],
        ),
      ),
      ...rowOf(
        'no one can tell',
        single.filter((one) => !showsTruth(one)),
        ['cannot tell', 'refused'],
      ),
    ],
  );
}

/** All errors, one per line. */
export function faults(all: readonly Score[]): string[] {
  return all.flatMap((one) => {
    const { recipe, format, kind } = one.case;
    const what =
      kind === 'healthy'
        ? 'healthy'
        : recipe.causes.map(({ cause, intensity }) => `${cause} ${intensity * 100}%`).join(' + ');
    const log = `${what}, ${format.name}, ${recipe.world?.name ?? 'plain'}, ${recipe.events} events, seed ${recipe.seed}`;
    if (!showsTruth(one))
      return abstains(one)
        ? []
        : [
            `${log}: cannot be determined, and the audit names ${one.named ?? 'no cause'} (${one.wrong.length} ids)`,
          ];
    const fine = exact(one) && one.mainRight && one.allNamed && one.formatRight && one.moneyExact !== false;
    if (fine) return [];
    const words = [
      ...(one.error === null ? [] : [`refused: ${one.error}`]),
      ...(one.outcome === 'cannot_tell'
        ? [`cannot tell (${one.result!.quality.problems.map(({ code }) => code).join(', ')})`]
        : []),
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
    return [`${log}: ${words.join('; ')}`];
  });
}

/** The figures of a set of logs. */
interface Figures {
  readonly logs: number;
  readonly knowable: number;
  readonly exact: number;
  readonly single: number;
  readonly mainRight: number;
  readonly mixed: number;
  readonly mixedRight: number;
  readonly bothNamed: number;
  readonly priced: number;
  readonly moneyExact: number;
  readonly healthy: number;
  readonly falseFindings: number;
  readonly unknowable: number;
  readonly abstained: number;
  readonly harmed: number;
  readonly missed: number;
  readonly wrong: number;
}

function figuresOf(all: readonly Score[]): Figures {
  const knowable = all.filter(showsTruth);
  const of = (kind: Score['case']['kind']): Score[] => knowable.filter((one) => one.case.kind === kind);
  const [single, mixed] = [of('single'), of('mixed')];
  // Also a healthy log that cannot tell must not accuse.
  const healthy = all.filter((one) => one.case.kind === 'healthy');
  const priced = knowable.filter(({ moneyExact }) => moneyExact !== null);
  const unknowable = all.filter((one) => !showsTruth(one));
  const sum = (number: (one: Score) => number): number =>
    knowable.reduce((total, one) => total + number(one), 0);
  return {
    logs: all.length,
    knowable: knowable.length,
    exact: count(knowable, exact),
    single: single.length,
    mainRight: count(single, ({ mainRight }) => mainRight),
    mixed: mixed.length,
    mixedRight: count(mixed, ({ mainRight }) => mainRight),
    bothNamed: count(mixed, ({ allNamed }) => allNamed),
    priced: priced.length,
    moneyExact: count(priced, ({ moneyExact }) => moneyExact === true),
    healthy: healthy.length,
    falseFindings: count(healthy, (one) => one.named !== null || one.wrong.length > 0),
    unknowable: unknowable.length,
    abstained: count(unknowable, abstains),
    harmed: sum(({ harmed }) => harmed),
    missed: sum(({ missed }) => missed.length),
    wrong: sum(({ wrong }) => wrong.length),
  };
}

const share = (k: number, n: number): string => (n === 0 ? '–' : `${k} of ${n} (${percent(k, n)})`);

/** Figures of logs that were worked on, and of fresh ones, side by side. */
function comparison(sets: readonly (readonly [name: string, all: readonly Score[]])[]): string {
  const figures = sets.map(([, all]) => figuresOf(all));
  const line = (name: string, value: (one: Figures) => string | number): (string | number)[] => [
    name,
    ...figures.map(value),
  ];
  return tableOf(
    ['', ...sets.map(([name]) => name)],
    [
      line('logs', ({ logs }) => logs),
      line('set of lost ids exact, if the log can show it', (one) => share(one.exact, one.knowable)),
      line(
        'lost ids missed; ids wrongly called lost',
        (one) => `${one.missed} of ${one.harmed}; ${one.wrong}`,
      ),
      line('main cause right, one cause', (one) => share(one.mainRight, one.single)),
      line('main cause right, two causes (both named)', (one) =>
        one.mixed === 0 ? '–' : `${share(one.mixedRight, one.mixed)} (${one.bothNamed})`,
      ),
      line('money exact', (one) => share(one.moneyExact, one.priced)),
      line('healthy logs with a finding', (one) => `${one.falseFindings} of ${one.healthy}`),
      line('logs that cannot show the truth: "cannot tell", refused, or nothing wrongly called lost', (one) =>
        share(one.abstained, one.unknowable),
      ),
    ],
  );
}

/** The accuracy in one sentence, for pages that cite it. */
export function sentenceOf(all: readonly Score[]): string {
  const fresh = figuresOf(all.filter((one) => one.case.isFresh));
  const worked = figuresOf(all.filter((one) => !one.case.isFresh));
  const healthy = fresh.healthy + worked.healthy;
  return `On ${all.length} generated logs with known truth, the set of lost events was exact in ${percent(worked.exact, worked.knowable)} of those that the audit was developed with and in ${percent(fresh.exact, fresh.knowable)} of ${fresh.knowable} fresh ones; ${fresh.falseFindings + worked.falseFindings} of ${healthy} healthy logs had a finding, and ${fresh.abstained + worked.abstained} of ${fresh.unknowable + worked.unknowable} logs that cannot show the truth were answered with "cannot tell", refused, or at least not accused wrongly.`;
}

/** The page of the documentation: every figure from this run. */
export function page(all: readonly Score[], command: string, seconds: number): string {
  const knowable = all.filter(showsTruth);
  const single = knowable.filter((one) => one.case.kind === 'single');
  const mixed = knowable.filter((one) => one.case.kind === 'mixed');
  const healthy = all.filter((one) => one.case.kind === 'healthy');
  const { falseFindings, harmed } = figuresOf(all);
  const falseHigh = wilson(falseFindings, healthy.length)[1];
  const by = (scores: readonly Score[], name: (one: Score) => string): [string, ...(string | number)[]][] =>
    [...Map.groupBy(scores, name)].map(([group, own]) => [group, ...cells(own)]);
  const complete = single.filter((one) => one.case.format.kind === 'complete');
  const open = faults(all);
  return `# How accurate the audit is

One command writes every figure on this page, from logs whose truth is known:

    ${command}

${sentenceOf(all)}

The command generates delivery logs with a healthy service's traffic (busy days, retries that succeed, dead letters that say so), puts causes of loss into them, writes them in the formats of several senders, inside the wrappings in which people have them, with parts missing, and as tables of states. It runs the audit and compares: the set of lost ids, the main cause, and the money. The same command gives the same logs. This run: ${all.length} logs, ${harmed.toLocaleString('en-US')} lost events, ${Math.round(seconds)} s.

## Worked-on and fresh logs

Errors found in logs of the first seeds were fixed, so they flatter the audit. No one has looked at the errors of the fresh ones.

${comparison([
  ['worked on', all.filter((one) => !one.case.isFresh)],
  ['fresh', all.filter((one) => one.case.isFresh)],
])}

${falseFindings === 0 ? `No healthy log had a finding (95%: at most ${(falseHigh * 100).toFixed(1)}% would).` : `${falseFindings} of ${healthy.length} healthy logs had a finding.`}

## Confusion matrix

Logs with one cause, and healthy ones. A row is what was put in, a column is the main cause that the audit named. "Cannot tell" and "refused" are answers of their own: right in the last row, whose logs lack what a verdict needs, and errors in the others.

${confusion(all)}

## By intensity and size

The share of events that was harmed, and the events in the log.

${tableOf(
  ['share, events', ...cellsHeader],
  by(
    complete,
    ({ case: { recipe } }) =>
      `${recipe.causes[0]!.intensity * 100}% of ${recipe.events.toLocaleString('en-US')}`,
  ),
)}

## By format

A log can only show what is written in it: each format gets the causes for which it has fields. Events that were never attempted do not have lines in most formats; these logs come with \`--expected\`, and what receivers lost comes with \`--received\`.

${tableOf(
  ['format', ...cellsHeader],
  by(complete, ({ case: { format } }) => format.name),
)}

## By wrapping

The first format once more, inside what collectors and platforms put around its lines; read without an option. Healthy and with a cause.

${tableOf(
  ['wrapping', ...cellsHeader],
  by(
    knowable.filter((one) => one.case.format.kind === 'wrapped'),
    ({ case: { format } }) => format.name,
  ),
)}

## Incomplete logs and tables of states

Healthy and with retries that are never scheduled. Where something is missing without which what was lost cannot be determined, the right answer is "cannot tell". A table of states shows that rows wait too long, and not whether they are lost.

${tableOf(
  ['log', 'logs', 'exact', 'cannot tell', 'refused', 'wrong'],
  [
    ...Map.groupBy(
      all.filter(({ case: { format } }) => format.kind === 'incomplete' || format.kind === 'states'),
      ({ case: { format, kind } }) => `${format.name}${kind === 'healthy' ? ', healthy' : ''}`,
    ),
  ].map(([name, own]) => [
    name,
    own.length,
    ...(['exact', 'cannot_tell', 'refused', 'wrong'] as const).map((outcome) => {
      const n = count(own, (one) => one.outcome === outcome);
      return n === 0 ? '' : n;
    }),
  ]),
)}

## By world

The first format once more: other traffic, other schedules, and lines that were lost on their way to the log. What can no longer be known (an event whose lines are missing) is neither right nor wrong.

${tableOf(
  ['world', ...cellsHeader],
  by(complete, ({ case: { recipe } }) => recipe.world?.name ?? 'plain'),
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

The injected causes follow our understanding; a sender may fail in a way that was not injected. The generator and the audit are by the same authors, so the logs of [the lab](../guides/lab.md), whose losses come from running code and not from a generator, are the second witness. Real logs are messier still.
`;
}
