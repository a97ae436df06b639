import { count, money, percent, printable, pValue, seconds } from 'posthorn/report';
import { whatToDo } from '../causes/what-to-do.ts';
import type { AuditResult, CauseFinding, ValueAtRisk } from '../result.ts';

const many = (n: number, one: string, more = `${one}s`): string => `${count(n)} ${n === 1 ? one : more}`;
const sum = (values: readonly ValueAtRisk[]): string =>
  values.length === 0 ? 'none' : values.map((value) => `${money(value)} (${count(value.events)})`).join(', ');

/** Renders an audit for a terminal: the answer first, then its basis. Text from the log cannot become control sequences. */
export function summarize(raw: AuditResult): string {
  const result = printable(raw);
  const { verdicts, coverage } = result;
  return [
    headline(result),
    ...qualityLines(result),
    // If nothing was found, the first question is whether it could have been found.
    ...(verdicts.silently_dropped === 0 && result.quality.conclusive ? [result.power.statement] : []),
    '',
    ...verdictLines(result),
    '',
    ...(result.causes.length === 0
      ? [
          verdicts.silently_dropped + verdicts.acknowledged_unprocessed === 0
            ? result.quality.conclusive
              ? 'Causes: nothing to explain.'
              : 'Causes: not looked for, because the log cannot show what was lost.'
            : 'Causes: no cause stands out.',
        ]
      : ['Causes, the main one first:', ...result.causes.flatMap((one, index) => causeLines(one, index))]),
    ...(result.onset === null
      ? []
      : [
          '',
          `The drop rate stepped up at ${result.onset.at}: ${percent(result.onset.rate_before)} before, ${percent(result.onset.rate_after)} after (p ${pValue(result.onset.p_value)}).`,
        ]),
    '',
    ...moneyLines(result),
    ...truthLines(result),
    '',
    `Read as ${result.source.format}: ${result.source.why.join('; ')}`,
    ...(result.source.fields.length === 0
      ? []
      : [
          `  ${result.source.fields.map(({ field, from }) => (field === from ? field : `${field} = ${from}`)).join(', ')}`,
        ]),
    ...result.source.assumptions.map((text) => `  assumed: ${text}`),
    `Coverage: ${coverage.from ?? '?'} to ${coverage.to ?? '?'}, ${count(coverage.lines)} lines, ${count(result.attempts)} attempts`,
    ...coverageLines(result),
    ...(verdicts.silently_dropped === 0 ? [] : [`Power: ${result.power.statement}`]),
  ].join('\n');
}

function qualityLines({ quality }: AuditResult): string[] {
  return quality.problems.flatMap(({ message, next_step }) => [
    ...wrap(message, 110).map((line) => `  ${line}`),
    ...wrap(`Next: ${next_step}`, 110).map((line) => `  ${line}`),
  ]);
}

function headline({
  verdicts,
  quality,
  silent_drop_rate: rate,
  silent_drop_interval: [low, high],
  events,
  causes,
}: AuditResult): string {
  const unprocessed =
    verdicts.acknowledged_unprocessed === 0
      ? ''
      : ` ${count(verdicts.acknowledged_unprocessed)} were acknowledged and never processed.`;
  if (!quality.conclusive)
    return `Cannot tell what was lost among ${count(events)} events${quality.suspected === 0 ? '' : `; ${count(quality.suspected)} would be silent drops if the log were complete`}.${unprocessed}`;
  if (verdicts.silently_dropped === 0) return `No silent drop among ${count(events)} events.${unprocessed}`;
  const main = causes.find(({ cause, silently_dropped: n }) => cause !== 'unknown' && n > 0);
  return `${count(verdicts.silently_dropped)} of ${count(events)} events were silently dropped: ${percent(rate)} (95%: ${percent(low)} to ${percent(high)})${main === undefined ? ', cause unknown' : `, mainly by ${main.cause}`}.${unprocessed}`;
}

function verdictLines({ verdicts, sender }: AuditResult): string[] {
  const explained: Readonly<Record<keyof typeof verdicts, string>> = {
    delivered: '',
    late: `after more than ${seconds(sender.late_after_ms)}`,
    given_up: 'recorded as given up, or the last attempt failed',
    silently_dropped: 'not delivered, not recorded as given up, and not retried',
    unresolved: `younger than the retry horizon of ${seconds(sender.horizon_ms)} (${sender.horizon_from})`,
    acknowledged_unprocessed: 'answered 2xx, but not in the list of the receiver',
  };
  const shown = Object.entries(verdicts).filter(
    ([verdict, n]) => n > 0 || verdict === 'delivered' || verdict === 'silently_dropped',
  );
  const width = Math.max(...shown.map(([, n]) => count(n).length));
  return shown.map(([verdict, n]) =>
    `  ${count(n).padStart(width)}  ${verdict.padEnd(24)}  ${explained[verdict as keyof typeof verdicts]}`.trimEnd(),
  );
}

