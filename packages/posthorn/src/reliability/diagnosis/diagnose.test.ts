import { describe, expect, test } from 'vitest';
import { errorClasses, type ErrorClass } from '../../domain/attempt.ts';
import { noContact } from '../../domain/contact.ts';
import { dayMs, hourMs, minuteMs, secondMs } from '../../domain/time.ts';
import { diagnose } from './diagnose.ts';
import type { DiagnosisFacts } from './facts.ts';

const now = Date.UTC(2026, 10, 24, 9, 59);
const since = now - 18 * minuteMs;

const healthy: DiagnosisFacts = {
  now,
  host: 'orders.example.com',
  state: 'healthy',
  timeoutMs: 15_000,
  eventTypes: ['payment.*'],
  pause: null,
  secretsFault: null,
  contact: { ...noContact, lastSuccessAt: now - 4 * secondMs },
  throttledUntil: null,
  breakerSince: null,
  slowedTo: 4,
  maxInFlight: 64,
  certificateEndsAt: null,
  disablesAt: null,
  pending: 0,
  claimed: 0,
  nextAttemptAt: null,
  lossAt: null,
  dead: 0,
  suppressed: 0,
  blockedKeys: 0,
  answers: [],
  lastMessage: null,
  failingTypes: [],
  otherTypes: [],
  inTime: { good: 12_345, due: 12_345 },
  failures: 0,
};

/** Every attempt has failed for 18 minutes. */
function failing(
  errorClass: ErrorClass,
  statusCode: number | null = null,
  more: Partial<DiagnosisFacts> = {},
): DiagnosisFacts {
  return {
    ...healthy,
    state: 'failing',
    contact: {
      lastSuccessAt: since - 30 * secondMs,
      lastFailureAt: now - secondMs,
      failedSince: since,
      failuresInARow: 40,
      lastErrorClass: errorClass,
      lastStatusCode: statusCode,
    },
    answers: [{ errorClass, statusCode, count: 12 }],
    ...more,
  };
}

const waiting = {
  pending: 179,
  nextAttemptAt: now + 41 * secondMs,
  lossAt: now + dayMs + 3 * hourMs + 41 * minuteMs,
};
const says = (facts: DiagnosisFacts): string => diagnose(facts).sentence;

test('a failing endpoint: what it answers, since when, for which types, what waits, and until when nothing is lost', () => {
  const facts = failing('http_5xx', 503, {
    ...waiting,
    failingTypes: ['payment.failed', 'payment.succeeded'],
  });
  expect(diagnose(facts)).toEqual({
    rule: 'server_error',
    level: 'act',
    sentence:
      'orders.example.com has answered 503 to every attempt for 18 min (since 09:41 UTC), for all event types; 179 deliveries wait, and the next attempt is in 41 s; nothing is lost until tomorrow 13:40 UTC, when the earliest schedule ends.',
    nextStep: 'Fix the receiver; Posthorn keeps retrying.',
  });
});

describe('each way to fail has its words', () => {
  test.each<[rule: string, facts: DiagnosisFacts, text: string]>([
    [
      'dns',
      failing('dns', null, { lastMessage: 'no such host' }),
      'its name does not resolve (no such host)',
    ],
    [
      'tls',
      failing('tls', null, { certificateEndsAt: now - dayMs }),
      'has failed every TLS handshake because its certificate expired yesterday 09:59 UTC,',
    ],
    [
      'tls',
      failing('tls', null, { lastMessage: 'another name' }),
      'every TLS handshake (another name) for 18 min',
    ],
    ['refused', failing('connect'), 'has not accepted any connection'],
    ['timeout', failing('timeout'), 'has not answered any attempt within 15 s'],
    ['reset', failing('reset'), 'closed the connection of every attempt'],
    ['blocked_address', failing('blocked_address'), 'an address that Posthorn may not call'],
    ['proxy', failing('proxy'), "the endpoint's proxy fails"],
    ['token', failing('token'), 'does not return a token'],
    ['unauthorized', failing('http_4xx', 401), 'credentials or signature with 401'],
    ['unauthorized', failing('http_4xx', 403), 'credentials or signature with 403'],
    ['not_found', failing('http_4xx', 404), 'nothing accepts webhooks at this path'],
    [
      'client_error',
      failing('http_4xx', 422),
      'has answered 422 to every attempt, so it rejects what is sent',
    ],
    ['rate_limited', failing('rate_limited', 429), 'has answered 429 to every attempt'],
    ['gone', failing('gone', 410), 'has answered 410 Gone'],
    ['redirect', failing('redirect', 301), 'a redirect (301), which Posthorn never follows'],
    ['server_error', failing('http_5xx', 500), 'has answered 500 to every attempt'],
    ['protocol', failing('protocol'), 'has not answered in valid HTTP'],
    ['transformation', failing('transformation'), "the endpoint's transformation returns no data"],
    ['secrets', failing('secrets'), 'a secret of the endpoint cannot be decrypted'],
    ['internal', failing('internal'), 'an internal error or a fault of this machine'],
    ['corrupt', failing('corrupt'), 'changed on disk'],
  ])('%s: %#', (rule, facts, words) => {
    const diagnosis = diagnose(facts);
    expect(diagnosis.rule).toBe(rule);
    expect(diagnosis.sentence).toContain(words);
    expect(diagnosis.nextStep).not.toBeNull();
  });

  test('no class of failure is without', () => {
    for (const errorClass of errorClasses) expect(diagnose(failing(errorClass)).level).toBe('act');
  });
});

