import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PosthornError } from '../domain/errors.ts';
import { errorAnswer } from './errors.ts';
import { appId, attemptId, newAppName, newMessageId, parseAttemptId, tenantFrom } from './ids.ts';

test('the id of an application leads back to its tenant, whatever its name', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9._:-]{1,128}$/).filter((text) => !text.startsWith('app_'));
  fc.assert(
    fc.property(name, (tenant) => {
      expect(tenantFrom(appId(tenant))).toBe(tenant);
      expect(tenantFrom(tenant)).toBe(tenant);
    }),
  );
  const made = newAppName(1_790_000_000_000, Buffer.alloc(14, 255));
  expect(made).toMatch(/^app_0[0-9A-Za-z]{26}$/);
  expect(appId(made)).toBe(made);
  expect(tenantFrom(made)).toBe(made);
  // Made by no one: it is not a tenant, and not an error.
  expect(tenantFrom('app_z!')).toBe('app_z!');
});

test('ids of messages sort by time, ids of attempts name a delivery and a number', () => {
  const at = (ms: number): string => newMessageId(ms, Buffer.alloc(14, 7));
  expect([at(2_000_000_000_000), at(1_790_000_000_000)].toSorted()).toEqual([
    at(1_790_000_000_000),
    at(2_000_000_000_000),
  ]);
  expect(parseAttemptId(attemptId('dlv_00000gq7v2k', 12))).toEqual({ delivery: 'dlv_00000gq7v2k', n: 12 });
  expect(parseAttemptId('atmpt_x')).toBeNull();
});

test('a repeat of a request that is still running gets the status that clients retry', () => {
  const answer = errorAnswer(new PosthornError('idempotency_in_progress', 'not answered yet'));
  expect(answer).toEqual({ status: 423, body: { code: 'locked', detail: 'not answered yet' } });
});

test('faults of fields are a list, in the names of this API', () => {
  const error = new PosthornError('invalid_request', 'wrong', [
    { path: '/rate_limit_per_s', message: 'wrong' },
  ]);
  expect(errorAnswer(error)).toEqual({
    status: 422,
    body: { detail: [{ loc: ['body', 'throttleRate'], msg: 'wrong', type: 'value_error' }] },
  });
});
