import type { DroppedGroup, DroppedState, Snooze } from '../store/dead-letters.ts';
import type { Position } from './paging.ts';

// What groups of dead letters are called, and in which order they come. Pure.

type GroupKey = Pick<DroppedGroup, 'state' | 'errorClass' | 'statusCode'> & {
  readonly endpoint: { readonly id: string };
};

const none = '-';

/** Its parts are what the group is by, so it is found without a list of groups. */
export function groupIdOf({ state, endpoint, errorClass, statusCode }: GroupKey): string {
  return [state, endpoint.id, errorClass ?? none, statusCode ?? none].join('.');
}

/** What of a group its id says; null: it is the id of none. */
export function groupNamed(id: string): { readonly state: DroppedState; readonly endpointId: string } | null {
  const [, state, endpointId] = /^(dead|suppressed)\.(ep_\w{1,64})\.[\w-]{1,40}\.[\d-]{1,3}$/.exec(id) ?? [];
  return endpointId === undefined ? null : { state: state as DroppedState, endpointId };
}

export function isSnoozed({ untilCount }: Snooze, { count }: Pick<DroppedGroup, 'count'>): boolean {
  return untilCount === null || count < untilCount;
}

/**
 * Where each group stands: those worth the most first. Amounts of different currencies are never compared: the one that most
 * events have decides first, then the next.
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
    groupIdOf(group),
  ];
}
