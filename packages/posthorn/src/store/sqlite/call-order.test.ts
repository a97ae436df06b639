import { expect, test } from 'vitest';
import type { Store } from '../store.ts';
import { CallOrder } from './call-order.ts';

function orderOf(...methods: (keyof Store)[]): string[] {
  const order = new CallOrder();
  for (const [id, method] of methods.entries()) order.add([id, method, []]);
  const taken: string[] = [];
  for (let call = order.take(); call !== undefined; call = order.take()) taken.push(`${call[1]}${call[0]}`);
  return taken;
}

test('G8: a commit of events waits for one claim or settlement at most, and these for one other call each', () => {
  expect(orderOf('settle', 'claim', 'claim', 'accept', 'accept', 'endpoint')).toEqual([
    'accept3',
    'settle0',
    'accept4',
    'claim1',
    'endpoint5',
    'claim2',
  ]);
});

test('calls of one kind keep their order, and closing comes last', () => {
  expect(orderOf('accept', 'close', 'accept', 'settle', 'settle')).toEqual([
    'accept0',
    'settle3',
    'accept2',
    'settle4',
    'close1',
  ]);
});