function causeLines(
  { cause, events, kind, p_value: p, evidence, jointly }: CauseFinding,
  index: number,
): string[] {
  return [
    `  ${index + 1}. ${cause}: ${many(events, 'event')}, ${kind === 'proof' ? 'proof' : 'consistent with it'}${p === null ? '' : `, p ${pValue(p)}`}`,
    ...wrap(evidence, 110).map((line) => `     ${line}`),
    ...wrap(`What to do: ${whatToDo[cause]}`, 110).map((line) => `     ${line}`),
    ...(jointly.length === 0
      ? []
      : [`     together with: ${jointly.map((one) => `${one.cause} (${count(one.events)})`).join(', ')}`]),
  ];
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function moneyLines({ money: all, weekly_value: weekly }: AuditResult): string[] {
  const lines = [`Money at risk: ${sum(all.net)}; ${all.basis}`];
  if (all.recovered.length > 0)
    lines.push(`  affected: ${sum(all.affected)}; of these, notified later anyway: ${sum(all.recovered)}`);
  for (const {
    currency,
    amount_minor: amount,
    interval: [low, high],
    caution,
  } of weekly)
    lines.push(
      `  per week at this rate: ${money({ amount_minor: amount, currency })} (95%: ${money({ amount_minor: low, currency })} to ${money({ amount_minor: high, currency })})${caution === null ? '' : `; ${caution}`}`,
    );
  if (all.given_up.length > 0)
    lines.push(`  given up and recorded (not counted above): ${sum(all.given_up)}`);
  if (all.unknown_amount_events > 0)
    lines.push(
      `  ${count(all.unknown_amount_events)} lost events have no readable amount and are not counted`,
    );
  if (all.negative.length > 0)
    lines.push(`  negative amounts and refunds (not counted above): ${sum(all.negative)}`);
  if (all.unknown_currency.length > 0)
    lines.push(
      `  unknown currencies (not counted above): ${all.unknown_currency.map(({ currency, events }) => `${currency} (${count(events)})`).join(', ')}`,
    );
  return lines;
}

function truthLines({ expected, received }: AuditResult): string[] {
  return [
    ...(expected === null
      ? []
      : [
          '',
          `Expected (${expected.file}, ${count(expected.rows)} rows, by ${expected.joined_by}): ${count(expected.never_sent)} never sent, ${count(expected.unexpected)} sent but not expected${expected.not_covered === 0 ? '' : `; ${count(expected.not_covered)} outside the log`}`,
        ]),
    ...(received === null
      ? []
      : [
          '',
          `Received (${received.file}, ${count(received.rows)} rows, by ${received.joined_by}): ${count(received.acknowledged_unprocessed)} acknowledged but unprocessed, ${count(received.processed_all_the_same)} processed although the sender saw no success${received.not_covered === 0 ? '' : `; ${count(received.not_covered)} deliveries not covered${received.endpoints_not_covered.length === 0 ? '' : `, among them all to ${received.endpoints_not_covered.slice(0, 3).join(', ')}`}`}`,
        ]),
  ];
}

function coverageLines({ coverage }: AuditResult): string[] {
  const {
    malformed,
    duplicates,
    unusable,
    gaps,
    clock_skew: skew,
    sampling,
    ids_shared: shared,
    notes,
  } = coverage;
  return [
    ...(malformed.count === 0
      ? []
      : [
          `  ${many(malformed.count, 'malformed line')} (${percent(malformed.share)}), such as ${malformed.samples
            .slice(0, 2)
            .map(
              ({ file, line, why, text }) =>
                `${file}${line === null ? '' : `:${line}`} ${JSON.stringify(text.slice(0, 80))} (${why})`,
            )
            .join(', ')}`,
        ]),
    ...unusable.map(
      (one) =>
        `  ${many(one.count, 'unusable line')}: ${one.why}${one.sample === '' ? '' : `, such as ${one.sample}`}`,
    ),
    ...(duplicates === 0 ? [] : [`  ${many(duplicates, 'repeated line')}, counted once`]),
    ...gaps
      .slice(0, 3)
      .map(
        ({ from, to, lines_expected: lines }) =>
          `  silent from ${from} to ${to}: about ${count(lines)} lines are missing`,
      ),
    ...(skew.attempts === 0
      ? []
      : [
          `  ${many(skew.attempts, 'attempt ends before it begins', 'attempts end before they begin')} (by up to ${seconds(skew.max_ms)}): clocks disagree`,
        ]),
    ...(shared === 0
      ? []
      : [
          `  ${many(shared, 'id occurs', 'ids occur')} under several tenants or endpoints; each counts as a separate event`,
        ]),
    ...(sampling.why === null ? [] : [`  ${sampling.why}`]),
    ...notes.map((note) => `  ${note}`),
  ];
}
