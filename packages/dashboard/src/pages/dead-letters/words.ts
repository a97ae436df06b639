import type { Item } from '../../api.ts';
import type { BulkFilter } from '../../parts/bulk-action.ts';
import { moneyLine, sumMoney } from '../../parts/money.ts';
import { countText, plural } from '../../parts/number.ts';
import { durationText } from '../../parts/time.ts';

// What the page says of its groups. Pure.

export type Group = Item<'deadLetters.list'>;
export type State = Group['state'];

/** Worth of all of them, by currency. */
export const worthOf = (groups: readonly Pick<Group, 'value_at_risk'>[]): Group['value_at_risk'] =>
  sumMoney(groups.flatMap(({ value_at_risk: value }) => value));

const stateName = (state: State, count: number): string =>
  state === 'dead'
    ? plural(count, 'dead letter')
    : plural(count, 'suppressed delivery', 'suppressed deliveries');

/** The page's sentence. */
export function sentence(groups: readonly Group[], state: State, isComplete: boolean): string {
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const worth = moneyLine(worthOf(groups));
  const least = isComplete ? '' : 'At least ';
  return `${least}${stateName(state, count)}${worth === '' ? '' : `, worth ${worth}`}.`;
}

/** The line under it. */
export function lead(groups: readonly Group[], nowMs: number): string {
  const oldest = Math.min(...groups.map(({ oldest_at }) => Date.parse(oldest_at)));
  const ends = groups.flatMap(({ deleted_from: from }) => (from === null ? [] : [Date.parse(from)]));
  const first = Math.min(...ends);
  const age = `The oldest is ${durationText(nowMs - oldest)} old`;
  const end =
    ends.length === 0
      ? ''
      : first <= nowMs
        ? '; the first is deleted any moment'
        : `; the first is deleted in ${daysText(first - nowMs)}`;
  return `${age}${end}. Sorted by worth.`;
}

/** Days are enough where there are many. */
export const daysText = (ms: number): string =>
  ms >= 2 * 86_400_000 ? plural(Math.floor(ms / 86_400_000), 'day') : durationText(ms);

/** Why they ended: `http_5xx 503`. */
export const failureText = ({ error_class, status_code, state }: Group): string =>
  error_class === null ? state : [error_class, ...(status_code === null ? [] : [status_code])].join(' ');

/** The filter that takes what this group has, for a redrive and for the list of deliveries. */
export function groupFilter(
  group: Group,
  range: { readonly since?: string; readonly until?: string },
): BulkFilter {
  return {
    endpoint_id: [group.endpoint_id],
    state: [group.state],
    ...(group.error_class === null ? {} : { error_class: [group.error_class] }),
    ...(group.status_code === null ? {} : { status_code: [group.status_code] }),
    ...range,
  };
}

export interface Verdict {
  readonly tone: 'good' | 'wait' | 'held' | 'bad';
  readonly short: string;
  readonly text: string;
}

/** Does it work again? */
export function verdictOn(group: Group, nowMs: number): Verdict {
  if (group.deleted)
    return {
      tone: 'bad',
      short: 'endpoint deleted',
      text: 'The endpoint is deleted, so these deliveries cannot be delivered. Replay their events to another endpoint.',
    };
  if (!group.enabled)
    return {
      tone: 'held',
      short: 'endpoint paused',
      text: 'The endpoint is paused: what is redriven waits until it is resumed.',
    };
  if (group.recovered !== null) {
    const { since, successes } = group.recovered;
    return {
      tone: 'good',
      short: 'works again',
      text: `It works again: ${plural(successes, 'delivery', 'deliveries')} accepted since the newest of these, ${durationText(nowMs - Date.parse(since))} ago.`,
    };
  }
  return {
    tone: 'wait',
    short: 'not known to work',
    text: `Nothing has been delivered there since the newest of these, ${durationText(nowMs - Date.parse(group.newest_at))} ago. Send one first.`,
  };
}

export const rowsReadText = (rows: number): string => `${countText(rows)} deliveries were read`;
