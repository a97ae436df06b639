import {
  blank,
  escapeMarkdown,
  markdownCode,
  markdownTable,
  day,
  interval,
  money,
  moneys,
  percent,
  pValue,
  seconds,
  time,
  count,
} from 'posthorn/report';
import { causeTexts, verdictTexts } from './terms.ts';
import type { AuditResult, CauseFinding } from '../result.ts';
import { verdicts } from '../names.ts';

/** One alert rule, replayed over the same log. */
export interface WouldHave {
  readonly rule: string;
  readonly severity: string;
  /** From the first loss to the alert, ms; null if the rule would not have fired. */
  readonly afterMs: number | null;
  readonly falsePerWeek: number;
}

/** The time after the change, as `posthorn impact` compares it. */
export interface Outcome {
  readonly statement: string;
  readonly rateBefore: number;
  readonly rateAfter: number;
  readonly highestAfter: number;
  readonly eventsAfter: number;
  /** Whether both times saw the same traffic. */
  readonly equalExposure: boolean | null;
  /** Money per week, as text. */
  readonly recovered: string | null;
}

/** Facts that no log contains. A null is left as a blank; nothing is made up. */
export interface PostMortemFacts {
  /** The service that sends. */
  readonly service: string | null;
  readonly owner: string | null;
  readonly changes: readonly string[];
  /** When it was noticed, ISO 8601. */
  readonly detected: string | null;
  readonly outcome: Outcome | null;
  readonly objective: { readonly target: number; readonly withinMs: number } | null;
  readonly rules: readonly WouldHave[];
  readonly command: string;
}

const safe = escapeMarkdown;
const causeName = ({ cause }: Pick<CauseFinding, 'cause'>): string => cause.replaceAll('_', ' ');
/** A figure, linked to what it rests on. */
const link = (text: string, anchor: string): string => `[${text}](#${anchor})`;
const heading = (anchor: string, title: string): string => `<a id="${anchor}"></a>\n\n## ${title}`;

interface Figures {
  readonly lost: number;
  /** Events whose end is known; the rate refers to them. */
  readonly decided: number;
  readonly rate: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly weekly: string | null;
  readonly first: WouldHave | null;
}

/** The number of currencies that fit into one sentence. */
const maxCurrencies = 3;
const fewMoneys = (values: AuditResult['weekly_value']): string =>
  moneys(values.slice(0, maxCurrencies)) +
  (values.length > maxCurrencies ? ` and ${values.length - maxCurrencies} more currencies` : '');

function figuresFrom(result: AuditResult, facts: PostMortemFacts): Figures {
  const { verdicts: n, coverage, weekly_value: weekly } = result;
  const found = facts.rules
    .filter(({ afterMs }) => afterMs !== null)
    .toSorted((a, b) => a.afterMs! - b.afterMs!);
  const lost = n.silently_dropped + n.acknowledged_unprocessed;
  const decided = result.events - n.unresolved;
  return {
    lost,
    decided,
    rate: percent(decided === 0 ? 0 : lost / decided),
    from: coverage.from,
    to: coverage.to,
    weekly: weekly.length === 0 ? null : fewMoneys(weekly),
    first: found[0] ?? null,
  };
}

/** Returns what the log says about how the lost events ended. */
function endClause({ verdicts: n }: AuditResult): string {
  if (n.acknowledged_unprocessed === 0) return 'its log shows no end for any of them';
  const silent = n.silently_dropped === 0 ? '' : `shows no end for ${count(n.silently_dropped)} of them and `;
  return `its log ${silent}says that ${count(n.acknowledged_unprocessed)} were delivered that the receiver does not have`;
}

function causeClause({ causes }: AuditResult, { lost }: Figures): string {
  const main = causes[0];
  if (main === undefined) return 'no cause stands out';
  if (main.cause === 'unknown') return `[no cause](#cause) stands out`;
  const kind =
    main.cause === 'acknowledged_unprocessed'
      ? 'proved by the receiver’s list'
      : main.kind === 'proof'
        ? 'proved by the states in the log'
        : 'supported by statistics';
  const share =
    causes.length === 1 ? '' : `, for ${count(Math.min(main.events, lost))} of the ${count(lost)},`;
  return `the main cause${share} is ${link(causeName(main), 'cause')}, ${kind}`;
}

