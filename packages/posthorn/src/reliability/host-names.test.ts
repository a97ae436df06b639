import { expect, test } from 'vitest';
import type { Condition } from '../domain/alert.ts';
import { withHosts } from './host-names.ts';

const condition = (summary: string): Condition => ({
  rule: 'dead_letters',
  group: 'ep_1/tls',
  severity: 'page',
  owner: null,
  summary,
  evidence: { next_step: 'posthorn redrive --endpoint-id ep_1' },
  waitMs: 0,
});

test('summaries name endpoints by their host, evidence by their id', () => {
  const endpoints = [
    { id: 'ep_1', url: 'https://orders.example/webhooks', name: null },
    { id: 'ep_2', url: 'https://shared.example/a', name: 'a' },
    { id: 'ep_3', url: 'https://shared.example/b', name: null },
  ];
  const named = withHosts(
    [
      condition('2 dead letters at ep_1 (tls)'),
      condition('ep_2 and ep_3 fail, and ep_4 is deleted'),
      condition('payments-to-shop: the error budget is spent'),
    ],
    endpoints,
  );
  expect(named.map(({ summary }) => summary)).toEqual([
    '2 dead letters at orders.example (tls)',
    'shared.example (a) and shared.example (ep_3) fail, and ep_4 is deleted',
    'payments-to-shop: the error budget is spent',
  ]);
  expect(named[0]).toMatchObject({ group: 'ep_1/tls', evidence: condition('').evidence });
});
