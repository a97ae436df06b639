import { interval as range, moneys, percent, seconds } from '../report/figures.ts';
import { formatValue } from '../domain/money.ts';
import { escapeMarkdown, markdownCode, markdownTable } from '../report/markdown.ts';
import type { ImpactResult, TimeToDetect } from './compare.ts';
import { count } from '../report/count.ts';

/** `4.1 times` the budget, or `37%` of it. */
export const budget = (burned: number): string =>
  burned >= 2
    ? `${count(Number(burned.toFixed(1)))} times what is allowed`
    : `${Number((burned * 100).toFixed(1))}% of what is allowed`;

/** How soon, and by whom. */
function detection(detected: TimeToDetect | null, lost: number): string {
  if (detected === null) return lost === 0 ? 'nothing to detect' : 'never: no alert rule would have fired';
  return `${seconds(detected.after_s * 1000)} (${detected.by})`;
}

type Weekly = ImpactResult['recovered_per_week'][number];

const moneyText = (minor: number, currency: string): string =>
  formatValue({ amountMinor: BigInt(minor), currency });

/** `6,400.00 USD to 9,600.00 USD`. */
export const recoveredWords = ({ currency, interval: [lo, hi] }: Weekly): string =>
  `${moneyText(lo, currency)} to ${moneyText(hi, currency)}`;

/** `No longer at risk, per week: 771.88 USD (95%: …)`, or how much more is. */
export function recoveredLine(week: Weekly): string {
  const { currency, amount_minor: minor, interval } = week;
  if (minor >= 0)
    return `No longer at risk, per week: ${moneyText(minor, currency)} (95%: ${recoveredWords(week)}).`;
  const more = { currency, amount_minor: -minor, interval: [-interval[1], -interval[0]] } as const;
  return `More at risk than before, per week: ${moneyText(-minor, currency)} (95%: ${recoveredWords(more)}).`;
}

const mark = (fine: boolean | null): string =>
  fine === null ? 'not known' : fine ? 'equal' : '**not equal**';

/** The rows of the comparison: what, before, after. */
export function impactRows({
  before,
  after,
  objective,
}: ImpactResult): (readonly [string, string, string])[] {
  const both = (what: string, of: (side: ImpactResult['before']) => string): [string, string, string] => [
    what,
    of(before),
    of(after),
  ];
  return [
    both('events with an outcome', ({ events }) => count(events)),
    both('silently dropped', ({ silently_dropped: n }) => count(n)),
    both('acknowledged, but not processed', ({ acknowledged_unprocessed: n }) => count(n)),
    both('drop rate', ({ drop_rate: rate }) => percent(rate)),
    both('at 95%', ({ drop_interval: interval }) => range(interval)),
    both('given up and recorded', ({ given_up: n }) => count(n)),
    ...(before.given_up_value.length + after.given_up_value.length === 0
      ? []
      : [both('value of what was given up', ({ given_up_value: values }) => moneys(values))]),
    both('late', ({ late }) => count(late)),
    both('not decided yet', ({ unresolved }) => count(unresolved)),
    both(`error budget burned (${percent(objective.target)})`, ({ budget_burned: burned }) => budget(burned)),
    both('time to detect', (side) =>
      detection(side.time_to_detect, side.silently_dropped + side.acknowledged_unprocessed),
    ),
    both('value lost silently per week', ({ weekly_value: weekly }) => moneys(weekly)),
  ];
}

/** What the previous rate would have done to the events after the change. */
export function unchangedWords({ if_unchanged: unchanged, after }: ImpactResult): string {
  const { expected_drops: expected, chance_of_so_few: chance } = unchanged;
  if (expected < 0.5) return 'The previous rate would hardly have shown in this many events.';
  const would = `At the previous rate, ${count(Math.round(expected))} of the events after the change would have been lost`;
  const lost = after.silently_dropped + after.acknowledged_unprocessed;
  return lost >= expected
    ? `${would}; ${count(lost)} were.`
    : `${would}; the probability of so few losses (${count(lost)}) is ${chance < 1e-12 ? 'less than one in a million million' : chance.toPrecision(2)}.`;
}

/** Notes on where each side comes from. */
export const notesOf = ({ before, after }: ImpactResult): string[] => [
  ...before.notes.map((note) => `before: ${note}`),
  ...after.notes.map((note) => `after: ${note}`),
];

/** The impact as a section of a Markdown document. */
export function impactMarkdown(result: ImpactResult, command: string): string {
  const { difference, exposure, recovered_per_week: recovered, before, after } = result;
  return `# Impact: ${percent(before.drop_rate)} before, ${percent(after.drop_rate)} after

${result.statement}

- Difference: ${percent(difference.rate)} (95%, Newcombe: ${range(difference.interval)}).
- ${unchangedWords(result)}
${recovered.map((week) => `- ${recoveredLine(week)}`).join('\n')}

${markdownTable(
  ['', `before (${escapeMarkdown(before.label)})`, `after (${escapeMarkdown(after.label)})`],
  impactRows(result).map((row) => row.map(escapeMarkdown)),
)}

Exposure:

${exposure.checks.map(({ fine, words }) => `- ${mark(fine)}: ${escapeMarkdown(words)}`).join('\n')}

${notesOf(result)
  .map((note) => `- ${escapeMarkdown(note)}`)
  .join('\n')}

Made by ${markdownCode(command)}.
`;
}
