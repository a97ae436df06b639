import { everything } from '../store/accounting.ts';
import type { TenantFilter } from '../store/filters.ts';
import { hoursOf } from '../store/folding.ts';
import { type StoreRead } from '../store/store.ts';
import { alertTenant } from '../domain/alert.ts';
import { dayMs, hourMs } from '../domain/time.ts';

const weekMs = 7 * dayMs;

/** A window of time; both ends in ms since the epoch. */
export interface Window {
  readonly from: number;
  readonly until: number;
}

/** A window as the ledger can answer it: in whole hours, or in whole days if they are older. */
export interface StoreWindow extends Window {
  /** Some of its counters are daily. */
  readonly byDay: boolean;
  /** How it differs from what was asked for. */
  readonly notes: readonly string[];
}

const iso = (at: number): string => new Date(at).toISOString().slice(0, 16).concat('Z');

/** The counters' hours around a time: whole days if older than eight days. */
export function countedAround(at: number, now: number): Window {
  const { from, to } = hoursOf({ since: at, until: at + 1, now });
  return { from: from * hourMs, until: (to + 1) * hourMs };
}

/** The tenant whose deliveries are compared; null: all tenants except Posthorn's own. */
export function tenantTraffic(tenant: string | null): TenantFilter {
  return tenant === null ? { exceptTenant: alertTenant } : { tenants: [tenant] };
}

/** When the ledger's first delivery was accepted: to the hour, or the day. Null: there is none. */
export async function ledgerBegin(
  store: Pick<StoreRead, 'accountingBy'>,
  now: number,
  tenant: string | null = null,
): Promise<number | null> {
  const [first] = await store.accountingBy({ ...everything, ...tenantTraffic(tenant), now }, 'hour');
  return first === undefined ? null : Number(first.key);
}

/** Null: the ledger does not cover it, because it begins later, or because it is in the future. */
export function ledgerWindow(asked: Window, begin: number, now: number): StoreWindow | null {
  const known = { from: Math.max(asked.from, begin), until: Math.min(asked.until, now) };
  if (known.from >= known.until) return null;
  const from = countedAround(known.from, now).from;
  const last = countedAround(known.until - 1, now);
  // The current hour is counted as far as it goes.
  const until = Math.min(last.until, now);
  const byDay = countedAround(from, now).until - countedAround(from, now).from > hourMs;
  return {
    from,
    until,
    byDay,
    notes: [
      ...(asked.from < begin ? [`the ledger begins at ${iso(begin)}: the time before is unknown`] : []),
      ...(until - from < dayMs ? ['less than a day: a full week may look different'] : []),
      ...(asked.until > now ? [`the window ends now, at ${iso(now)}, and not at ${iso(asked.until)}`] : []),
      ...(from < known.from || last.until > known.until
        ? [
            `counted from ${iso(from)} to ${iso(until)}: the ledger is kept by the ${byDay ? 'day (UTC) after eight days' : 'hour'}`,
          ]
        : []),
    ],
  };
}

/**
 * The times before and after a deployment: equally long, in whole weeks if possible, else whole days, else hours. The
 * hour or day of the deployment itself, which the ledger cannot divide, is left out. Null: one side would be empty.
 */
export function windowsAround(
  deploy: number,
  begin: number,
  now: number,
): { readonly before: Window; readonly after: Window } | null {
  const unitOf = countedAround(deploy, now);
  const until = unitOf.from;
  // A deployment on the hour divides it by itself.
  const from = until === deploy ? deploy : unitOf.until;
  const least = Math.min(until - begin, now - from);
  const unit = [weekMs, dayMs, hourMs].find((size) => least >= size);
  if (unit === undefined) return null;
  const length = Math.floor(least / unit) * unit;
  return { before: { from: until - length, until }, after: { from, until: from + length } };
}
