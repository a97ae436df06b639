import { expect, test } from 'vitest';
import { type Health, inTimeText, listSummary } from './words.ts';

const health = (state: Health['state'], dead = 0): Health => ({ state, dead }) as Health;

test('the sentence of a list counts which need attention', () => {
  expect(listSummary([health('healthy'), health('idle')], true)).toEqual({
    level: 'well',
    sentence: 'All 2 endpoints take what they are sent.',
  });
  expect(
    listSummary([health('failing', 3), health('healthy', 1), health('paused'), health('slowed')], true),
  ).toEqual({
    level: 'act',
    sentence: 'Of 4 endpoints, 1 fails every attempt, 1 has dead letters, 1 is slowed down, and 1 is paused.',
  });
  expect(listSummary([health('paused'), health('paused')], false)).toEqual({
    level: 'watch',
    sentence: 'Of the first 2 endpoints, 2 are paused.',
  });
});

test('a rate is said of enough deliveries only', () => {
  const of = (good: number, due: number) =>
    inTimeText({ good, due, share: due === 0 ? null : good / due, interval: [0, 1] });
  expect([of(0, 0), of(18, 19), of(9994, 10_000)]).toEqual(['nothing due', '18 of 19', '99.94%']);
});
