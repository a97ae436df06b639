import { type ReactNode, useMemo, useState } from 'react';
import type { Incident } from '../../../../posthorn/src/reliability/backtest.ts';
import type { Rule } from '../../../../posthorn/src/reliability/rules.ts';
import type { Answer } from '../../api.ts';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { Button } from '../../parts/button.tsx';
import { Copy } from '../../parts/copy.tsx';
import { durationText, fullTimeText } from '../../parts/time.ts';
import { visible } from '../../parts/untrusted.tsx';
import { usePreferences } from '../../preferences.ts';
import { now } from '../../clock.ts';
import type { Counts, ReplayAnswer, ReplayOutcome, Side } from './replay.ts';
import {
  changedRules,
  changesFrom,
  changesText,
  incidentsFrom,
  incidentsText,
  type RuleChanges,
  rulesYaml,
  usualChanges,
  usualGate,
  usualRules,
} from './rules-text.ts';
import { IncidentPlot, maxIncidents } from './incidents.tsx';
import { RuleRow } from './rule-row.tsx';
import { useReplay } from './use-replay.ts';
import { sideNames, sideTitle, type Status } from './words.ts';

type Spends = Answer<'slos.spend'>;

/** Whatever spent so much of a budget was an incident, unless the reader says otherwise. */
const incidentShare = 0.05;

function suggested({ items }: Spends, side: Side): readonly Incident[] {
  return items
    .filter((spend) => spend.side === side && (spend.of_budget ?? 0) >= incidentShare)
    .map(({ since, until }) => ({ from: Date.parse(since), until: Math.min(now(), Date.parse(until)) }))
    .toSorted((a, b) => a.from - b.from)
    .slice(0, maxIncidents);
}

/** What the rules would have said in this window, with other factors, windows and gates: both costs beside each other. */
export function Backtest({
  status,
  counts,
  spends,
}: {
  status: Status;
  counts: Counts;
  spends: Spends;
}): ReactNode {
  const search = useQuerySearch();
  const setSearch = useSetSearch();
  const usualSide: Side = status.sides.sender.bad > status.sides.receiver.bad ? 'sender' : 'receiver';
  const side = search['side'] === 'sender' || search['side'] === 'receiver' ? search['side'] : usualSide;
  const [changes, setChanges] = useState<RuleChanges>(() => changesFrom(search['rules']));
  const fromUrl = search['incidents'];
  const incidents = useMemo(() => incidentsFrom(fromUrl) ?? suggested(spends, side), [fromUrl, spends, side]);
  const rules = useMemo(() => changedRules(changes), [changes]);
  const answer = useReplay({ counts, side, rules, incidents });
  const usual = useReplay({ counts, side, rules: usualRules, incidents });
  const change = (next: RuleChanges): void => {
    setChanges(next);
    setSearch({ rules: changesText(next) }, { replace: true });
  };
  const setIncidents = (next: readonly Incident[]): void =>
    setSearch({ incidents: incidentsText(next.slice(0, maxIncidents)) }, { replace: true });
  const [first] = counts.segments;
  if (first === undefined) return null;
  const isChanged = changesText(changes) !== null;
  return (
    <div className="stack backtest">
      <SideChoice side={side} status={status} />
      <Costs mine={answer} usual={usual} isChanged={isChanged} hasIncidents={incidents.length > 0} />
      <IncidentPlot counts={counts} side={side} incidents={incidents} onChange={setIncidents} />
      <ul className="rule-list">
        {rules.map((rule) => (
          <RuleRow
            key={rule.name}
            rule={rule}
            outcome={answer?.outcomes.find((one) => one.rule.name === rule.name) ?? null}
            counts={counts}
            incidents={incidents}
            onChange={(burn) =>
              change({
                ...changes,
                burn: { ...changes.burn, [rule.name]: { factor: burn.factor, longMs: burn.longMs } },
              })
            }
          />
        ))}
      </ul>
      <Gate gate={changes.gate} onChange={(gate) => change({ ...changes, gate })} />
      <Granularity counts={counts} />
      <RulesYaml counts={counts} rules={rules} isChanged={isChanged} onReset={() => change(usualChanges())} />
    </div>
  );
}

function SideChoice({ side, status }: { side: Side; status: Status }): ReactNode {
  const setSearch = useSetSearch();
  return (
    <fieldset className="row backtest-side">
      <legend className="sr">Whose budget</legend>
      {sideNames.map((its) => (
        <label key={its} className="row">
          <input
            type="radio"
            name="backtest-side"
            checked={side === its}
            onChange={() => setSearch({ side: its, incidents: null }, { replace: true })}
          />
          {visible(sideTitle(its, status.sides[its].team))}
        </label>
      ))}
    </fieldset>
  );
}

