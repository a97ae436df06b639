import { expect, test } from 'vitest';
import { type History, checkHistory } from './checker.ts';

const clean: History = {
  endpointIds: ['e'],
  attempted: new Set(['a', 'b']),
  acknowledged: new Set(['a']),
  arrivals: [{ endpointId: 'e', eventId: 'a', attempt: 1, at: 1000 }],
  log: [{ endpointId: 'e', eventId: 'a', attempt: 1, outcome: 'delivered', errorClass: null }],
  faults: [],
};
const again = { endpointId: 'e', eventId: 'a', attempt: 2, at: 5000 };

test('a clean history', () => {
  expect(checkHistory(clean)).toMatchObject({
    attempted: 2,
    acknowledged: 1,
    delivered: 1,
    lost: [],
    unexpected: [],
    recovered: 0,
    unexplained: [],
  });
});

test('what was acknowledged and never came is lost; what was never sent is unexpected; what came unacknowledged is recovered', () => {
  expect(checkHistory({ ...clean, arrivals: [] }).lost).toEqual(['e a']);
  expect(checkHistory({ ...clean, endpointIds: ['e', 'f'] }).lost).toEqual(['f a']);
  const arrivals = ['a', 'b', 'x'].map((eventId) => ({ endpointId: 'e', eventId, attempt: 1, at: 0 }));
  expect(checkHistory({ ...clean, arrivals })).toMatchObject({ unexpected: ['x'], recovered: 1 });
});

test('a duplicate needs a reason: a lost answer, a taken-over claim, or a fault after it', () => {
  const twice = { ...clean, arrivals: [...clean.arrivals, again] };
  expect(checkHistory(twice).unexplained).toHaveLength(1);
  expect(checkHistory({ ...twice, faults: [{ kind: 'kill node', at: 5500, until: 5500 }] })).toMatchObject({
    unexplained: [],
    duplicated: { 'the outcome died: kill node': 1 },
  });
  const entry = { endpointId: 'e', eventId: 'a', attempt: 2, errorClass: 'timeout' };
  for (const outcome of ['superseded', 'retry'])
    expect(checkHistory({ ...twice, log: [...clean.log, { ...entry, outcome }] }).unexplained).toEqual([]);
  expect(
    checkHistory({ ...twice, log: [...clean.log, { ...entry, outcome: 'delivered' }] }).unexplained,
  ).toHaveLength(1);
  expect(
    checkHistory({ ...clean, arrivals: [clean.arrivals[0]!, clean.arrivals[0]!] }).unexplained,
  ).not.toHaveLength(0);
});
