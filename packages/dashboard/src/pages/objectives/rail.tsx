import type { ReactNode } from 'react';
import { budgetText, type SideName } from './words.ts';

/** What is left of a side's budget, as a bar; the words beside it say the same. */
export function BudgetRail({ side, left }: { side: SideName; left: number | null }): ReactNode {
  const share = Math.max(0, Math.min(1, left ?? 0));
  const isOver = left !== null && left < 0;
  return (
    <div
      className={`rail budget-rail${isOver ? ' is-over' : ''}`}
      role="img"
      aria-label={left === null ? 'Nothing was due' : `${budgetText(left)} of the budget left`}
    >
      <span className={`budget-fill side-${side}`} style={{ width: `${share * 100}%` }} />
    </div>
  );
}
