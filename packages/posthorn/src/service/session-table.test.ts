import { describe, expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { maxSessionMs, type SessionRecord } from '../domain/session.ts';
import { hourMs, minuteMs, secondMs } from '../domain/time.ts';
import { createSessionTable } from './session-table.ts';

const hash = 'a'.repeat(64);

function aTable(fields: Partial<SessionRecord> = {}) {
  const clock = aClock();
  let stored: SessionRecord | null = {
    id: 'ses_1',
    hash,
    kind: 'session',
    owner: 'key_1',
    keyHash: null,
    portal: null,
    createdAt: 0,
    endsAt: maxSessionMs,
    seenAt: 0,
    ...fields,
  };
  const calls: string[] = [];
  const table = createSessionTable(
    {
      read: {
        session: async () => {
          calls.push('read');
          return stored;
        },
      },
      write: {
        sessionSeen: async (_, at) => {
          calls.push(`seen ${at}`);
          if (stored !== null) stored = { ...stored, seenAt: at };
        },
      },
    },
    clock,
  );
  /** A request with the session; returns whether it may. */
  const use = async (): Promise<boolean> => {
    const session = await table.find(hash);
    if (session !== null) table.used(session);
    return session !== null;
  };
  return { clock, table, calls, use, end: () => (stored = null) };
}

describe('G9: sessions in memory', () => {
  test('one is read once a second at most, and requests at one time share the reading', async () => {
    const { clock, calls, use } = aTable();
    expect(await Promise.all([use(), use(), use()])).toEqual([true, true, true]);
    clock.pass(999);
    await use();
    expect(calls).toEqual(['read']);
    clock.pass(1);
    await use();
    expect(calls).toEqual(['read', 'read']);
  });

  test('one that another node has ended works for a second at most, and one that was ended here not at all', async () => {
    const { clock, table, use, end } = aTable();
    await use();
    end();
    expect(await use()).toBe(true);
    clock.pass(secondMs);
    expect(await use()).toBe(false);
    const here = aTable();
    await here.use();
    here.end();
    here.table.forget(hash);
    expect(await here.use()).toBe(false);
    table.forget('unknown');
  });

  test('the last use is written once a minute at most', async () => {
    const { clock, calls, use } = aTable();
    for (let n = 0; n < 300; n++) {
      clock.pass(secondMs);
      await use();
    }
    const seen = calls.filter((call) => call !== 'read');
    expect(seen).toEqual([60, 120, 180, 240, 300].map((s) => `seen ${s * secondMs}`));
  });

  test('it ends after 12 hours without use, and after 7 days however much it is used', async () => {
    const idle = aTable();
    idle.clock.pass(12 * hourMs - 1);
    expect(await idle.use()).toBe(true);
    idle.clock.pass(12 * hourMs - 1);
    expect(await idle.use()).toBe(true);
    idle.clock.pass(12 * hourMs);
    expect(await idle.use()).toBe(false);
    const used = aTable();
    for (let at = 0; at < 7 * 24 - 1; at++) {
      used.clock.pass(hourMs);
      expect(await used.use()).toBe(true);
    }
    used.clock.pass(hourMs);
    expect(await used.use()).toBe(false);
  });

  test('a portal link and what it opened end when the link ends, used or not', async () => {
    for (const kind of ['link', 'portal'] as const) {
      const { clock, use } = aTable({ kind, endsAt: 24 * hourMs });
      clock.pass(24 * hourMs - minuteMs);
      expect(await use()).toBe(true);
      clock.pass(minuteMs);
      expect(await use()).toBe(false);
    }
  });
});