function oneMinute(result: AuditResult, facts: PostMortemFacts, figures: Figures): string {
  const { service, owner, changes, outcome } = facts;
  const { lost, decided, rate, first } = figures;
  const whose = `${service === null ? blank('which service') : safe(service)}, owned by ${owner === null ? blank('which team') : safe(owner)}`;
  const priced =
    figures.weekly === null
      ? 'The log does not say what they were worth.'
      : `Payments of about ${link(`${figures.weekly} per week`, 'money')} went without their event.`;
  const result_ =
    outcome === null
      ? blank('the drop rate after the change, from `posthorn audit … --after LOG`')
      : `The drop rate went from ${link(percent(outcome.rateBefore), 'result')} to ${link(outcome.rateAfter === 0 ? `zero in ${count(outcome.eventsAfter)} events (at most ${percent(outcome.highestAfter)})` : percent(outcome.rateAfter), 'result')}${outcome.recovered === null ? '' : `, and ${link(`${outcome.recovered} per week`, 'result')} are no longer at risk`}.`;
  const unseen =
    first === null
      ? 'none of the usual alert rules would have caught it'
      : `the alert rule ${link(`\`${first.rule}\``, 'alerts')} would have fired ${link(seconds(first.afterMs!), 'alerts')} after the first loss`;
  return `## In one minute

1. **Situation.** ${whose}. Between ${figures.from === null ? blank('when') : day(figures.from)} and ${figures.to === null ? blank('when') : day(figures.to)} it lost ${link(`${count(lost)} of ${count(decided)} webhooks`, 'scope')} (${link(rate, 'scope')}), and ${endClause(result)}. ${priced}
2. **Task.** ${blank('who was asked to do what')}
3. **Action.** We audited the delivery logs; ${causeClause(result, figures)}. ${changes.length === 0 ? blank('what was changed') : `Changed: ${changes.map(safe).join('; ')}.`}
4. **Result.** ${result_} Second-order effects: ${blank('tickets, manual work, a standard that other teams adopted')}
5. **Reflection.** The defect was the trigger; the systemic cause is that nothing showed it: ${unseen}. ${blank('which teams had no shared objective; who owns the number now')}`;
}

function causeSection({ causes, examples }: AuditResult): string {
  if (causes.length === 0)
    return `No cause is named: this log shows nothing that a healthy sender does not show.`;
  const rows = causes.map((finding) => [
    causeName(finding),
    count(finding.events),
    finding.kind,
    finding.p_value === null ? 'not tested' : pValue(finding.p_value),
    safe(finding.evidence),
  ]);
  const shown = examples.slice(0, 3).map((example) => {
    const attempts = example.attempts.slice(0, 12).map((attempt) => {
      const start = attempt.started_at === null ? '?' : attempt.started_at.slice(11, 23);
      const end = attempt.ended_at === null ? 'never ended' : attempt.ended_at.slice(11, 23);
      const how = attempt.status_code ?? attempt.error ?? 'no answer';
      return [
        attempt.attempt === null ? '' : String(attempt.attempt),
        start,
        end,
        safe(String(how)),
        safe(attempt.state ?? ''),
        attempt.next_retry_at?.slice(11, 23) ?? '',
      ];
    });
    const amount =
      example.amount_minor === null || example.currency === null || !/^[A-Za-z]{3}$/.test(example.currency)
        ? ''
        : `, ${money({ amount_minor: example.amount_minor, currency: example.currency })}`;
    return `**Event** ${markdownCode(example.event_id)}${amount}: ${safe(example.story)}${attempts.length === 0 ? '' : `\n\n${markdownTable(['attempt', 'started (UTC)', 'ended', 'answer', 'state', 'retry owed at'], attempts)}`}`;
  });
  return `${markdownTable(['cause', 'events', 'kind', 'p', 'evidence'], rows)}

Proof: each of the events shows a transition that a correct sender cannot make. Support: the sign is enriched beyond chance, corrected for all tests that were made. ${safe(causes[0]!.cause === 'unknown' ? '' : causeTexts[causes[0]!.cause])}

