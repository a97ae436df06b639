import { expect, test } from 'vitest';
import type { DroppedGroup } from '../store/dead-letters.ts';
import { droppedGroupId, groupNamed, isSnoozed, worthPosition } from './dropped-groups.ts';
import { toPage } from './paging.ts';

const group = (id: string, count: number, value: DroppedGroup['value'] = []): DroppedGroup => ({
  state: 'dead',
  endpoint: { id, tenant: 't', name: null, owner: null, url: 'https://a/', enabled: true, isDeleted: false },
  errorClass: 'http_5xx',
  statusCode: 503,
  count,
  isPartial: false,
  oldestAt: 0,
  newestAt: 0,
  oldestPrunableAt: 0,
  blockedKeys: 0,
  sample: 1,
  messages: [],
  value,
  deliveredSince: 0,
});
const eur = (amountMinor: bigint, events = 1) => ({ currency: 'EUR', amountMinor, events });
const jpy = (amountMinor: bigint, events = 1) => ({ currency: 'JPY', amountMinor, events });

test('a group is found by the parts of its id', () => {
  const id = droppedGroupId(group('ep_1', 1));
  expect(id).toBe('dead.ep_1.http_5xx.503');
  expect(groupNamed(id)).toEqual({ state: 'dead', endpointId: 'ep_1' });
  const silent = droppedGroupId({
    ...group('ep_1', 1),
    state: 'suppressed',
    errorClass: null,
    statusCode: null,
  });
  expect([silent, groupNamed(silent)]).toEqual([
    'suppressed.ep_1.-.-',
    { state: 'suppressed', endpointId: 'ep_1' },
  ]);
  for (const other of [
    '',
    'ep_1',
    'delivered.ep_1.-.-',
    'dead.ep_1',
    `${id}.more`,
    `dead.ep_${'x'.repeat(99)}.-.-`,
  ])
    expect(groupNamed(other)).toBeNull();
});

test('those worth the most come first, by the currency that most have, and nothing is added across currencies', () => {
  const groups = [
    group('ep_none_few', 2),
    group('ep_yen', 1, [jpy(9_000_000n)]),
    group('ep_small', 50, [eur(100n, 50)]),
    group('ep_none_many', 70),
    group('ep_large', 3, [eur(9000n, 3), jpy(1n)]),
  ];
  const order = (limit: number, cursor?: string) =>
    toPage(groups, { limit, cursor, order: 'desc' }, worthPosition(groups), 'desc');
  const first = order(3);
  expect(first.items.map(({ endpoint }) => endpoint.id)).toEqual(['ep_large', 'ep_small', 'ep_yen']);
  const rest = order(3, first.next_cursor!);
  expect(rest.items.map(({ endpoint }) => endpoint.id)).toEqual(['ep_none_many', 'ep_none_few']);
});

test('a snooze ends when the group has doubled, if it is so asked', () => {
  const snooze = {
    groupId: '',
    until: 1,
    reason: '',
    by: { kind: 'key', id: 'k', name: 'k' },
    at: 0,
  } as const;
  expect(isSnoozed({ ...snooze, untilCount: 10 }, { count: 9 })).toBe(true);
  expect(isSnoozed({ ...snooze, untilCount: 10 }, { count: 10 })).toBe(false);
  expect(isSnoozed({ ...snooze, untilCount: null }, { count: 1e9 })).toBe(true);
});
