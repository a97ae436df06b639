import { expect, test } from 'vitest';
import { CallOrder } from './call-order.ts';
import type { Call } from './thread.ts';

const accept = (id: number): Call => [id, 'write', 'accept', []];
const claim = (id: number): Call => [id, 'write', 'claim', []];
const settle = (id: number): Call => [id, 'write', 'settle', []];
const endpoint = (id: number): Call => [id, 'lookups', 'endpoint', []];
const close = (id: number): Call => [id];

function orderOf(...calls: ((id: number) => Call)[]): number[] {
  const order = new CallOrder();
  for (const [id, call] of calls.entries()) order.add(call(id));
  const taken: number[] = [];
  for (let call = order.take(); call !== undefined; call = order.take()) taken.push(call[0]);
  return taken;
}

test('G8: a commit of events waits for one claim or settlement at most, and these for one other call each', () => {
  expect(orderOf(settle, claim, claim, accept, accept, endpoint)).toEqual([3, 0, 4, 1, 5, 2]);
});

test('calls of one kind keep their order, and closing comes last', () => {
  expect(orderOf(accept, close, accept, settle, settle)).toEqual([0, 3, 2, 4, 1]);
});
