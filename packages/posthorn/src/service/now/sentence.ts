import type { Answer } from '../../contract/table.ts';
import { Amounts, moneyList } from './amounts.ts';
import type { NowFacts } from './facts.ts';
import type { Totals } from './totals.ts';
import { countText, plural, windowText } from './words.ts';

type Level = Answer<'now.get'>['level'];
type Need = Answer<'now.get'>['needs'][number];

const worthText = (amounts: readonly Amounts[]): string => {
  const sum = new Amounts();
  for (const one of amounts)
    for (const { currency, amountMinor, events } of one.list()) sum.add(currency, amountMinor, events);
  const text = moneyList(sum.list());
  return text === '' ? '' : ` worth ${text}`;
};

/** "Nothing is lost" is only stated once the ledger was checked. */
function lead({ reconciliation }: NowFacts): string {
  return reconciliation === null ? 'The ledger has not been checked yet.' : 'Nothing is lost.';
}

/** Unaccounted deliveries, by the counters of the window or by the last check of all rows. */
function unaccountedCount({ reconciliation }: NowFacts, { equation }: Totals): number {
  return Math.max(Math.abs(equation.unaccounted), Math.abs(reconciliation?.unaccounted ?? 0));
}

/** The one sentence that is read out in a meeting: what is true, what it is worth, and whether an operator has to act. */
export function nowSentence(
  facts: NowFacts,
  totals: Totals,
  needs: readonly Pick<Need, 'severity'>[],
): { readonly level: Level; readonly sentence: string } {
  const { equation, earlier } = totals;
  const missing = unaccountedCount(facts, totals);
  if (missing > 0)
    return {
      level: 'act',
      sentence: `${plural(missing, 'notification is', 'notifications are')} unaccounted: accepted, but in no state.`,
    };
  if (facts.reconciliation?.balanced === false)
    return {
      level: 'act',
      sentence:
        'The ledger and the rows contradict each other: something other than Posthorn has written to the store.',
    };
  const dropped = equation.dead + equation.suppressed;
  const before = earlier.dead + earlier.suppressed;
  if (dropped > 0) {
    const also = before === 0 ? '' : `, nor will ${countText(before)} from before`;
    return {
      level: 'act',
      sentence: `${lead(facts)} ${plural(dropped, 'notification')}${worthText([totals.dead, totals.suppressed])} will not arrive unless someone acts${also}.`,
    };
  }
  if (before > 0)
    return {
      level: 'act',
      sentence: `${lead(facts)} ${plural(before, 'notification')} from before the ${windowText(facts.last)} will not arrive unless someone acts.`,
    };
  if (needs.some(({ severity }) => severity === 'act'))
    return { level: 'act', sentence: `${lead(facts)} An operator has to act.` };
  if (totals.lateCount > 0) {
    const least = facts.pending.isComplete ? '' : 'At least ';
    return {
      level: 'watch',
      sentence: `${lead(facts)} ${least}${plural(totals.lateCount, 'notification')}${worthText([totals.late])} ${totals.lateCount === 1 ? 'is' : 'are'} late and still being delivered.`,
    };
  }
  const watched = needs.filter(({ severity }) => severity === 'watch').length;
  if (watched > 0)
    return {
      level: 'watch',
      sentence: `${lead(facts)} ${plural(watched, 'thing')} to watch.`,
    };
  return { level: 'well', sentence: allWell(facts, totals) };
}

function allWell(facts: NowFacts, { equation }: Totals): string {
  const window = windowText(facts.last);
  if (facts.endpoints.size === 0) return 'No endpoints yet, so nothing can be delivered.';
  if (equation.accepted === 0) return `No payment notification was accepted in the ${window}.`;
  if (facts.reconciliation === null)
    return `Every payment notification of the ${window} arrives; the ledger has not been checked yet.`;
  return `Every payment notification of the ${window} is accounted for; none needs you.`;
}
