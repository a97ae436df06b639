import { formatValue } from 'posthorn/domain';
import type { Cause, Minor, ValueAtRisk, Verdict } from '../result.ts';

// How figures are said in reports. Everywhere the same.

/** `0.218 %`: as many digits as a small share needs. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return '0 %';
  const size = Math.abs(value);
  const digits = size >= 1 ? 2 : size >= 0.01 ? 3 : size >= 0.0001 ? 5 : 7;
  return `${Number(value.toFixed(digits))} %`;
}

export const interval = ([lo, hi]: readonly [number, number]): string => `${percent(lo)} to ${percent(hi)}`;

/** `2026-01-04 21:24`, UTC. */
export const time = (at: string | number): string =>
  new Date(at).toISOString().slice(0, 16).replace('T', ' ');

export const day = (at: string | number): string => new Date(at).toISOString().slice(0, 10);

/** A length of time: `80 ms`, `11.3 s`, `2.5 min`, `3.2 h`, `4.1 days`. */
export function seconds(ms: number): string {
  const units = [
    [1000, 1, 'ms'],
    [120_000, 1000, 's'],
    [7_200_000, 60_000, 'min'],
    [172_800_000, 3_600_000, 'h'],
    [Number.POSITIVE_INFINITY, 86_400_000, 'days'],
  ] as const;
  const [, size, unit] = units.find(([below]) => ms < below) ?? units[4];
  return `${Number((ms / size).toFixed(size === 1 ? 0 : 1))} ${unit}`;
}

export const money = ({ amount_minor: minor, currency }: { amount_minor: Minor; currency: string }): string =>
  formatValue({ amountMinor: BigInt(minor), currency });

/** `1,234.50 USD and 12.00 EUR`; `nothing` where there is none. */
export const moneys = (values: readonly Pick<ValueAtRisk, 'amount_minor' | 'currency'>[]): string =>
  values.length === 0 ? 'nothing' : values.map(money).join(' and ');

/** What each cause is, for people who have not met it. */
export const causeWords: Readonly<Record<Cause, string>> = {
  retry_race:
    'Attempts of one delivery overlap; the one that ends last overwrites the state and erases the retry that was owed.',
  retry_never_scheduled: 'An attempt fails and no retry follows, though the sender retries others.',
  counter_reset:
    'The count of attempts starts again, so the end of the schedule never comes and nobody is told.',
  client_timeout:
    'The sender stops waiting at its own limit and does not try again; the receiver may have had the event all the same.',
  restart_loss: 'What was accepted around a restart was only in memory, and went with the process.',
  defect_onset: 'From one moment on a share of the events is lost: something was released then.',
  endpoint_outage: 'One endpoint was away for a while, and what waited for it was given up without a word.',
  dns: 'The name of the receiver could not be resolved, and the events were not tried again.',
  tls: 'No secure connection could be made (a certificate, most often), and the events were not tried again.',
  rate_limited: 'The receiver asked to wait; it was asked again too soon, until the events were forgotten.',
  oversize: 'Events above a size are refused, and are not tried again.',
  poison: 'One kind of event fails always while its neighbours arrive.',
  acknowledged_unprocessed: 'The receiver answered that it had the event, and never processed it.',
  unknown: 'Nothing in the log explains these.',
};

export const verdictWords: Readonly<Record<Verdict, string>> = {
  delivered: 'delivered',
  late: 'delivered late',
  given_up: 'given up, and said so',
  silently_dropped: 'dropped in silence',
  unresolved: 'not decided yet when the log ends',
  acknowledged_unprocessed: 'acknowledged, and not processed',
};
