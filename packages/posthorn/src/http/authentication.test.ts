import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { firstAdmin, anonymous } from '../domain/caller.ts';
import { systemClock } from '../runtime/clock.ts';
import { addressGroup, type AuthenticationFailure, createAuthentication } from './authentication.ts';
import { PosthornError } from '../domain/errors.ts';

const key = 'phk_0123456789abcdef';
/** Keys that were created, by their texts. */
const created: Readonly<Record<string, { state: 'active' | 'expired' | 'revoked'; waitMs?: number }>> = {
  phk_good: { state: 'active' },
  phk_expired: { state: 'expired' },
  phk_revoked: { state: 'revoked' },
  phk_eager: { state: 'active', waitMs: 1500 },
};

function made() {
  let now = 0;
  const lines: Record<string, unknown>[] = [];
  const failures: AuthenticationFailure[] = [];
  const none = (): void => {};
  const used: string[] = [];
  const byHash = new Map(Object.keys(created).map((text) => [hash('sha256', text), text]));
  const authentication = createAuthentication({
    keys: ['phk_another_key_of_ours', key].map((one) => ({ hash: hash('sha256', one), caller: firstAdmin })),
    keyTable: {
      current: () => null,
      find: (bytes) => {
        const text = byHash.get(bytes.toString('hex'));
        return text === undefined
          ? null
          : { id: text, caller: { ...anonymous, id: text }, state: created[text]!.state };
      },
      take: (id) => created[id]!.waitMs ?? 0,
      used: (id, from) => used.push(`${id} ${from}`),
    },
    clock: { ...systemClock, monotonic: () => now },
    logger: { debug: none, info: none, error: none, warn: (fields) => lines.push(fields) },
    onFailure: (reason) => failures.push(reason),
  });
  const tried = (authorization: string | undefined, address = '192.0.2.1'): PosthornError | null => {
    try {
      void authentication.require(authorization, address);
      return null;
    } catch (error) {
      return error as PosthornError;
    }
  };
  return { tried, lines, failures, used, pass: (ms: number) => (now += ms) };
}

describe('G9: failed authentications', () => {
  test('are distinguished, counted, and never say which part was wrong', () => {
    const { tried, failures } = made();
    const answers = [undefined, '', 'Basic abc', 'Bearer', 'Bearer phk_wrong', `Bearer ${key} x`].map(
      (text) => tried(text),
    );
    expect(new Set(answers.map((problem) => `${problem?.code} ${problem?.message}`))).toHaveLength(1);
    expect(answers[0]).toMatchObject({ code: 'unauthorized' });
    expect(failures).toEqual(['missing', 'malformed', 'malformed', 'malformed', 'unknown', 'malformed']);
    expect(tried(`Bearer ${key}`)).toBeNull();
    expect(tried(`bearer ${key}`)).toBeNull();
  });

  test('say the same of an expired and a revoked key as of an unknown one, and are counted apart', () => {
    const { tried, failures, lines, used } = made();
    const answers = ['phk_wrong', 'phk_expired', 'phk_revoked'].map((text) => tried(`Bearer ${text}`));
    expect(new Set(answers.map((problem) => `${problem?.code} ${problem?.message}`))).toHaveLength(1);
    expect(failures).toEqual(['unknown', 'expired', 'revoked']);
    expect(lines).toMatchObject(failures.map((reason) => ({ reason })));
    expect(tried('Bearer phk_good')).toBeNull();
    expect(used).toEqual(['phk_good 192.0.2.1']);
  });

  test('are not what a key has that is used too often: 429 with Retry-After', () => {
    const { tried, failures } = made();
    expect(tried('Bearer phk_eager')).toMatchObject({ code: 'rate_limited', retryAfterS: 2 });
    expect(failures).toEqual([]);
  });

  test('are limited by address with Retry-After, and a valid key passes all the same', () => {
    const { tried, pass } = made();
    const statuses = Array.from({ length: 100 }, () => tried('Bearer phk_wrong')?.code);
    expect(statuses.indexOf('too_many_failures')).toBe(30);
    expect(tried('Bearer phk_wrong')).toMatchObject({ code: 'too_many_failures', retryAfterS: 2 });
    expect(tried(`Bearer ${key}`)).toBeNull();
    expect(tried('Bearer phk_wrong', '192.0.2.2')?.code).toBe('unauthorized');
    pass(2000);
    expect(tried('Bearer phk_wrong')?.code).toBe('unauthorized');
    expect(tried('Bearer phk_wrong')?.code).toBe('too_many_failures');
  });

  test('write one line for each reason in a minute, whatever is sent, and no key', () => {
    const { tried, lines, pass } = made();
    for (let n = 0; n < 5000; n++) tried(`Bearer phk_guess_${n}`, `198.51.100.${n % 250}`);
    tried(undefined);
    expect(lines).toMatchObject([
      { code: 'authentication_failed', reason: 'unknown', failures: 1 },
      { code: 'authentication_failed', reason: 'missing', failures: 1 },
    ]);
    pass(60_000);
    tried('Bearer phk_guess');
    expect(lines.at(-1)).toMatchObject({ reason: 'unknown', failures: 5000 });
    expect(JSON.stringify(lines)).not.toContain('phk_');
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('%s counts as %s', (address, group) => {
  expect(addressGroup(address)).toBe(group);
});
