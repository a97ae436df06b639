import type { ReactNode } from 'react';
import { Card } from '../../parts/card.tsx';
import { moneyLine } from '../../parts/money.ts';
import { countText, percent } from '../../parts/number.ts';
import { type Column, Table } from '../../parts/table.tsx';
import { durationText } from '../../parts/time.ts';
import { When } from '../../parts/when.tsx';
import {
  aWeek,
  type Impact,
  type ImpactSide,
  type Measure,
  toMeasures,
  type Part,
  pointsText,
} from './measures.ts';

const interval = ([low, high]: readonly [number, number], text: (share: number) => string): string =>
  `${text(low)} to ${text(high)}`;

function Rate({ part: { count, of, rate, interval: range } }: { part: Part }): ReactNode {
  return (
    <>
      {count === 0 ? `none of ${countText(of)}` : percent(rate)}
      <span className="soft">
        {count === 0
          ? `95%: below ${percent(range[1])}`
          : `${countText(count)}; 95%: ${interval(range, percent)}`}
      </span>
    </>
  );
}

const tones = { better: 'good', worse: 'bad', no_difference: 'soft-inline' } as const;
const words = { better: 'better', worse: 'worse', no_difference: 'no difference shown' } as const;

/** `86%`, and `50 times` where it is more than all of it. */
const budgetText = (used: number): string =>
  used > 1 ? `${Number(used.toPrecision(2)).toLocaleString('en-US')} times` : percent(used);

const columns: readonly Column<Measure>[] = [
  { key: 'name', head: 'Of all deliveries', cell: ({ name }) => name, phone: 'first' },
  {
    key: 'before',
    head: 'Before',
    cell: ({ before: part }) => (
      <>
        <span className="impact-head">before</span>
        <Rate part={part} />
      </>
    ),
  },
  {
    key: 'after',
    head: 'After',
    cell: ({ after: part }) => (
      <>
        <span className="impact-head">after</span>
        <Rate part={part} />
      </>
    ),
  },
  {
    key: 'change',
    head: 'Change',
    cell: ({ change, verdict }) => (
      <>
        {pointsText(change.value)}, <span className={tones[verdict]}>{words[verdict]}</span>
        <span className="soft">95%: {interval(change.interval, pointsText)}</span>
      </>
    ),
  },
];

/** Both sides, with what changed. */
export function SideBySide({ impact }: { impact: Impact }): ReactNode {
  const { before, after } = impact;
  const worth = (side: ImpactSide): string => {
    const line = moneyLine(aWeek(side.given_up_value, side));
    return line === '' ? 'nothing' : line;
  };
  return (
    <Card title="Before and after" isFlush>
      <Table<Measure>
        caption="Rates before and after the change, with 95% intervals"
        keyOf={({ key }) => key}
        rows={toMeasures(impact)}
        columns={columns}
      />
      <dl className="impact-numbers impact-pad">
        <div>
          <dt>Dead and suppressed, worth a week</dt>
          <dd>
            {worth(before)} before, {worth(after)} after
          </dd>
        </div>
        {impact.recovered_per_week.length === 0 ? null : (
          <div>
            <dt>No longer value lost silently per week</dt>
            <dd>{moneyLine(impact.recovered_per_week)}</dd>
          </div>
        )}
        <div>
          <dt>Error budget of {percent(impact.objective.target)} used</dt>
          <dd>
            {budgetText(before.budget_burned)} before, {budgetText(after.budget_burned)} after
          </dd>
        </div>
        <div>
          <dt>Deliveries</dt>
          <dd>
            {countText(before.events)} before, {countText(after.events)} after
          </dd>
        </div>
        {before.unresolved + after.unresolved === 0 ? null : (
          <div>
            <dt>Still pending, in no rate</dt>
            <dd>
              {countText(before.unresolved)} before, {countText(after.unresolved)} after
            </dd>
          </div>
        )}
      </dl>
    </Card>
  );
}

const glyphs = {
  equal: { glyph: '●', tone: 'good', word: 'alike' },
  not: { glyph: '▲', tone: 'wait', word: 'not alike' },
  unknown: { glyph: '?', tone: 'soft-inline', word: 'not known' },
} as const;

/** Whether both times saw the same traffic: only then the change explains the difference. */
export function Exposure({ impact: { exposure } }: { impact: Impact }): ReactNode {
  return (
    <Card
      title={
        exposure.equal === null
          ? 'It is unknown whether both times saw the same traffic'
          : exposure.equal
            ? 'Both times saw the same traffic'
            : 'Both times did not see the same traffic'
      }
    >
      <ul className="impact-list">
        {exposure.checks.map(({ check, fine, words: text }) => {
          const { glyph, tone, word } = glyphs[fine === null ? 'unknown' : fine ? 'equal' : 'not'];
          return (
            <li key={check}>
              <span className={tone}>
                <span aria-hidden="true">{glyph}</span>
                <span className="sr">{word}: </span>
              </span>
              <span>{text}</span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function NoticedSide({ side, name }: { side: ImpactSide; name: string }): ReactNode {
  const { first_lost_at: lostAt, time_to_detect: detected } = side;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {lostAt === null ? (
          'Nothing was silently lost.'
        ) : (
          <>
            First lost <When at={lostAt} />.{' '}
            {detected === null
              ? 'No alert fired for it.'
              : `Noticed after ${durationText(detected.after_s * 1000)}: ${detected.by}.`}
          </>
        )}
      </dd>
    </div>
  );
}

/** How soon a silent loss was noticed. */
export function Noticed({ impact: { before, after } }: { impact: Impact }): ReactNode {
  return (
    <Card title="How soon a silent loss was noticed">
      <dl className="impact-numbers">
        <NoticedSide side={before} name="Before" />
        <NoticedSide side={after} name="After" />
      </dl>
    </Card>
  );
}
