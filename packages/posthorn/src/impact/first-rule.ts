import { countedAround, tenantTraffic } from './store-window.ts';
import { backtest } from '../reliability/backtest.ts';
import { defaultObjective, defaultRules } from '../reliability/rules.ts';
import { MinuteHistory } from '../reliability/counts.ts';
import { minuteMs } from '../domain/time.ts';
import { everything } from '../store/accounting.ts';
import { type StoreRead } from '../store/store.ts';

/** A window of more minutes than ten years is invalid. */
const maxMinutes = 5_300_000;

/**
 * Returns the first of the default alert rules that would have fired after a loss that began at `lostAt`, from a
 * window's counters; null: none. Counters are hourly (daily if old), so each hour's deliveries count as due at its end.
 * Times in ms since the epoch.
 */
export async function firstRuleOn(
  store: Pick<StoreRead, 'accountingBy'>,
  window: { readonly from: number; readonly until: number },
  lostAt: number,
  now: number,
  tenant: string | null = null,
): Promise<{ readonly rule: string; readonly afterMs: number } | null> {
  const hours = await store.accountingBy(
    { ...everything, ...tenantTraffic(tenant), since: window.from, until: window.until, now },
    'hour',
  );
  const length = Math.min(maxMinutes, Math.ceil((window.until - window.from) / minuteMs));
  const [due, bad] = [new Float64Array(length), new Float64Array(length)];
  for (const { key, accepted, cancelled, delivered, late } of hours) {
    const end = Math.min(countedAround(Number(key), now).until, window.until);
    const minute = Math.min(length, Math.floor((end - window.from) / minuteMs)) - 1;
    if (minute < 0) continue;
    due[minute]! += Math.max(0, accepted - cancelled);
    bad[minute]! += Math.max(0, accepted - cancelled - (delivered - late));
  }
  const found = backtest(
    { minutes: new MinuteHistory(window.from, due, bad), overdue: [] },
    defaultRules,
    defaultObjective,
    [{ from: lostAt, until: window.until }],
  )
    .flatMap(({ rule, detectedAfterMs: afterMs }) => (afterMs === null ? [] : [{ rule: rule.name, afterMs }]))
    .toSorted((a, b) => a.afterMs - b.afterMs);
  return found[0] ?? null;
}
