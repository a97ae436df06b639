import { expect, test } from 'vitest';
import type { AuditEntry } from '../domain/audit-entry.ts';
import { type Caller, firstAdmin, libraryCaller } from '../domain/caller.ts';
import { hourMs } from '../domain/time.ts';
import type { Store } from '../store/store.ts';
import type { Call } from './handler.ts';
import { payloadLooks } from './payload-looks.ts';

const callOf = (caller: Caller): Call => ({
  caller,
  from: '192.0.2.7',
  requestId: 'req_1',
  trace: null,
  text: null,
  idempotencyKey: null,
  acceptsLines: false,
  credential: () => null,
});

test('G9: a look at a full payload is an entry, once in an hour for each caller and event', async () => {
  const entries: AuditEntry[] = [];
  let monotonic = 0;
  let isFull = false;
  const store = {
    write: {
      appendAudit: async (given: readonly AuditEntry[]) => {
        if (isFull) throw new Error('the disk is full');
        entries.push(...given);
      },
    },
  } as unknown as Store;
  const clock = { now: () => 1000 + monotonic, monotonic: () => monotonic, after: () => () => {} };
  const looks = payloadLooks({ store, clock });
  const [event, other] = [
    { tenant: 'acme', id: 'pay-1' },
    { tenant: 'acme', id: 'pay-2' },
  ];
  for (const payloads of ['none', 'masked'] as const)
    await looks.note(callOf({ ...firstAdmin, payloads }), event);
  await looks.note(callOf(libraryCaller), event);
  expect(entries).toEqual([]);
  await looks.note(callOf(firstAdmin), event);
  await looks.note(callOf(firstAdmin), event);
  await looks.note(callOf({ ...firstAdmin, id: 'key_2' }), event);
  await looks.note(callOf(firstAdmin), other);
  monotonic = hourMs;
  await looks.note(callOf(firstAdmin), event);
  const seen = ({ actor, action, target, tenant, at }: AuditEntry): unknown => [
    actor.id,
    action,
    target.id,
    tenant,
    at,
  ];
  expect(entries.map(seen)).toEqual([
    ['admin', 'events.get', 'pay-1', 'acme', 1000],
    ['key_2', 'events.get', 'pay-1', 'acme', 1000],
    ['admin', 'events.get', 'pay-2', 'acme', 1000],
    ['admin', 'events.get', 'pay-1', 'acme', 1000 + hourMs],
  ]);
  // One that was not stored is not remembered either.
  isFull = true;
  const third = { tenant: 'acme', id: 'pay-3' };
  await expect(looks.note(callOf(firstAdmin), third)).rejects.toThrow('the disk is full');
  isFull = false;
  await looks.note(callOf(firstAdmin), third);
  expect(entries).toHaveLength(5);
});