function RulesYaml({
  counts,
  rules,
  isChanged,
  onReset,
}: {
  counts: Counts;
  rules: readonly Rule[];
  isChanged: boolean;
  onReset: () => void;
}): ReactNode {
  const yaml = rulesYaml(rules, {
    target: counts.target,
    windowS: counts.window_s,
    withinS: counts.within_s,
  });
  return (
    <details className="backtest-yaml">
      <summary>These rules as YAML, for posthorn alerts backtest --rules</summary>
      <pre tabIndex={0}>{yaml}</pre>
      <div className="row">
        <Copy text={yaml} label="Copy YAML" />
        <Button onClick={onReset} forbidden={isChanged ? null : 'These are the rules that are watched.'}>
          Back to the rules that are watched
        </Button>
      </div>
    </details>
  );
}

const sumFalse = (outcomes: readonly ReplayOutcome[]): number =>
  outcomes.reduce((sum, { falsePerWeek }) => sum + falsePerWeek, 0);
const soonest = (outcomes: readonly ReplayOutcome[]): number | null =>
  outcomes.reduce<number | null>(
    (least, { detectedAfterMs: after }) => (after === null ? least : Math.min(least ?? after, after)),
    null,
  );

/** The two costs of alert rules: alarms for nothing, and the time until an incident is noticed. */
function Costs({
  mine,
  usual,
  isChanged,
  hasIncidents,
}: {
  mine: ReplayAnswer | null;
  usual: ReplayAnswer | null;
  isChanged: boolean;
  hasIncidents: boolean;
}): ReactNode {
  const falseText = (its: ReplayAnswer | null): string =>
    its === null ? '…' : sumFalse(its.outcomes).toFixed(1);
  const noticed = (its: ReplayAnswer | null): string => {
    if (its === null) return '…';
    if (!hasIncidents) return 'no incident';
    const after = soonest(its.outcomes);
    return after === null ? 'never' : durationText(Math.max(0, after));
  };
  return (
    <div className="two backtest-costs" aria-live="polite">
      <div>
        <h3 className="soft">Alarms for nothing, a week</h3>
        <p className="figure">{falseText(mine)}</p>
        {isChanged ? <p className="label">{falseText(usual)} with the rules that are watched</p> : null}
      </div>
      <div>
        <h3 className="soft">Until the first incident is noticed</h3>
        <p className="figure">{noticed(mine)}</p>
        {isChanged ? <p className="label">{noticed(usual)} with the rules that are watched</p> : null}
      </div>
    </div>
  );
}

const maxGate = -1;
const minGate = -12;

function Gate({
  gate,
  onChange,
}: {
  gate: number | null;
  onChange: (gate: number | null) => void;
}): ReactNode {
  const isNone = gate === null;
  return (
    <div className="row backtest-gate">
      <label className="field backtest-gate-slider">
        <span>
          {isNone
            ? 'no gate: one late delivery of three may be an alarm'
            : `gate: fires only if chance explains it in fewer than 1 of ${(10 ** -gate).toLocaleString('en-US')} cases`}
        </span>
        <input
          type="range"
          min={minGate}
          max={maxGate}
          step={1}
          value={gate ?? maxGate}
          disabled={isNone}
          onChange={(event) => onChange(Number(event.target.value))}
        />
      </label>
      <label className="row">
        <input
          type="checkbox"
          checked={isNone}
          onChange={(event) => onChange(event.target.checked ? null : usualGate)}
        />{' '}
        no gate
      </label>
    </div>
  );
}

function Granularity({ counts: { segments, known_since: known } }: { counts: Counts }): ReactNode {
  const { zone } = usePreferences();
  const at = (step: number): string | null => {
    const found = segments.find(({ step_s: its }) => its <= step);
    return found === undefined ? null : fullTimeText(Date.parse(found.at), zone, 'minute');
  };
  const [hours, minutes] = [at(3600), at(60)];
  return (
    <p className="label">
      Counted since {fullTimeText(Date.parse(known), zone, 'minute')}
      {segments.length > 1 ? ': ' : '.'}
      {segments[0]?.step_s === 86_400 && hours !== null ? `by the day until ${hours}, ` : ''}
      {segments.some(({ step_s: step }) => step === 3600) && minutes !== null
        ? `by the hour until ${minutes}, then by the minute. `
        : ''}
      {segments.length > 1
        ? 'Where counts are coarser than a rule’s short window they are spread evenly, and its bands are hatched: when it fired is only about right.'
        : ''}{' '}
      Overdue retries are in no count, so their rule is not tried.
    </p>
  );
}