${shown.join('\n\n')}`;
}

function moneySection({ money: sums, weekly_value: weekly }: AuditResult): string {
  const perWeek = weekly.map(
    ({ currency, amount_minor: minor, interval: [lo, hi], caution }) =>
      `- Per week: ${money({ amount_minor: minor, currency })} (95%: ${money({ amount_minor: lo, currency })} to ${money({ amount_minor: hi, currency })})${caution === null ? '' : `; ${safe(caution)}`}.`,
  );
  return `${markdownTable(
    ['', 'payments'],
    [
      ['affected', moneys(sums.affected)],
      ['notified later anyway', moneys(sums.recovered)],
      ['**at risk**', `**${moneys(sums.net)}**`],
      ['given up and recorded (not counted)', moneys(sums.given_up)],
      ['lost events without an amount', count(sums.unknown_amount_events)],
    ],
  )}

${perWeek.join('\n')}

At risk does not mean lost: a missed event usually means a late order. ${blank('how much of it was never recovered')} Basis: ${safe(sums.basis)}`;
}

function alertsSection({ rules, objective }: PostMortemFacts): string {
  if (rules.length === 0 || objective === null)
    return blank('which alert would have fired: run `posthorn alerts backtest` on this log');
  const found = rules.filter(({ afterMs }) => afterMs !== null).toSorted((a, b) => a.afterMs! - b.afterMs!);
  const first = found[0];
  return `The same log, replayed through alert rules over *accepted events past their deadline* (objective ${percent(objective.target)} within ${seconds(objective.withinMs)}), from the first loss on. An attempt that is never made does not raise an error rate.

${markdownTable(
  ['rule', 'severity', 'after the first loss', 'other alerts per week'],
  rules.map(({ rule, severity, afterMs, falsePerWeek }) => [
    safe(rule),
    severity,
    afterMs === null ? 'never' : seconds(afterMs),
    falsePerWeek.toFixed(2),
  ]),
)}

${first === undefined ? 'None of them would have fired: the losses are too few for rates. A reconciliation would have caught it: it compares accepted events with those accounted for, and alerts on any difference.' : `The first is \`${first.rule}\`, ${seconds(first.afterMs!)} after the first loss. A reconciliation does not need a rate: it compares accepted events with those accounted for, and alerts on the first difference.`}`;
}

function gapSection({ causes, coverage }: AuditResult, facts: PostMortemFacts): string {
  const open = [
    ...(causes.some(({ cause }) => cause === 'unknown')
      ? [
          `${count(causes.find(({ cause }) => cause === 'unknown')!.events)} lost events have no known cause in this log.`,
        ]
      : []),
    ...(coverage.gaps.length === 0
      ? []
      : [`The log has ${coverage.gaps.length} gaps, and losses in them are not counted.`]),
    ...(coverage.sampling.suspected ? [safe(coverage.sampling.why ?? 'The log is sampled.')] : []),
    ...(facts.outcome === null
      ? ['It is not shown yet that the change works.']
      : facts.outcome.equalExposure === true
        ? []
        : [
            facts.outcome.equalExposure === null
              ? 'It is unknown whether the traffic before and after the change is alike.'
              : 'The traffic before and after the change differs: see the warnings of `posthorn impact`.',
          ]),
  ];
  return [
    ...open.map((line) => `- ${line}`),
    `- ${blank('no objective shared by producer and consumer? no owner of the number? no dead letters? who does what, by when')}`,
  ].join('\n');
}

const madeFrom = ({ source }: AuditResult, { command }: PostMortemFacts): string =>
  `Made from ${source.files.map(({ path }) => markdownCode(path)).join(', ')} by ${markdownCode(command)}.`;

/** Renders the report of a log without losses: how certain that is, and what this log could not have shown. */
function nothingLost(result: AuditResult, facts: PostMortemFacts, scope: string): string {
  const { coverage, power, verdicts: n } = result;
  const unseen = [
    ...coverage.notes,
    ...(coverage.sampling.why === null ? [] : [coverage.sampling.why]),
    ...(coverage.gaps.length === 0 ? [] : [`The log has ${coverage.gaps.length} gaps.`]),
  ];
  return `# No silent drops in this log${facts.service === null ? '' : ` of ${safe(facts.service)}`}

