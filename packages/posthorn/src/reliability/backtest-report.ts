import { percent } from '../report/figures.ts';
import { escapeHtml, reportPage } from '../report/page.ts';
import type { RuleOutcome, TradePoint } from './backtest.ts';
import type { Counts } from './counts.ts';
import type { Objective } from './rules.ts';
import { iso } from '../domain/time.ts';

const toTheMinute = (ms: number): string => iso(ms).slice(0, 16).replace('T', ' ');

/** `93 min`, `14.2 h`, `3.1 days`. */
export function formatDuration(ms: number): string {
  if (ms < 2 * 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 48 * 3_600_000 ? `${(ms / 3_600_000).toFixed(1)} h` : `${(ms / 86_400_000).toFixed(1)} days`;
}

/** Sensitivity against noise: one dot for each gate. */
function tradePlot(points: readonly TradePoint[]): string {
  const shown = points.filter(({ detectedAfterMs }) => detectedAfterMs !== null);
  if (shown.length === 0) return '<p>With none of these gates is the incident noticed.</p>';
  const width = 760;
  const height = 300;
  const left = 60;
  const bottom = 250;
  const most = Math.max(1, ...shown.map(({ falsePerWeek }) => falsePerWeek));
  const slowest = Math.max(...shown.map(({ detectedAfterMs }) => detectedAfterMs!)) / 3_600_000;
  const x = (falsePerWeek: number): number => left + (falsePerWeek / (most * 1.1)) * (width - left - 90);
  const y = (hours: number): number => bottom - (hours / (slowest * 1.15)) * (bottom - 20);
  // Gates with the same result share one label.
  const places = new Map<string, TradePoint[]>();
  for (const point of shown) {
    const key = `${Math.round(x(point.falsePerWeek) / 12)} ${Math.round(y(point.detectedAfterMs! / 3_600_000) / 12)}`;
    places.set(key, [...(places.get(key) ?? []), point]);
  }
  const dots = [...places.values()].map((same) => {
    const { falsePerWeek, detectedAfterMs } = same[0]!;
    const at = `${x(falsePerWeek)}" cy="${y(detectedAfterMs! / 3_600_000)}`;
    const label = same.map(({ pValue }) => (pValue === null ? 'no gate' : `p < ${pValue}`)).join(', ');
    return `<circle cx="${at}" r="6" fill="var(--bar)"/><text x="${x(falsePerWeek) + 11}" y="${y(detectedAfterMs! / 3_600_000) + 4}">${label}</text>`;
  });
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="False alarms a week against time to detect">
<line x1="${left}" x2="${width - 20}" y1="${bottom}" y2="${bottom}" stroke="var(--line)"/><line x1="${left}" x2="${left}" y1="10" y2="${bottom}" stroke="var(--line)"/>
${[0, 0.5, 1].map((share) => `<text class="soft" x="${x(most * share)}" y="${bottom + 18}" text-anchor="middle">${(most * share).toFixed(1)}</text><text class="soft" x="${left - 8}" y="${y(slowest * share) + 4}" text-anchor="end">${(slowest * share).toFixed(1)} h</text>`).join('')}
<text class="soft" x="${(left + width) / 2}" y="${bottom + 40}" text-anchor="middle">false alarms a week, on the same traffic of a healthy service</text>
<text class="soft" x="${left + 6}" y="18">time to notice the incident</text>
${dots.join('\n')}</svg>`;
}

/** When each rule fired, on one timeline. */
function firingsPlot(outcomes: readonly RuleOutcome[], from: number, until: number): string {
  const left = 120;
  const width = 760;
  const x = (time: number): number =>
    left + ((time - from) / Math.max(1, until - from)) * (width - left - 10);
  const rows = outcomes.map(({ rule, firings }, index) => {
    const y = 16 + index * 30;
    const bars = firings.map(
      (firing) =>
        `<rect x="${x(firing.from)}" y="${y - 10}" width="${Math.max(3, x(firing.until ?? until) - x(firing.from))}" height="16" rx="3" fill="var(--${firing.severity})"><title>${toTheMinute(firing.from)}</title></rect>`,
    );
    return `<text x="0" y="${y + 2}">${escapeHtml(rule.name)}</text><line x1="${left}" x2="${width - 10}" y1="${y - 2}" y2="${y - 2}" stroke="var(--line)"/>${bars.join('')}`;
  });
  const y = 16 + outcomes.length * 30;
  return `<svg viewBox="0 0 ${width} ${y + 14}" role="img" aria-label="When each rule fired">${rows.join('')}
<text class="soft" x="${left}" y="${y + 6}">${toTheMinute(from)}</text><text class="soft" x="${width - 10}" y="${y + 6}" text-anchor="end">${toTheMinute(until)}</text></svg>`;
}

export interface BacktestPage {
  readonly source: string;
  readonly objective: Objective;
  readonly counts: Counts;
  readonly outcomes: readonly RuleOutcome[];
  readonly trade: readonly TradePoint[];
  readonly from: number;
  readonly until: number;
}

/** One file that loads nothing else. */
export function backtestReport(page: BacktestPage): string {
  const { source, objective, counts, outcomes, trade, from, until } = page;
  const rows = outcomes.map(({ rule, firings, detectedAfterMs, missed, falsePerWeek }) => {
    const first = firings[0];
    return `<tr><td>${escapeHtml(rule.name)}</td><td style="color: var(--${rule.severity})">${rule.severity}</td><td class="n">${firings.length}</td><td>${first === undefined ? '' : toTheMinute(first.from)}</td><td class="n">${detectedAfterMs === null ? (missed > 0 ? 'missed' : '') : formatDuration(detectedAfterMs)}</td><td class="n">${falsePerWeek.toFixed(2)}</td></tr>`;
  });
  return reportPage(
    'Posthorn: alert backtest',
    `<h1>What would have alarmed, and when</h1>
<p class="soft">${escapeHtml(source)}: ${counts.due.toLocaleString('en-US')} events past their deadline, ${counts.bad.toLocaleString('en-US')} of them late or lost (${percent(counts.bad / Math.max(1, counts.due))}). Objective: ${Number((objective.target * 100).toFixed(5))}% delivered within ${objective.withinMs / 1000} s.</p>
<div class="scroll"><table><thead><tr><th>rule</th><th>severity</th><th class="n">fired</th><th>first (UTC)</th><th class="n">after the incident began</th><th class="n">false a week</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>
<h2>When</h2><div class="scroll">${firingsPlot(outcomes, from, until)}</div>
<h2>Noise against silence</h2>
<p>Each dot is the same set of rules with another gate: how often it would cry wolf, and how long it would take to notice.</p>
<div class="scroll">${tradePlot(trade)}</div>`,
  );
}
