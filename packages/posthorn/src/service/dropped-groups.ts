import type { DroppedGroup, DroppedState, Snooze } from '../store/dead-letters.ts';
import type { Position } from './paging.ts';

// Ids and order of groups of dead letters. Pure.

type GroupKey = Pick<DroppedGroup, 'state' | 'errorClass' | 'statusCode'> & {
  readonly endpoint: { readonly id: string };
};

const none = '-';

/** Built from what groups them, so a group is found without a list of groups. */
export function droppedGroupId({ state, endpoint, errorClass, statusCode }: GroupKey): string {
  return [state, endpoint.id, errorClass ?? none, statusCode ?? none].join('.');
}

/** The group that an id encodes; null: it is not the id of a group. */
export function groupNamed(id: string): { readonly state: DroppedState; readonly endpointId: string } | null {
  const [, state, endpointId] = /^(dead|suppressed)\.(ep_\w{1,64})\.[\w-]{1,40}\.[\d-]{1,3}$/.exec(id) ?? [];
  return endpointId === undefined ? null : { state: state as DroppedState, endpointId };
}

export function isSnoozed({ untilCount }: Snooze, { count }: Pick<DroppedGroup, 'count'>): boolean {
  return untilCount === null || count < untilCount;
}

/**
 * The position of each group: the most valuable first. Amounts of different currencies are never compared: the currency
 * of the most events decides first, then the next.
 */
export function worthPosition(groups: readonly DroppedGroup[]): (group: DroppedGroup) => Position {
  const events = new Map<string, number>();
  for (const { value } of groups)
    for (const money of value) events.set(money.currency, (events.get(money.currency) ?? 0) + money.events);
  const currencies = [...events]
    .toSorted(([a, of], [b, than]) => than - of || (a < b ? -1 : 1))
    .map(([currency]) => currency);
  return (group) => [
    ...currencies.map(
      (currency) => -Number(group.value.find((money) => money.currency === currency)?.amountMinor ?? 0n),
    ),
    -group.count,
    droppedGroupId(group),
  ];
}
