import { expect, test } from 'vitest';
import { anEndpoint } from '../../../../test/support.ts';
import { EndpointIndex } from './endpoint-index.ts';

test('an endpoint is found by what it subscribes to now, in its tenant, in the order of numbers', () => {
  const index = new EndpointIndex();
  const found = (type: string, tenant = 'default'): number[] =>
    index.subscribers(tenant, type).map(({ num }) => num);
  const keep = (num: number, eventTypes: string[], tenant = 'default'): void =>
    index.keep({ num, endpoint: anEndpoint({ id: `ep_${num}`, tenant, eventTypes }) });
  keep(3, ['*']);
  keep(2, ['payment.*', 'payment.failed']);
  keep(1, ['payment.failed']);
  keep(4, ['*'], 'acme');
  expect([found('payment.failed'), found('payment.paid'), found('refund')]).toEqual([[1, 2, 3], [2, 3], [3]]);
  expect([found('payment.failed', 'acme'), found('payment.failed', 'absent')]).toEqual([[4], []]);
  keep(2, ['refund']);
  expect([found('payment.failed'), found('refund')]).toEqual([
    [1, 3],
    [2, 3],
  ]);
  index.forget('ep_2');
  index.forget('ep_absent');
  expect([found('refund'), index.get('ep_2'), index.byNum(2)]).toEqual([[3], undefined, undefined]);
  expect(Array.from(index.ofTenant('default'), ({ num }) => num)).toEqual([3, 1]);
});
