import { type Alert, alertTenant } from '../domain/alert.ts';
import { formatValue, type Value } from '../domain/money.ts';
import { hourMs } from '../domain/time.ts';
import {
  type AccountingGroup,
  type AccountingQuery,
  everything,
  unaccountedOf,
} from '../store/accounting.ts';
import { type Missing, type StoreRead } from '../store/store.ts';
import { type Side, type WeekParts, type WeeklyLoss, weekPartsOf, weekCount } from './side.ts';
import { type StoreWindow, tenantTraffic } from './store-window.ts';
import { count } from '../report/count.ts';

type LedgerStore = Pick<StoreRead, 'accounting' | 'accountingBy' | 'missing'>;

/** This many lost events are priced one by one; beyond, the first ones are extrapolated. */
const maxPriced = 100_000;
/** Hours that are checked one by one for the first loss. */
const maxHours = 200;

const trafficMix = (groups: readonly AccountingGroup[]): Map<string, number> =>
  new Map(groups.map(({ key, accepted }) => [String(key), accepted]));

/** The value of lost events per week: a compound Poisson sum, whose standard error is √Σx². */
function weeklyLosses({ events }: Missing, unaccounted: number, weeks: number): WeeklyLoss[] {
  const missing = events.reduce((sum, event) => sum + event.missing, 0);
  // Rows of delivered events may be missing as well, and nothing says which: then each stands for its share.
  const part = missing === 0 ? 0 : Math.min(1, unaccounted / missing);
  const priced = events.flatMap(({ value }) => (value === null ? [] : [value]));
  return [...Map.groupBy(priced, ({ currency }: Value) => currency)].map(([currency, values]) => {
    const amounts = values.map(({ amountMinor }) => Number(amountMinor));
    const sum = amounts.reduce((total, amount) => total + amount, 0) * part;
    const error = Math.sqrt(amounts.reduce((total, amount) => total + amount * amount, 0) * part);
    const aWeek = (value: number): number => Math.max(0, value) / weeks;
    return {
      currency,
      amountMinor: aWeek(sum),
      interval: [aWeek(sum - 1.959963984540054 * error), aWeek(sum + 1.959963984540054 * error)],
      events: Math.round(values.length * part),
    };
  });
}

/** When the first lost event was accepted: from the event, or from the first hour whose ledger does not balance. */
async function findFirstLoss(
  store: LedgerStore,
  hours: readonly AccountingGroup[],
  gone: Missing,
  query: AccountingQuery,
): Promise<number | null> {
  if (gone.events[0] !== undefined) return gone.events[0].acceptedAt;
  const open = hours.filter((hour) => unaccountedOf({ ...hour, pending: 0 }) > 0).slice(0, maxHours);
  for (const { key, ...counters } of open) {
    const since = Number(key);
    const { pending } = await store.accounting({ ...query, since, until: since + hourMs });
    if (unaccountedOf({ ...counters, pending }) > 0) return since;
  }
  return null;
}

function partsOf(hours: readonly AccountingGroup[], byDay: boolean): WeekParts {
  return weekPartsOf(
    hours.map(({ key, accepted }) => ({ at: Number(key), events: accepted })),
    byDay ? 24 : 6,
  );
}

/**
 * A side from Posthorn's own ledger. Silently lost is what the ledger accepted and no row accounts for: everything else
 * has a state, a reason and an alert. Reads counters, and rows only of what is lost.
 */
export async function sideFromStore(
  store: LedgerStore,
  window: StoreWindow,
  label: string,
  now: number,
  tenant: string | null = null,
): Promise<Side> {
  const { from, until, byDay, notes } = window;
  const query = { ...everything, ...tenantTraffic(tenant), since: from, until, now };
  const counts = await store.accounting(query);
  const { accepted, pending, dead, cancelled, suppressed, late, valueAtRisk } = counts;
  const difference = unaccountedOf(counts);
  const unaccounted = Math.max(0, difference);
  const hours = await store.accountingBy(query, 'hour');
  const events = { tenant, since: from, until };
  const all = await store.missing(events, unaccounted === 0 ? 0 : maxPriced);
  // Posthorn's own deliveries are subtracted from every tenant's.
  const own = tenant === null ? await store.missing({ ...events, tenant: alertTenant }, 0) : null;
  const weekly = weeklyLosses(all, unaccounted, weekCount({ from, until }));
  const found = all.events.reduce((sum, { missing }) => sum + missing, 0);
  const unpriced = Math.max(0, unaccounted - found) + all.events.filter(({ value }) => value === null).length;
  const givenUp = (gone: Missing | null): number =>
    gone === null ? 0 : gone.pruned.dead + gone.pruned.suppressed;
  const prunedGivenUp = givenUp(all) - givenUp(own);
  return {
    label,
    from,
    until,
    // Cancelled deliveries are not wanted; pending ones are not decided.
    decided: Math.max(0, accepted - pending - cancelled),
    unresolved: pending,
    silentlyDropped: unaccounted,
    acknowledgedUnprocessed: 0,
    givenUp: dead + suppressed,
    late,
    lateUnresolved: Math.max(0, late - hours.reduce((sum, hour) => sum + hour.late, 0)),
    weekly,
    givenUpWorth: valueAtRisk,
    endpoints: trafficMix(await store.accountingBy(query, 'endpoint')),
    types: trafficMix(await store.accountingBy(query, 'event_type')),
    weekParts: partsOf(hours, byDay),
    firstLostAt: unaccounted === 0 ? null : await findFirstLoss(store, hours, all, query),
    notes: [
      ...notes,
      'silently lost: what the ledger accepted and no row accounts for; run `posthorn verify` to list it',
      ...(difference < 0
        ? [`the ledger has ${count(-difference)} more ends than beginnings: run \`posthorn verify\``]
        : []),
      ...(unpriced === 0
        ? []
        : [`${count(unpriced)} of the ${count(unaccounted)} lost deliveries no longer have a known amount`]),
      ...(found <= unaccounted
        ? []
        : [
            `rows of ${count(found - unaccounted)} ended deliveries are missing too: the money is divided among all missing rows`,
          ]),
      ...(dead + suppressed === 0
        ? []
        : [
            `${count(dead)} dead letters and ${count(suppressed)} suppressed deliveries (${valueAtRisk.map(formatValue).join(', ') || 'no value'}) are recorded with their reasons and can be redriven`,
          ]),
      ...(prunedGivenUp === 0
        ? []
        : [
            `retention has deleted ${count(prunedGivenUp)} of these: they are counted, but their value is no longer known`,
          ]),
    ],
  };
}

/** From the first loss to the first alert on the ledger that fired after it; null if the store has none. */
export function detectedByAlert(alerts: readonly Alert[], firstLostAt: number): number | null {
  const fired = alerts
    .filter(({ rule, state }) => rule === 'unaccounted' && state !== 'pending')
    .filter(({ resolvedAt }) => resolvedAt === null || resolvedAt > firstLostAt)
    .map(({ firedAt, since }) => Math.max(0, (firedAt ?? since) - firstLostAt));
  return fired.length === 0 ? null : Math.min(...fired);
}
