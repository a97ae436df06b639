import { describe, expect, test } from 'vitest';
import type { Exchange } from './network.ts';
import { NaiveSender, type NaiveLogLine } from './naive-sender.ts';
import { VirtualTime } from 'posthorn/runtime';

const answer = (answeredAfter: number, status: number | null, error: Exchange['error'] = null): Exchange => ({
  processedAfter: status === 200 ? answeredAfter : null,
  answeredAfter,
  status,
  error,
  retryAfterS: null,
  fault: null,
});

function run(exchanges: readonly Exchange[]): { lines: NaiveLogLine[]; status: string | undefined } {
  const time = new VirtualTime(0);
  const lines: NaiveLogLine[] = [];
  const sender = new NaiveSender({
    time,
    timeoutMs: 10_000,
    retryAfterMs: [5000, 30_000, 120_000],
    send: (_, attempt) => exchanges[attempt - 1]!,
    log: (line) => lines.push(line),
  });
  sender.deliver(1);
  time.runPlain(time.now + 3_600_000);
  return { lines, status: sender.statusOf(1) };
}

describe('the naive sender', () => {
  test('delivers, and retries what fails quickly', () => {
    expect(run([answer(50, 200)])).toMatchObject({
      status: 'delivered',
      lines: [{ attempt: 1, statusCode: 200 }],
    });
    const { lines, status } = run([answer(50, 503), answer(50, null, 'reset'), answer(50, 200)]);
    expect(status).toBe('delivered');
    expect(lines.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  test('a request that ends after a later attempt has failed erases the retry that is owed', () => {
    const { lines, status } = run([answer(30_000, null, 'reset'), answer(100, 503), answer(50, 200)]);
    // Attempt 3 was due at 45.1 s, and would have delivered.
    expect(status).toBe('retrying');
    expect(lines.map(({ attempt, endedAt, error }) => [attempt, endedAt, error])).toEqual([
      [1, 10_000, 'timeout'],
      [2, 15_100, null],
      [1, 30_000, 'reset'],
    ]);
    expect(lines.at(-1)).toMatchObject({ status: 'retrying', nextRetryAt: 45_100 });
  });

  test('the same request a little earlier does no harm: the race is what loses it', () => {
    expect(run([answer(9000, null, 'reset'), answer(100, 503), answer(50, 200)]).status).toBe('delivered');
  });
});
