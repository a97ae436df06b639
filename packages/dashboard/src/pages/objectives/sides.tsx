import type { ReactNode } from 'react';
import { Card } from '../../parts/card.tsx';
import { countText } from '../../parts/number.ts';
import { Chip } from '../../parts/state.tsx';
import { visible } from '../../parts/untrusted.tsx';
import { BudgetRail } from './rail.tsx';
import {
  budgetText,
  type SideName,
  sideMarks,
  sideNames,
  type SideStatus,
  sideTitle,
  type Status,
} from './words.ts';

/** Both teams' budgets beside each other: neither hides the other. */
export function Sides({ status }: { status: Status }): ReactNode {
  return (
    <div className="two">
      {sideNames.map((side) => (
        <Side key={side} side={side} its={status.sides[side]} kind={status.objective} />
      ))}
    </div>
  );
}

function Side({
  side,
  its,
  kind,
}: {
  side: SideName;
  its: SideStatus;
  kind: Status['objective'];
}): ReactNode {
  const { team, bad, budget, budget_remaining: left, sentence, burn, slow_leak: leaks } = its;
  const firing = burn.filter((one) => one.firing);
  return (
    <Card
      title={
        <>
          <span className={`side-mark side-${side}`} aria-hidden="true">
            {sideMarks[side].glyph}
          </span>{' '}
          {visible(sideTitle(side, team))}
        </>
      }
    >
      <div className="spread side-body">
        <p className={left !== null && left < 0 ? 'figure bad' : 'figure'}>
          {left === null ? 'nothing due' : left < 0 ? budgetText(left) : `${budgetText(left)} left`}
        </p>
        <p className="soft side-words">
          {kind === 'accounted'
            ? `${countText(bad)} unaccounted`
            : `${countText(bad)} spent, ${countText(Math.floor(budget + 1e-6))} allowed`}
          <br />
          {sentence}
        </p>
      </div>
      <BudgetRail side={side} left={left} />
      {firing.length === 0 && !leaks ? null : (
        <p className="row side-alerts">
          {firing.map(({ rule, severity }) => (
            <Chip key={rule} tone={severity === 'page' ? 'bad' : 'wait'} glyph="▲">
              {rule} fires
            </Chip>
          ))}
          {leaks ? (
            <Chip tone="wait" glyph="▲">
              slow leak
            </Chip>
          ) : null}
        </p>
      )}
    </Card>
  );
}
