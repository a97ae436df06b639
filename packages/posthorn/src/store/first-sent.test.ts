import { expect, test } from 'vitest';
import { firstCount, firstSentAfter, type FirstState, planStep } from './first-sent.ts';

const job = { matched: 1000, redriven: firstCount, skipped: 0 };
const sentAt = 1_000_000;
const all = Array.from({ length: firstCount }, (_, n) => n);
const sent = firstSentAfter({ numbers: [], until: null }, all, sentAt);
const waiting: FirstState = { state: 0, tries: 0, enabled: true };
const retried: FirstState = { ...waiting, tries: 1 };
const dead: FirstState = { ...waiting, state: 2 };
const delivered: FirstState = { ...waiting, state: 1 };
const of = (...states: readonly FirstState[]): FirstState[] => [
  ...states,
  ...Array.from({ length: firstCount - states.length }, () => waiting),
];
const plan = (states: readonly FirstState[], now = sentAt + 1, fields: Partial<typeof job> = {}) =>
  planStep({ ...job, ...fields }, { sent, states }, 200, now);

test('the first ones go alone, and the rest waits for one that is delivered', () => {
  const fresh = { sent: { numbers: [7], until: null }, states: [waiting] };
  expect(planStep(job, fresh, 200, sentAt)).toEqual({ do: 'take', limit: 19, isWatching: true });
  expect(planStep(job, fresh, 5, sentAt)).toEqual({ do: 'take', limit: 5, isWatching: true });
  expect(plan(of())).toEqual({ do: 'wait' });
  expect(plan(of(dead, retried))).toEqual({ do: 'wait' });
  expect(plan(of(dead, delivered))).toEqual({ do: 'take', limit: 200, isWatching: false });
  expect(planStep(job, null, 200, sentAt)).toEqual({ do: 'take', limit: 200, isWatching: false });
});

test('it stops if every one of the first has failed, and one that has no more to take does not', () => {
  const failed = [
    ...of(dead, dead).slice(0, 2),
    ...of()
      .slice(2)
      .map(() => retried),
  ];
  expect(plan(failed)).toEqual({ do: 'stop' });
  expect(plan(failed.with(3, waiting))).toEqual({ do: 'wait' });
  expect(plan(failed, sentAt + 1, { matched: firstCount })).toMatchObject({ do: 'take' });
  // Taken away by retention, or cancelled: they say nothing of the receiver.
  expect(plan(failed.slice(1))).toMatchObject({ do: 'take', isWatching: false });
  expect(plan(failed.with(3, { ...waiting, state: 3 }))).toMatchObject({ do: 'take' });
});

test('it waits for no endpoint that is paused, not for ever, and not longer because a clock jumps', () => {
  expect(plan(of().map((one) => ({ ...one, enabled: false })))).toMatchObject({ do: 'take' });
  expect(plan(of(), sentAt + 19_999)).toEqual({ do: 'wait' });
  // A receiver that takes longer is watched on.
  expect(plan(of(), sentAt + 20_001)).toEqual({ do: 'take', limit: 200, isWatching: true });
  expect(plan(of(), sentAt - 3_600_000)).toMatchObject({ do: 'take' });
});

test('what is sent later does not count as first', () => {
  const more = firstSentAfter(sent, [500, 501], sentAt + 5);
  expect(more).toEqual(sent);
  expect(firstSentAfter({ numbers: [1], until: null }, [2], sentAt)).toEqual({
    numbers: [1, 2],
    until: null,
  });
});
