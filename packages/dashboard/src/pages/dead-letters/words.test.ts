import { expect, test } from 'vitest';
import {
  daysText,
  failureText,
  groupFilter,
  type Group,
  lead,
  sentence,
  verdictOn,
  worthOf,
} from './words.ts';

const at = Date.parse('2026-11-26T12:00:00Z');
const ago = (ms: number): string => new Date(at - ms).toISOString();
const minute = 60_000;
const group: Group = {
  group_id: 'dead.ep_1.http_5xx.503',
  state: 'dead',
  endpoint_id: 'ep_1',
  endpoint_name: null,
  host: 'orders.kestrel.example',
  owner: 'shop',
  enabled: true,
  deleted: false,
  error_class: 'http_5xx',
  status_code: 503,
  message: 'database is restarting',
  count: 38,
  partial: false,
  blocked_keys: 0,
  oldest_at: ago(192 * minute),
  newest_at: ago(26 * minute),
  deleted_from: new Date(at + 89.9 * 86_400_000).toISOString(),
  sample_id: 'dlv_1',
  value_at_risk: [{ currency: 'EUR', amount_minor: 341_240, events: 38 }],
  recovered: null,
  snoozed_until: null,
  snooze: null,
};
const others: readonly Group[] = [
  { ...group, count: 2, value_at_risk: [{ currency: 'EUR', amount_minor: '50000', events: 2 }] },
  { ...group, count: 1, value_at_risk: [{ currency: 'USD', amount_minor: 112_000, events: 1 }] },
];

test('the sentence says how many and what they are worth, by currency', () => {
  expect(sentence([group, ...others], 'dead', true)).toBe('41 dead letters, worth €3,912.40 and $1,120.00.');
  expect(sentence([{ ...group, count: 1, value_at_risk: [] }], 'suppressed', false)).toBe(
    'At least 1 suppressed delivery.',
  );
  expect(worthOf([group, others[0]!])).toEqual([{ currency: 'EUR', amount_minor: '391240', events: 40 }]);
  expect(lead([group], at)).toBe(
    'The oldest is 3 h 12 min old; the first is deleted in 89 days. Sorted by worth.',
  );
  expect(lead([{ ...group, deleted_from: null }], at)).toBe('The oldest is 3 h 12 min old. Sorted by worth.');
  expect(daysText(90 * minute)).toBe('1 h 30 min');
});

test('whether it works again decides what is advised', () => {
  expect(verdictOn(group, at)).toMatchObject({
    tone: 'wait',
    text: expect.stringContaining('Send one first'),
  });
  const recovered = { since: ago(26 * minute), successes: 412 };
  expect(verdictOn({ ...group, recovered }, at)).toMatchObject({
    tone: 'good',
    text: 'It works again: 412 deliveries accepted since the newest of these, 26 min ago.',
  });
  expect(verdictOn({ ...group, recovered, enabled: false }, at).tone).toBe('held');
  expect(verdictOn({ ...group, recovered, enabled: false, deleted: true }, at).tone).toBe('bad');
});

test('a group is the filter that takes it', () => {
  expect(groupFilter(group, { since: 'a' })).toEqual({
    endpoint_id: ['ep_1'],
    state: ['dead'],
    error_class: ['http_5xx'],
    status_code: [503],
    since: 'a',
  });
  const silent: Group = { ...group, state: 'suppressed', error_class: null, status_code: null };
  expect(groupFilter(silent, {})).toEqual({ endpoint_id: ['ep_1'], state: ['suppressed'] });
  expect([failureText(group), failureText(silent)]).toEqual(['http_5xx 503', 'suppressed']);
});
