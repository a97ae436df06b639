import {
  forScreens,
  html,
  type Html,
  reportPage,
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
import { wilson } from 'posthorn/domain';
import type { AuditResult, CauseFinding, MissingEvent } from '../result.ts';
import { verdicts } from '../names.ts';
import { examplePlot } from './example-plot.ts';
import { dropRateLegend, dropRatePlot, durationsLegend, durationsPlot, moneyPlot } from './plots.ts';

const style = `
.quality { border-left: 3px solid var(--edge); padding-left: .8rem } .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1.2rem 0 } .card { border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem } .card b { display: block; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere }
.card b.several { font-size: 1.15rem } .legend span { margin-right: 1.2rem; white-space: nowrap } .legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin-right: .35rem }
code { unicode-bidi: isolate; overflow-wrap: anywhere } td { vertical-align: top } summary { cursor: pointer } .dense code { overflow-wrap: normal } .dense td { padding-right: 1.2rem } pre { overflow-x: auto; background: color-mix(in srgb, var(--line) 35%, transparent); padding: .7rem; border-radius: .4rem }
`;
/** The number of lost events that the page lists. */
const listed = 50;

const section = (id: string, title: string, ...parts: readonly (Html | null)[]): Html =>
  html`<h2 id="${id}">${title}</h2>
    ${parts.filter((part) => part !== null)}`;

const rows = (cells: readonly (readonly [string | Html, string | Html])[]): Html =>
  html`<div class="scroll">
    <table>
      <tbody>
        ${cells.map(
          ([name, value]) =>
            html`<tr>
              <td>${name}</td>
              <td>${value}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;

const list = (items: readonly (string | Html)[]): Html | null =>
  items.length === 0
    ? null
    : html`<ul>
        ${items.map((item) => html`<li>${item}</li>`)}
      </ul>`;

/** Silently lost events: the count in the headline. */
const lostEvents = ({ verdicts: n }: AuditResult): number => n.silently_dropped + n.acknowledged_unprocessed;

/** Events whose end is known; undecided ones may still be delivered. */
const decidedEvents = ({ events, verdicts: n }: AuditResult): number => events - n.unresolved;

function headline(result: AuditResult): string {
  const { verdicts: n } = result;
  if (n.silently_dropped > 0)
    return `${percent(lostEvents(result) / decidedEvents(result))} of the webhooks disappeared without an error`;
  if (n.acknowledged_unprocessed > 0)
    return `${count(n.acknowledged_unprocessed)} webhooks were acknowledged and never processed`;
  return 'No silent drops in this log';
}

/** A single currency is the figure. Several have a line each, and their intervals are further down. */
function moneyCard(result: AuditResult): Html {
  const { weekly_value: weekly, money: sums } = result;
  if (weekly.length === 0) {
    if (lostEvents(result) === 0)
      return html`<div class="card"><b class="good">none</b>of the payments lost its event</div>`;
    return sums.total.length === 0
      ? html`<div class="card"><b>no amounts</b>in the log: it does not say what its events are worth</div>`
      : html`<div class="card"><b>unknown</b>value of the lost events: they have no readable amount</div>`;
  }
  const [first] = weekly;
  return html`<div class="card">
    ${weekly.map((week) => html`<b class="bad ${weekly.length > 1 ? 'several' : ''}">${money(week)}</b>`)}of
    payments per week without their event
    ${weekly.length === 1 ? html`(95%: ${money({ amount_minor: first!.interval[0], currency: first!.currency })} to ${money({ amount_minor: first!.interval[1], currency: first!.currency })})` : html`(<a href="#money">with intervals</a>)`}
  </div>`;
}

function cards(result: AuditResult): Html {
  const { verdicts: n, causes, power } = result;
  const bad = lostEvents(result) > 0;
  const main = causes[0];
  return html`<div class="cards">
    <div class="card">
      <b class="${bad ? 'bad' : 'good'}">${count(lostEvents(result))}</b>of ${count(decidedEvents(result))}
      events silently lost (95%: ${interval(wilson(lostEvents(result), decidedEvents(result)))})
    </div>
    ${moneyCard(result)}
    ${
      main === undefined
        ? html`<div class="card">
            <b>${percent(power.detectable_rate)}</b>is the smallest drop rate that this log would have shown
          </div>`
        : html`<div class="card">
            <b class="${main.cause.length > 14 ? 'several' : ''}">${main.cause.replaceAll('_', ' ')}</b>is the
            main cause: ${count(main.events)} events,
            ${main.cause === 'acknowledged_unprocessed' ? 'proved by the receiver’s list' : main.kind === 'proof' ? 'proved by the log itself' : 'supported by statistics'}
          </div>`
    }
    <div class="card"><b>${count(n.given_up)}</b>given up and recorded as such, so not counted as silent</div>
  </div>`;
}

function causeRow(finding: CauseFinding): Html {
  const { cause, events, kind, p_value: p, evidence, test, jointly, where, sample_ids: samples } = finding;
  const at = [
    where.endpoint,
    where.event_type,
    where.from && `from ${time(where.from)}`,
    where.to && `to ${time(where.to)}`,
    where.threshold === undefined ? undefined : `threshold ${count(where.threshold)}`,
  ].filter((part) => part !== undefined && part !== '');
  return html`<tr id="cause-${cause}">
    <td><b>${cause.replaceAll('_', ' ')}</b><br /><span class="soft">${kind}</span></td>
    <td class="n">${count(events)}</td>
    <td>
      ${causeTexts[cause]} <br /><span class="soft">Evidence:</span>
      ${evidence}${at.length === 0 ? null : html`<br /><span class="soft">Where:</span> <code>${at.join(', ')}</code>`}${test === null ? null : html`<br /><span class="soft">Test:</span> ${test.name}${p === null ? '' : `, p ${p < 1e-12 ? '< 1e-12' : `= ${p.toPrecision(2)}`}`}${test.risk_ratio === null ? '' : `, ${count(Number(test.risk_ratio.toPrecision(2)))} times as likely to be lost as without it`}`}${jointly.length === 0 ? null : html`<br /><span class="soft">Together with:</span> ${jointly.map((other) => `${other.cause.replaceAll('_', ' ')} (${count(other.events)})`).join(', ')}`}${samples.length === 0 ? null : html`<br /><span class="soft">For example</span> <code>${samples.slice(0, 5).join(', ')}</code>`}
    </td>
  </tr>`;
}

function causesSection({ causes }: AuditResult): Html {
  if (causes.length === 0)
    return section(
      'causes',
      'Causes',
      html`<p>No cause is named: this log shows nothing that does not happen to a healthy sender.</p>`,
    );
  return section(
    'causes',
    'Why',
    html`<p class="soft">
        Proof: each of the events shows something that a correct sender cannot do. Support: they have
        something in common far beyond chance (p-values are corrected for all tests that were made). Each
        event counts under one cause only.
      </p>
      <div class="scroll">
        <table class="stack">
          <thead>
            <tr>
              <th>cause</th>
              <th class="n">events</th>
              <th>description and evidence</th>
            </tr>
          </thead>
          <tbody>
            ${causes.map(causeRow)}
          </tbody>
        </table>
      </div>`,
  );
}

function moneySection(result: AuditResult): Html {
  const { money: sums, weekly_value: weekly } = result;
  const cautions = weekly.flatMap(({ caution }) => caution ?? []);
  return section(
    'money',
    'What it costs',
    html`<p>
      A payment whose event is lost is at risk, not lost: its order waits until someone asks. How it was
      counted: ${sums.basis}.
    </p>`,
    moneyPlot(result, 760) === null
      ? null
      : html`<figure>${forScreens((width) => moneyPlot(result, width)!)}</figure>`,
    rows([
      ['affected', moneys(sums.affected)],
      ['of that, notified later anyway', moneys(sums.recovered)],
      [html`<b>at risk</b>`, html`<b>${moneys(sums.net)}</b>`],
      ['given up and recorded (not counted above)', moneys(sums.given_up)],
      ['all payments in the log', moneys(sums.total)],
      ...weekly.map(({ currency, amount_minor: minor, interval: [lo, hi], weeks }): [string, string] => [
        `per week, in ${currency}`,
        `${money({ amount_minor: minor, currency })} (95%: ${money({ amount_minor: lo, currency })} to ${money({ amount_minor: hi, currency })}; from ${weeks.toFixed(2)} weeks)`,
      ]),
      ...(sums.unknown_amount_events === 0
        ? []
        : [['lost events without an amount', count(sums.unknown_amount_events)] as [string, string]]),
      ...(sums.negative.length === 0
        ? []
        : [['negative amounts (in no sum)', moneys(sums.negative)] as [string, string]]),
      ...sums.unknown_currency.map(({ currency, events }): [string, string] => [
        `unknown currency: ${currency}`,
        `${count(events)} events`,
      ]),
    ]),
    list(cautions),
  );
}

/** Returns the value that all of these have in common; null if they differ. */
const common = <T>(events: readonly MissingEvent[], of: (event: MissingEvent) => T): T | null =>
  new Set(events.map(of)).size === 1 ? of(events[0]!) : null;

/** Its title, whether it is aligned right, and its content for an event. */
type Column = readonly [string, boolean, (event: MissingEvent) => string | Html];

function missingSection({ missing }: AuditResult): Html | null {
  if (missing.total === 0) return null;
  const shown = missing.listed.slice(0, listed);
  const endpoint = common(shown, (event) => event.endpoint);
  const verdict = common(shown, (event) => event.verdict);
  const columns: Column[] = [
    ['event', false, (event) => html`<code>${event.event_id}</code>`],
    ['cause', false, ({ cause }) => cause.replaceAll('_', ' ')],
    ['attempts', true, ({ attempts }) => count(attempts)],
    ['last seen (UTC)', true, ({ last_seen_at: seen }) => (seen === null ? 'never' : time(seen))],
    [
      'amount',
      true,
      ({ amount_minor: minor, currency }) =>
        minor === null || currency === null || !/^[A-Za-z]{3}$/.test(currency)
          ? ''
          : money({ amount_minor: minor, currency }),
    ],
  ];
  if (verdict === null) columns.push(['verdict', false, (event) => verdictTexts[event.verdict]]);
  if (endpoint === null)
    columns.push(['endpoint', false, (event) => html`<code>${event.endpoint ?? ''}</code>`]);
  return section(
    'missing',
    'What is missing',
    html`<p>
        ${count(missing.total)}
        events${verdict === null ? '' : `, ${verdictTexts[verdict]}`}${endpoint === null || missing.total > listed ? '' : html`, to <code>${endpoint}</code>`}.
        Resend them; a receiver recognizes by the id what it already has.
        <code>--missing ids.csv</code> writes all of them.
      </p>
      <details>
        <summary>${missing.total > listed ? `The first ${listed}` : 'Every one'}</summary>
        <div class="scroll">
          <table class="dense">
            <thead>
              <tr>
                ${columns.map(([name, right]) => html`<th class="${right ? 'n' : ''}">${name}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${shown.map(
                (event) =>
                  html`<tr>
                    ${columns.map(([, right, of]) => html`<td class="${right ? 'n' : ''}">${of(event)}</td>`)}
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>
      </details>`,
  );
}

function trustSection(result: AuditResult): Html {
  const { coverage, source, power } = result;
  return section(
    'trust',
    'How reliable this is',
    html`<p>${power.statement}</p>`,
    rows([...readRows(result), ...outsideRows(result)]),
    list(coverage.notes),
    source.assumptions.length === 0 ? null : html`<p>Assumed:</p>`,
    list(source.assumptions),
    coverage.malformed.samples.length === 0
      ? null
      : html`<details>
          <summary>Unreadable lines</summary>
          ${coverage.malformed.samples.slice(0, 5).map(
            ({ file, line, why, text }) =>
              html`<p><code>${file}${line === null ? '' : `:${line}`}</code>: ${why}</p>
                <pre>${text.slice(0, 300)}</pre>`,
          )}
        </details>`,
  );
}

/** What was read, and how far it reaches. */
const readRows = ({ coverage, source, sender, attempts }: AuditResult): readonly [string, string][] => [
  [
    'read as',
    `${source.format}${source.given ? ' (given)' : ` (recognized, confidence ${percent(source.confidence)})`}: ${source.files.length} ${source.files.length === 1 ? 'file' : 'files'}`,
  ],
  [
    'covers',
    coverage.from === null || coverage.to === null
      ? 'no known time'
      : `${time(coverage.from)} to ${time(coverage.to)} UTC, ${count(Math.round(coverage.hours))} hours`,
  ],
  [
    'lines',
    `${count(coverage.lines)}, of which ${count(coverage.malformed.count)} unreadable, ${count(coverage.duplicates)} repeated, ${count(coverage.unusable.reduce((sum, { count: n }) => sum + n, 0))} unusable`,
  ],
  ['attempts', count(attempts)],
  [
    'gaps',
    coverage.gaps.length === 0
      ? 'none'
      : coverage.gaps
          .slice(0, 5)
          .map(({ from, seconds: s }) => `${time(from)} for ${seconds(s * 1000)}`)
          .join('; '),
  ],
  ['sampling', coverage.sampling.suspected ? (coverage.sampling.why ?? 'suspected') : 'none found'],
  [
    'clocks',
    coverage.clock_skew.attempts === 0
      ? 'agree'
      : `${count(coverage.clock_skew.attempts)} attempts end before they begin, by up to ${seconds(coverage.clock_skew.max_ms)}`,
  ],
  [
    'the sender',
    `times out ${sender.timeout_ms === null ? 'after an unknown time' : `after ${seconds(sender.timeout_ms)}`} and tries ${sender.max_attempts === null ? 'an unknown number of times' : `up to ${sender.max_attempts} times`}; ${percent(sender.failure_rate)} of its attempts fail`,
  ],
  [
    'not decided yet',
    `${count(coverage.right_censored)} events younger than ${seconds(sender.horizon_ms)} (${sender.horizon_from}) at the end of the log`,
  ],
];

/** What the result was compared with. */
const outsideRows = ({ expected, received }: AuditResult): readonly [string, string][] => {
  const shown: [string, string][] = [];
  if (expected !== null)
    shown.push([
      'what should have been sent',
      `${count(expected.rows)} rows of ${expected.file}: ${count(expected.never_sent)} of them never sent`,
    ]);
  if (received !== null)
    shown.push([
      'what the receiver processed',
      `${count(received.rows)} rows of ${received.file}: ${count(received.acknowledged_unprocessed)} acknowledged but missing, ${count(received.processed_all_the_same)} present although no attempt succeeded`,
    ]);
  return shown;
};

/** Describes the quality of the data in one line at the top: the result is only as good as the data. */
function dataQuality({ coverage }: AuditResult): Html {
  const { malformed, unusable, duplicates, gaps, sampling, lines } = coverage;
  const unread = malformed.count + unusable.reduce((sum, { count: n }) => sum + n, 0);
  const faults = [
    unread === 0
      ? null
      : `${count(unread)} of ${count(lines)} lines could not be used (${percent(unread / Math.max(1, lines))})`,
    gaps.length === 0 ? null : `${count(gaps.length)} ${gaps.length === 1 ? 'gap' : 'gaps'} in time`,
    sampling.suspected ? 'the log seems to be a sample' : null,
    coverage.right_censored === 0
      ? null
      : `${count(coverage.right_censored)} events too recent to be decided`,
    coverage.clock_skew.attempts === 0
      ? null
      : `clocks disagree in ${count(coverage.clock_skew.attempts)} attempts`,
    duplicates === 0 ? null : `${count(duplicates)} lines repeated`,
  ].filter((fault) => fault !== null);
  return html`<p class="quality">
    <b>Data:</b> ${count(lines)} lines;
    ${faults.length === 0 ? 'all were used, without gaps' : faults.join('; ')}.
    <a href="#trust">How reliable this is</a>
  </p>`;
}

const onsetCaption = ({ onset }: AuditResult): Html =>
  onset === null
    ? html`<figcaption>The drop rate does not change significantly.</figcaption>`
    : html`<figcaption>
        The rate steps from ${percent(onset.rate_before)} to ${percent(onset.rate_after)} at ${time(onset.at)}
        UTC (p ${pValue(onset.p_value)}).
      </figcaption>`;

/** Renders the audit as one self-contained page: first for managers, below for engineers. `command` is how it was made. */
export function auditPage(result: AuditResult, command: string): string {
  const { verdicts: n, examples, durations, sender, events, power } = result;
  const lost = lostEvents(result) > 0;
  const body = html`<h1>${headline(result)}</h1>
    ${lost ? null : html`<p>${power.statement}</p>`}
    <p class="soft">
      ${result.coverage.from === null || result.coverage.to === null ? '' : `${time(result.coverage.from)} to ${time(result.coverage.to)} UTC, `}${count(events)}
      events, ${count(result.attempts)} attempts. An event here is one obligation: one event to one endpoint.
    </p>
    ${dataQuality(result)} ${cards(result)}
    <h2 id="verdicts">What became of the events</h2>
    <div class="scroll">
      <table>
        <tbody>
          ${verdicts.map(
            (verdict) =>
              html`<tr>
                <td>${verdictTexts[verdict]}</td>
                <td class="n">${count(n[verdict])}</td>
                <td class="n">${events === 0 ? '' : percent(n[verdict] / events)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${section(
      'when',
      'When',
      html`<figure>
        ${forScreens((width) => dropRatePlot(result, width))}
        ${n.silently_dropped === 0 ? null : html`${dropRateLegend(result)}${onsetCaption(result)}`}
      </figure>`,
    )}
    ${causesSection(result)}
    ${
      examples.length === 0
        ? null
        : section(
            'examples',
            lost ? 'How an event disappears' : 'Examples',
            ...examples.slice(0, 3).map(
              (example) =>
                html`<figure id="example-${examples.indexOf(example) + 1}">
                  ${forScreens((width) => examplePlot(example, width))}
                  <figcaption>
                    <code>${example.event_id}</code
                    >${example.endpoint === null ? null : html` to <code>${example.endpoint}</code>`}:
                    ${example.story}
                  </figcaption>
                </figure>`,
            ),
          )
    }
    ${section(
      'durations',
      'How long attempts take',
      html`<figure>
        ${forScreens((width) => durationsPlot(durations, sender.timeout_ms, width))} ${durationsLegend()}
      </figure>`,
    )}
    ${moneySection(result)} ${missingSection(result)} ${trustSection(result)}
    <p class="soft">To run it again: <code>${command}</code></p>`;
  return reportPage(`Posthorn audit: ${headline(result)}`, body.html, style);
}