test('other failures, the end of its time and dead letters are named too', () => {
  const answers = [
    { errorClass: 'http_5xx', statusCode: 503, count: 9 },
    { errorClass: 'timeout', statusCode: null, count: 3 },
  ] as const;
  expect(says(failing('timeout', null, { answers, dead: 2, disablesAt: now + hourMs }))).toBe(
    'orders.example.com has answered 503 to every attempt for 18 min (since 09:41 UTC); other failures: timeout; 2 deliveries are dead letters; unless an attempt succeeds, the endpoint is paused at 10:59 UTC.',
  );
  expect(
    says(failing('dns', null, { contact: { ...failing('dns').contact!, lastSuccessAt: null } })),
  ).toContain('no attempt has ever succeeded');
});

test('what cannot be promised is not promised', () => {
  expect(says(failing('timeout', null, { pending: 3, nextAttemptAt: now - 1 }))).toContain(
    '3 deliveries wait, and the next attempt is due now; nothing is lost while attempts remain on the schedule.',
  );
  expect(says(failing('timeout', null, { pending: 1, claimed: 1, lossAt: now }))).toContain(
    '1 delivery waits, and attempts are in progress; the earliest schedule may end with the next attempt.',
  );
});

describe('an endpoint that does not fail', () => {
  test.each<[rule: string, level: string, facts: Partial<DiagnosisFacts>, text: string]>([
    [
      'paused',
      'watch',
      {
        pause: { reason: 'migration', at: now - 2 * dayMs, by: 'mara@example.com' },
        pending: 12,
        suppressed: 1,
      },
      'orders.example.com has been paused by mara@example.com since 22 Nov 09:59 UTC: "migration"; 12 deliveries wait; 1 delivery of new events is suppressed.',
    ],
    [
      'paused',
      'watch',
      { pause: { reason: 'operator', at: null, by: null } },
      'orders.example.com has been paused.',
    ],
    [
      'paused_gone',
      'act',
      { pause: { reason: 'gone', at: now, by: null } },
      'orders.example.com answered 410 Gone, so Posthorn has paused the endpoint since 09:59 UTC.',
    ],
    [
      'paused_failing',
      'act',
      { pause: { reason: 'failing', at: null, by: null } },
      'orders.example.com has failed every attempt for so long that Posthorn has paused the endpoint.',
    ],
    [
      'secrets',
      'act',
      { secretsFault: 'the key is missing' },
      'orders.example.com is sent nothing: the key is missing.',
    ],
    [
      'throttled',
      'watch',
      { throttledUntil: now + 5 * minuteMs, pending: 4, nextAttemptAt: now + 1, lossAt: now + hourMs },
      'orders.example.com has asked for a pause until 10:04 UTC (Retry-After), and Posthorn obeys; 4 deliveries wait, and the next attempt is in 5 min; nothing is lost until 10:59 UTC, when the earliest schedule ends.',
    ],
    [
      'slowed',
      'watch',
      { breakerSince: since },
      'orders.example.com has been limited to 4 of 64 concurrent attempts since 09:41 UTC, after 20 failures in a row.',
    ],
    [
      'blocked_keys',
      'act',
      { blockedKeys: 1, pending: 7, dead: 1 },
      'orders.example.com receives deliveries, but dead letters block 1 ordering key; 7 deliveries wait.',
    ],
    [
      'some_types',
      'watch',
      { failingTypes: ['refund.updated'], otherTypes: ['payment.succeeded'], failures: 900 },
      'orders.example.com receives deliveries, but attempts fail for refund.updated and no other type: 900 failed attempts in 24 h.',
    ],
    [
      'dead_letters',
      'act',
      { dead: 38 },
      'orders.example.com receives deliveries, but 38 deliveries are dead letters; the last success was 4 s ago.',
    ],
    [
      'certificate',
      'watch',
      { certificateEndsAt: now + 3 * dayMs },
      'orders.example.com receives deliveries, but its certificate expires in 3 d.',
    ],
    [
      'suppressed',
      'watch',
      { suppressed: 5 },
      'orders.example.com receives deliveries, but 5 deliveries from a time when it was paused are still suppressed.',
    ],
    [
      'idle',
      'ok',
      { state: 'idle', contact: null, eventTypes: ['*'] },
      'orders.example.com has been sent nothing yet: no event of any type has been accepted since the endpoint was created.',
    ],
    [
      'healthy',
      'ok',
      {},
      'orders.example.com accepts what it is sent: 100% of 12,345 deliveries in time in 24 h; the last success was 4 s ago.',
    ],
  ])('%s', (rule, level, facts, sentence) => {
    expect(diagnose({ ...healthy, ...facts })).toMatchObject({ rule, level, sentence });
  });
});
