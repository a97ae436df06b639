import { formatValue, wilson } from 'posthorn/domain';
import { escapeHtml, reportPage } from 'posthorn/report';
import type { NaiveExample } from './run.ts';
import type { Scenario } from './scenario.ts';
import type { LabSummary } from './summary.ts';

const number = (n: number): string => n.toLocaleString('en-US');
const percent = (share: number): string => `${(share * 100).toFixed(3)}%`;
const money = ({ currency, amount_minor: minor }: { currency: string; amount_minor: number }): string =>
  formatValue({ amountMinor: BigInt(minor), currency });

const cards = `
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1.2rem 0 } .card { border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem } .card b { display: block; font-size: 1.7rem; line-height: 1.2 }
`;

/** One dropped payment as a timeline: attempts as bars, the retry that was owed, and the moment that erased it. */
function timeline(example: NaiveExample, timeoutMs: number): string {
  // One bar for each attempt: a request that was given up has two lines in the log, and one real end.
  const byAttempt = new Map<number, NaiveExample['attempts'][number]>();
  for (const line of example.attempts) if (!byAttempt.has(line.attempt)) byAttempt.set(line.attempt, line);
  const bars = [...byAttempt.values()].toSorted((a, b) => a.attempt - b.attempt);
  const begin = bars[0]!.startedAt;
  const owed = Math.max(...example.attempts.map(({ nextRetryAt }) => nextRetryAt ?? begin));
  const end = Math.max(owed, ...bars.map(({ reallyEndedAt }) => reallyEndedAt)) - begin;
  const left = 130;
  const width = 820;
  const x = (ms: number): number => left + (ms / (end * 1.25)) * (width - left);
  const row = (index: number): number => 44 + index * 48;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const height = row(bars.length) + 64;
  // The late end of a request that was given up, after which nothing is scheduled any more.
  const eraser = bars
    .filter(({ startedAt, reallyEndedAt }) => reallyEndedAt - startedAt > timeoutMs)
    .toSorted((a, b) => b.reallyEndedAt - a.reallyEndedAt)[0];
  const parts = bars.map((bar, index) => {
    const y = row(index);
    const from = bar.startedAt - begin;
    const to = bar.reallyEndedAt - begin;
    const gaveUp = from + timeoutMs < to ? from + timeoutMs : null;
    return `<text x="0" y="${y + 15}">attempt ${bar.attempt}</text>
<rect x="${x(from)}" y="${y}" width="${Math.max(2, x(gaveUp ?? to) - x(from))}" height="20" rx="3" fill="var(--bar)"/>
${
  gaveUp === null
    ? ''
    : `<rect x="${x(gaveUp)}" y="${y}" width="${Math.max(2, x(to) - x(gaveUp))}" height="20" rx="3" fill="var(--bar)" opacity=".35"/>
<line x1="${x(gaveUp)}" x2="${x(gaveUp)}" y1="${y - 4}" y2="${y + 24}" stroke="var(--wait)" stroke-width="2"/><text class="soft" x="${x(gaveUp) + 4}" y="${y + 35}">given up after ${seconds(timeoutMs)}; the request goes on</text>`
}
<text class="soft" x="${x(to) + 6}" y="${y + 15}">${escapeHtml(bar.reallyEnded)}</text>`;
  });
  const y = row(bars.length);
  const erased =
    eraser === undefined
      ? ''
      : `<line x1="${x(eraser.reallyEndedAt - begin)}" x2="${x(eraser.reallyEndedAt - begin)}" y1="24" y2="${y + 24}" stroke="var(--bad)" stroke-width="2" stroke-dasharray="5 3"/>
<text x="${Math.min(x(eraser.reallyEndedAt - begin), width - 250)}" y="16" fill="var(--bad)" style="fill:var(--bad)">${seconds(eraser.reallyEndedAt - begin)}: attempt ${eraser.attempt} ends, and "cleans up"</text>`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Timeline of payment ${example.payment}">
${parts.join('\n')}
<text x="0" y="${y + 15}">the retry owed</text>
<circle cx="${x(owed - begin)}" cy="${y + 10}" r="8" fill="none" stroke="var(--bad)" stroke-width="2"/>
<path d="M${x(owed - begin) - 5} ${y + 5} l10 10 m0 -10 l-10 10" stroke="var(--bad)" stroke-width="2"/>
<text x="${Math.min(x(owed - begin) - 60, width - 190)}" y="${y + 40}" style="fill:var(--bad)">due at ${seconds(owed - begin)}, never made</text>
${erased}
</svg>`;
}

/** Returns the report as one file that loads nothing: the result for managers first, details for engineers below. */
export function labReport(
  summary: LabSummary,
  scenario: Scenario,
  examples: readonly NaiveExample[],
  command: string,
): string {
  const { naive, failures } = summary;
  return reportPage(
    `Posthorn lab: ${summary.scenario}`,
    `<h1>${naive === null ? `Posthorn lab: ${escapeHtml(summary.scenario)}` : `${percent(naive.silent_drop_rate)} of the webhooks disappeared without an alert`}</h1>
<p class="soft">${escapeHtml(scenario.description)}</p>
${resultCards(summary)}
${sideBySide(summary, scenario)}
${naive === null || naive.silently_dropped === 0 ? '' : dropStory(summary, scenario, examples)}
${failures.length === 0 ? '' : violationList(failures)}
${simulationFacts(summary)}<p class="soft">The same again: <code>${escapeHtml(command)}</code></p>`,
    cards,
  );
}

function resultCards({ naive, posthorn, failures, seeds }: LabSummary): string {
  const fine = failures.length === 0;
  const [lo, hi] = naive === null ? [0, 0] : wilson(naive.silently_dropped, naive.accepted);
  return `<div class="cards">
${
  naive === null
    ? ''
    : `<div class="card"><b class="bad">${number(naive.silently_dropped)}</b>webhooks silently dropped by the service (95% interval: ${percent(lo)} to ${percent(hi)})</div>
<div class="card"><b class="bad">${naive.value_at_risk_per_week.map(money).join(', ')}</b>of payments a week without a confirmation</div>`
}
<div class="card"><b class="${posthorn.lost === 0 ? 'good' : 'bad'}">${number(posthorn.lost)}</b>lost by Posthorn, of ${number(posthorn.accepted)}</div>
<div class="card"><b class="${fine ? 'good' : 'bad'}">${fine ? 'none' : number(failures.length)}</b>of ${number(seeds)} ${seeds === 1 ? 'seed' : 'seeds'} violated a guarantee</div>
</div>`;
}

/** The service beside Posthorn, on the same payments. */
function sideBySide({ naive, posthorn }: LabSummary, scenario: Scenario): string {
  if (naive === null) return '';
  const rows: [string, string, string][] = [
    ['payments accepted', number(naive.accepted), number(posthorn.accepted)],
    ['webhooks delivered', number(naive.delivered), number(posthorn.delivered)],
    ['silently dropped', number(naive.silently_dropped), number(posthorn.lost)],
    ['dead letters', number(naive.given_up), number(posthorn.dead)],
    ['delivered late', number(naive.late), number(posthorn.late)],
    ['arrived more than once (same webhook-id)', number(naive.duplicated), number(posthorn.duplicated)],
    ['unaccounted for by the ledger', 'it has none', number(posthorn.unaccounted)],
    [
      'money at risk',
      naive.value_at_risk.map(money).join(', '),
      posthorn.lost === 0 ? money({ currency: scenario.value.currency, amount_minor: 0 }) : 'see below',
    ],
  ];
  return `<h2>Side by side</h2><div class="scroll"><table><thead><tr><th>the same payments, the same network</th><th class="n">the service</th><th class="n">Posthorn</th></tr></thead><tbody>${rows.map(([what, a, b]) => `<tr><td>${what}</td><td class="n">${a}</td><td class="n">${b}</td></tr>`).join('')}</tbody></table></div>`;
}

/** How payments were dropped, on examples. */
function dropStory(
  { posthorn, failures }: LabSummary,
  scenario: Scenario,
  examples: readonly NaiveExample[],
): string {
  const fine = failures.length === 0;
  return `<h2>How a webhook disappears</h2>
<p>An attempt times out, and a retry is scheduled, as it should be. But the first request was only abandoned, not aborted. When it finally ends, its code cleans up "its" retry. By then that is the retry of a later attempt, the one that was still owed. Nothing fails, nothing is logged as lost, and the retry never comes. The receiver never learns of the payment.</p>
${examples.map((example) => `<figure><div class="scroll">${timeline(example, (scenario.naive?.timeout_s ?? 10) * 1000)}</div><figcaption>Payment ${example.payment}, ${money({ currency: scenario.value.currency, amount_minor: example.amountMinor })}. Its log ends with “retrying”.</figcaption></figure>`).join('\n')}
<p>This cannot happen in Posthorn: the retry is a row with a due time in the store, an outcome applies only under the number of its own claim, and after any crash the row comes due by itself. On the same payments and the same network it ${fine && posthorn.lost === 0 ? 'lost none' : `lost ${number(posthorn.lost)}`}.</p>`;
}

function violationList(failures: LabSummary['failures']): string {
  return `<h2>Violations</h2><ul>${failures
    .slice(0, 20)
    .map(
      ({ seed, kind, violations }) =>
        `<li>seed ${seed} (${kind}): ${escapeHtml(violations[0]?.message ?? '')}</li>`,
    )
    .join('')}</ul>`;
}

function simulationFacts(summary: LabSummary): string {
  return `<h2>What was simulated</h2>
<p>${number(summary.payments)} payments over ${summary.simulated_days.toFixed(1)} simulated days, in ${summary.seconds} seconds. Posthorn's own engine and store ran; clock, randomness, network and receivers were simulated.</p>
<div class="scroll"><table><thead><tr><th>injected</th><th class="n">times</th></tr></thead><tbody>${Object.entries(
    summary.faults,
  )
    .map(
      ([fault, n]) =>
        `<tr><td>${escapeHtml(fault.replaceAll('_', ' '))}</td><td class="n">${number(n)}</td></tr>`,
    )
    .join('')}</tbody></table></div>
`;
}
