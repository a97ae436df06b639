import type { ReactNode } from 'react';
import type { Incident } from '../../../../posthorn/src/reliability/backtest.ts';
import type { BurnRateRule, Rule } from '../../../../posthorn/src/reliability/rules.ts';
import { useWidth } from '../../parts/chart/size.ts';
import { durationText, fullTimeText } from '../../parts/time.ts';
import { usePreferences } from '../../preferences.ts';
import { type Counts, type ReplayOutcome, countsSpan } from './replay.ts';
import { isBurn } from './rules-text.ts';

const hourMs = 3_600_000;
const longWindows = [1, 2, 3, 6, 12, 24, 48, 72, 144].map((hours) => hours * hourMs);

/** One rule: its sliders, when it would have fired, and what that costs. */
export function RuleRow({
  rule,
  outcome,
  counts,
  incidents,
  onChange,
}: {
  rule: Rule;
  outcome: ReplayOutcome | null;
  counts: Counts;
  incidents: readonly Incident[];
  onChange: (rule: BurnRateRule) => void;
}): ReactNode {
  const windows =
    rule.kind === 'burn_rate'
      ? `${durationText(rule.longMs)} and ${durationText(rule.shortMs)}`
      : rule.kind === 'slow_leak'
        ? rule.windowsMs.map((ms) => durationText(ms)).join(' and ')
        : '';
  return (
    <li className="rule-row">
      <div>
        <h3>{rule.kind === 'slow_leak' ? 'slow leak' : `burn over ${windows}`}</h3>
        <p className="label">
          {rule.severity}
          {rule.kind === 'slow_leak' ? `, over ${windows}` : ''}
        </p>
      </div>
      {isBurn(rule) ? (
        <BurnControls rule={rule} onChange={onChange} />
      ) : (
        <p className="label rule-controls">fires where more is lost, steadily, than chance explains</p>
      )}
      <FiringPlot rule={rule} outcome={outcome} counts={counts} incidents={incidents} />
      <Figures outcome={outcome} hasIncidents={incidents.length > 0} />
    </li>
  );
}

function BurnControls({
  rule,
  onChange,
}: {
  rule: BurnRateRule;
  onChange: (rule: BurnRateRule) => void;
}): ReactNode {
  return (
    <div className="rule-controls">
      <label className="field">
        <span>fires above {rule.factor}×</span>
        <input
          type="range"
          min={-10}
          max={50}
          step={1}
          value={Math.round(Math.log10(rule.factor) * 20)}
          aria-valuetext={`${rule.factor} times`}
          onChange={(event) =>
            onChange({
              ...rule,
              factor: Number((10 ** (Number(event.target.value) / 20)).toPrecision(2)),
            })
          }
        />
      </label>
      <label className="field">
        <span>long window {durationText(rule.longMs)}</span>
        <input
          type="range"
          min={0}
          max={longWindows.length - 1}
          step={1}
          value={Math.max(0, longWindows.indexOf(rule.longMs))}
          aria-valuetext={durationText(rule.longMs)}
          onChange={(event) => onChange({ ...rule, longMs: longWindows[Number(event.target.value)]! })}
        />
      </label>
    </div>
  );
}

function Figures({
  outcome,
  hasIncidents,
}: {
  outcome: ReplayOutcome | null;
  hasIncidents: boolean;
}): ReactNode {
  return (
    <p className="rule-figures">
      {outcome === null ? (
        '…'
      ) : (
        <>
          <span>
            fired <strong>{outcome.firings.length}×</strong>
          </span>
          <span>
            {!hasIncidents
              ? 'no incident'
              : outcome.detectedAfterMs === null
                ? 'first incident missed'
                : `after ${durationText(Math.max(0, outcome.detectedAfterMs))}`}
          </span>
          <span className={outcome.falsePerWeek > 0 ? 'wait' : 'soft'}>
            {outcome.falsePerWeek.toFixed(1)} false a week
          </span>
        </>
      )}
    </p>
  );
}

/** When one rule would have fired. Where counts are too coarse to know exactly, bands are hatched. */
function FiringPlot({
  rule,
  outcome,
  counts,
  incidents,
}: {
  rule: Rule;
  outcome: ReplayOutcome | null;
  counts: Counts;
  incidents: readonly Incident[];
}): ReactNode {
  const [ref, width] = useWidth(320);
  const { zone } = usePreferences();
  const { from, until } = countsSpan(counts);
  const x = (ms: number): number =>
    Math.max(0, Math.min(width, ((ms - from) / Math.max(1, until - from)) * width));
  const firings = outcome?.firings ?? [];
  const said =
    firings.length === 0
      ? `${rule.name} would not have fired`
      : `${rule.name} would have fired ${firings
          .map((one) => `${one.isRough ? 'about ' : ''}${fullTimeText(one.from, zone, 'minute')}`)
          .slice(0, 5)
          .join(', ')}`;
  return (
    <div ref={ref} className="firing-plot">
      <svg width={width} height={22} role="img" aria-label={said}>
        <title>{said}</title>
        <rect className="firing-ground" x={0} y={2} width={width} height={18} rx={3} />
        {incidents.map((incident) => (
          <rect
            key={incident.from}
            className="firing-incident"
            x={x(incident.from)}
            y={2}
            width={Math.max(2, x(incident.until) - x(incident.from))}
            height={18}
          />
        ))}
        {firings.map((firing) => (
          <rect
            key={firing.from}
            className={`firing is-${rule.severity}${firing.isRough ? ' is-rough' : ''}${firing.isReal ? '' : ' is-false'}`}
            x={x(firing.from)}
            y={5}
            width={Math.max(4, x(firing.until ?? until) - x(firing.from))}
            height={12}
            rx={2}
          />
        ))}
      </svg>
    </div>
  );
}
