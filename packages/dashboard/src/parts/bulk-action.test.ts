import { expect, test } from 'vitest';
import { commandFor, filterWords, jobSentence, lengthText, rateFrom } from './bulk-action.ts';

test('the command line does the same, and a shell reads each value as one word', () => {
  const filter = { endpoint_id: ['ep_1'], error_class: ['http_5xx'], status_code: [503], state: ['dead'] };
  expect(commandFor({ kind: 'redrive', filter }, { ratePerS: 20, name: '' })).toBe(
    'posthorn redrive --endpoint-id ep_1 --error-class http_5xx --status-code 503 --state dead --rate 20',
  );
  expect(
    commandFor(
      { kind: 'replay', filter: { event_id: ["it's", 'b,c'] }, endpointId: 'orders' },
      { ratePerS: null, name: 'certificate of 24 November; rm -rf /' },
    ),
  ).toBe(
    "posthorn replay --event-id 'it'\\''s' --event-id b,c --to orders --name 'certificate of 24 November; rm -rf /'",
  );
});

test('a rate is a number within its bounds, or none', () => {
  expect(['', ' 5 ', '0.5', '0', '-1', 'fast', '1e9'].map(rateFrom)).toEqual([
    null,
    5,
    0.5,
    'wrong',
    'wrong',
    'wrong',
    'wrong',
  ]);
  expect(lengthText(38, 20)).toBe('about 2 s');
  expect(lengthText(10_000, 1)).toBe('about 2 h 46 min');
  expect(lengthText(10, null)).toBe('as fast as the store allows');
});

const job = {
  id: 'rdr_1',
  name: null,
  by: null,
  state: 'done',
  stop_reason: null,
  matched: 38,
  redriven: 38,
  skipped: 0,
  outcome: { delivered: 38, pending: 0, dead: 0, other: 0 },
  value: [],
  oldest_at: null,
  newest_at: null,
  keys_held: 0,
  endpoints: 1,
  by_endpoint: [],
  filter: {},
  dry_run: false,
  rate_per_s: null,
  created_at: '2026-11-26T09:00:00.000Z',
  finished_at: null,
} as const;

test.each([
  [{}, 'well', 'Done: all 38 delivered.'],
  [{ state: 'running', redriven: 24 }, 'watch', 'Redriving: 24 of 38 are pending again.'],
  [
    { outcome: { delivered: 30, pending: 8, dead: 0, other: 0 } },
    'watch',
    'Done: 30 of 38 are delivered, 8 on their way.',
  ],
  [
    { outcome: { delivered: 37, pending: 0, dead: 1, other: 0 } },
    'act',
    'Done: 1 of 38 is a dead letter again.',
  ],
  [
    { state: 'stopped', stop_reason: 'failing', redriven: 20 },
    'act',
    'It stopped itself: the first 20 all failed again. 18 stay as they are.',
  ],
  [
    { state: 'stopped', stop_reason: 'asked', redriven: 5 },
    'watch',
    'Stopped at 5 of 38. 33 stay as they are.',
  ],
  [{ matched: 0, redriven: 0 }, 'well', 'Done: nothing matched.'],
] as const)('%j is said as %s: %s', (fields, level, text) => {
  expect(jobSentence({ ...job, ...fields })).toEqual({ level, text });
});

test('a filter is read out', () => {
  expect(filterWords({ state: ['dead'], endpoint_id: ['a'], error_class: ['timeout'] })).toBe(
    'dead letters at 1 endpoint, timeout',
  );
  expect(filterWords({})).toBe('deliveries in any state');
});