${safe(power.statement)}

${coverage.from === null || coverage.to === null ? '' : `${time(coverage.from)} to ${time(coverage.to)} UTC, `}${count(result.events)} events and ${count(result.attempts)} attempts:

${scope}

${n.given_up === 0 ? '' : `Given-up events (${moneys(result.money.given_up)}) are recorded as such, so they can be found and resent.\n\n`}What this log cannot show:

${unseen.map((note) => `- ${safe(note)}`).join('\n') || '- nothing that is known'}

---

${madeFrom(result, facts)}
`;
}

/** Renders the post-mortem as Markdown: its first part takes one minute to present, and each figure links to its basis. */
export function postMortem(result: AuditResult, facts: PostMortemFacts): string {
  const figures = figuresFrom(result, facts);
  const { verdicts: n, coverage, onset, power } = result;
  const scope = markdownTable(
    ['', 'events', 'share'],
    verdicts.map((verdict) => [
      verdictTexts[verdict],
      count(n[verdict]),
      result.events === 0 ? '' : percent(n[verdict] / result.events),
    ]),
  );
  const where = result.endpoints
    .filter(({ silently_dropped: dropped }) => dropped > 0)
    .toSorted((a, b) => b.silently_dropped - a.silently_dropped)
    .slice(0, 5)
    .map(
      ({ endpoint, silently_dropped: dropped, events }) =>
        `- ${markdownCode(endpoint)}: ${count(dropped)} of ${count(events)}`,
    );
  const firstLoss = result.first_lost_at;
  const detection =
    facts.detected === null
      ? `${blank('when, by whom and how it was noticed')} (\`--detected TIME\`)`
      : `Noticed ${time(facts.detected)} UTC${firstLoss === null ? '' : `, ${seconds(Math.max(0, Date.parse(facts.detected) - Date.parse(firstLoss)))} after the first loss in this log`}.`;
  if (figures.lost === 0) return nothingLost(result, facts, scope);
  return `# Post-mortem: ${figures.rate} of the webhooks of ${facts.service === null ? blank('which service') : safe(facts.service)} ${n.silently_dropped === 0 ? 'acknowledged and never processed' : 'silently lost'}

${oneMinute(result, facts, figures)}

${heading('scope', 'Situation and scope')}

${coverage.from === null || coverage.to === null ? '' : `${time(coverage.from)} to ${time(coverage.to)} UTC, `}${count(result.events)} events and ${count(result.attempts)} attempts. The silent drop rate is ${percent(result.silent_drop_rate)} of the ${count(figures.decided)} decided events (95%, Wilson: ${interval(result.silent_drop_interval)}). ${safe(power.statement)}

${scope}
${where.length === 0 ? '' : `\nEndpoints of the dropped events:\n\n${where.join('\n')}\n`}
${heading('detection', 'Detection')}

${firstLoss === null ? '' : `The first loss in this log is at ${time(firstLoss)} UTC. `}${onset === null ? 'The drop rate does not change significantly.' : `The rate steps from ${percent(onset.rate_before)} to ${percent(onset.rate_after)} at ${time(onset.at)} UTC.`} ${detection}

${heading('cause', 'Cause, with evidence')}

${causeSection(result)}

${heading('money', 'Impact in money')}

${moneySection(result)}

${heading('change', 'What was changed')}

${facts.changes.length === 0 ? blank('what was changed, when, by whom; `--change "…"`') : facts.changes.map((change) => `- ${safe(change)}`).join('\n')}

${heading('result', 'Result')}

${facts.outcome === null ? blank('the same audit over the time after the change: `--after LOG`') : `${facts.outcome.statement}${facts.outcome.recovered === null ? '' : ` No longer at risk: ${facts.outcome.recovered} per week.`}`}

${heading('alerts', 'What would have caught it')}

${alertsSection(facts)}

${heading('gap', 'The gap that remains')}

${gapSection(result, facts)}

---

${madeFrom(result, facts)} Fill in the blanks, **[to fill in: …]**: no log contains these facts.
`;
}
