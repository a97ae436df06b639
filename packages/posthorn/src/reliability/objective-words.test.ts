import { expect, test } from 'vitest';
import { objectiveSentence, type SentenceFacts, type SideFacts, sideSentence } from './objective-words.ts';

const day = 86_400_000;
const sender: SideFacts = {
  side: 'sender',
  team: 'payments',
  budgetRemaining: 0.96,
  pace: 0.1,
  lastsMs: 18 * day,
};
const receiver: SideFacts = { ...sender, side: 'receiver', team: 'shop' };
const facts: SentenceFacts = {
  kind: 'delivered_within',
  target: 0.999,
  kept: true,
  good: 38_221_016,
  total: 38_233_250,
  windowMs: 30 * day,
  knownMs: 30 * day,
  sides: [sender, receiver],
};

test('an objective is kept or not by the whole, and no share is rounded up to all or to the target', () => {
  expect(objectiveSentence(facts)).toBe('Kept: 99.968% delivered in time; the target is 99.9%.');
  const almost = { ...facts, good: 9_999_999, total: 10_000_000 };
  expect(objectiveSentence(almost)).toBe('Kept: 99.99999% delivered in time; the target is 99.9%.');
  expect(objectiveSentence({ ...facts, good: 10, total: 10 })).toMatch(/^Kept: 100% /);
  const missed = { ...facts, kept: false, good: 99_899, total: 100_000 };
  expect(objectiveSentence({ ...missed, sides: [sender, { ...receiver, budgetRemaining: -3.3 }] })).toBe(
    'Not kept: 99.89% delivered in time; the target is 99.9%. The receiver, shop, spent 4.3 times its budget.',
  );
  expect(objectiveSentence(missed)).toContain(
    ' Neither side has overspent its own budget, but both together have.',
  );
  expect(objectiveSentence({ ...facts, kept: false, good: 0, total: 10 })).toMatch(/^Not kept: 0% /);
});

test('a young window says so, and so does one in which nothing was due', () => {
  expect(objectiveSentence({ ...facts, knownMs: 4 * day })).toBe(
    'Kept: 99.968% delivered in time; the target is 99.9%. Only 4 days of 30 days have been counted so far.',
  );
  expect(objectiveSentence({ ...facts, good: 0, total: 0 })).toBe('Nothing was due in the last 30 days.');
});

test('what is unaccounted is said in numbers', () => {
  const accounted = { ...facts, kind: 'accounted', target: 1, good: 1234, total: 1234 } as const;
  expect(objectiveSentence(accounted)).toBe('Kept: all 1,234 deliveries are accounted for.');
  expect(objectiveSentence({ ...accounted, kept: false, good: 1231 })).toBe(
    'Not kept: 3 of 1,234 deliveries are unaccounted.',
  );
});

test('how long a budget lasts is part of the text', () => {
  const say = (fields: Partial<SideFacts>) => sideSentence({ ...sender, ...fields }, 30 * day);
  expect(say({})).toBe('At the rate of the last hour the budget lasts 18 days.');
  expect(say({ lastsMs: 5.5 * 3_600_000 })).toBe('At the rate of the last hour the budget lasts 5 hours.');
  expect(say({ lastsMs: 65_000 })).toBe('At the rate of the last hour the budget lasts 1 minute.');
  expect(say({ lastsMs: 31 * day })).toContain('for the whole window');
  expect(say({ pace: 0, lastsMs: null })).toBe('Nothing was spent in the last hour.');
  expect(say({ budgetRemaining: -0.28, lastsMs: 0 })).toBe('Overspent: 1.2 times the budget is gone.');
  expect(say({ budgetRemaining: 0, lastsMs: 0 })).toBe('The budget is used up.');
  expect(say({ budgetRemaining: null, lastsMs: null })).toBe('Nothing was due.');
});
