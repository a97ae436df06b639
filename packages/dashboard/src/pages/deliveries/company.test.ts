import { expect, test } from 'vitest';
import { companyOf, companyText } from './company.ts';

const company = (firstAttempts: number, firstDelivered: number, accepted = firstAttempts) => ({
  accepted,
  delivered: firstDelivered,
  pending: 0,
  dead: 0,
  firstAttempts,
  firstDelivered,
});

test('points are added up, and what a point lacks is nothing', () => {
  expect(
    companyOf([
      {
        at: '2026-11-25T09:00:00Z',
        open: false,
        accepted: 3,
        delivered: 2,
        first_attempts: 3,
        first_delivered: 2,
      },
      { at: '2026-11-25T09:01:00Z', open: true, accepted: 1, pending: 1 },
    ]),
  ).toEqual({ accepted: 4, delivered: 2, pending: 1, dead: 0, firstAttempts: 3, firstDelivered: 2 });
});

test.each([
  [company(1, 0), true, 'Nothing else was accepted'],
  [company(2, 0), true, 'Too few to tell'],
  [company(200, 199), true, 'Only this one, or few: 199 of 200 first attempts succeeded.'],
  [company(200, 3), true, 'Not only this one: 3 of 200 first attempts succeeded. The endpoint fails.'],
  [company(200, 100), true, 'Others fail too: 100 of 200'],
  [company(200, 100), false, '100 of 200 first attempts succeeded (50%)'],
  // Accepted, and none was tried yet: nothing is known.
  [company(0, 0, 40), true, 'Too few to tell'],
])('%o, failing %s: %s', (of, isFailing, text) => {
  expect(companyText(of, isFailing)).toContain(text);
});
