import type { ReactNode } from 'react';
import '../styles/parts-amounts.css';
import { type Money, moneyText, sortedMoney } from './money.ts';
import { plural } from './number.ts';

/**
 * Amounts of one thing, never added: the main currency, and under it the others. Where room is short they are counted, and said in
 * full to who points at them or listens.
 */
export function Amounts({
  money,
  isShort = false,
  none = null,
}: {
  money: readonly (Money & { readonly events?: number })[];
  isShort?: boolean;
  /** What stands here if nothing is known. */
  none?: ReactNode;
}): ReactNode {
  const [main, ...others] = sortedMoney(money);
  if (main === undefined) return none;
  const rest = others.map(moneyText).join(', ');
  const count = `+ ${plural(others.length, 'currency', 'currencies')}`;
  return (
    <div className="amounts">
      <span className="nowrap">{moneyText(main)}</span>
      {others.length === 0 ? null : (
        <div className="label" title={rest}>
          <span className={isShort ? 'sr' : 'amounts-all'}>{rest}</span>
          <span className={isShort ? 'nowrap' : 'amounts-count nowrap'} aria-hidden="true">
            {count}
          </span>
        </div>
      )}
    </div>
  );
}
