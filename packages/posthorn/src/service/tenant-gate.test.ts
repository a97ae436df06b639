import { describe, expect, test } from 'vitest';
import type { TenantLimits } from '../domain/tenant.ts';
import { aClock } from '../../../../test/manual-clock.ts';
import { createTenantGate } from './tenant-gate.ts';

const none: TenantLimits = { endpoints: null, events_per_s: null, pending_deliveries: null };

/** A gate for these tenants, with what the store says is pending. */
async function aGate(tenants: Readonly<Record<string, Partial<TenantLimits>>>) {
  const clock = aClock();
  const pending = new Map<string, number>();
  const counts: string[][] = [];
  const declared = new Map(Object.entries(tenants));
  const gate = createTenantGate(
    {
      documents: async () =>
        [...declared].map(([name, limits]) => ({
          name,
          // The one kind that it asks for.
          document: { display_name: '', metadata: {}, limits: { ...none, ...limits } } as never,
        })),
      pendingIn: async (names) => {
        counts.push([...names]);
        return names.map((name) => pending.get(name) ?? 0);
      },
    },
    clock,
  );
  await gate.refresh();
  const inputs = (tenant: string, count = 1) => Array.from({ length: count }, () => ({ tenant }));
  const publish = async (...given: (readonly [tenant: string, count?: number])[]) => {
    try {
      const admitted = gate.admit(given.flatMap(([tenant, count]) => inputs(tenant, count)));
      if (admitted === null) return 'free';
      (await admitted).ended(
        given.flatMap(([tenant, count = 1]) =>
          Array.from({ length: count }, () => ({ tenant, deliveries: 2 })),
        ),
      );
      return 'admitted';
    } catch (error) {
      const { code, retryAfterS } = error as { code: string; retryAfterS: number };
      return `${code} ${retryAfterS}`;
    }
  };
  return { clock, gate, pending, counts, declared, inputs, publish };
}

describe('limits of tenants (G8)', () => {
  test('a tenant without limits costs no promise, and is never refused', async () => {
    const { gate, inputs } = await aGate({ other: { events_per_s: 1 }, roomy: { endpoints: 1 } });
    expect(gate.admit(inputs('default', 1000))).toBeNull();
    expect(gate.admit(inputs('roomy', 1000))).toBeNull();
  });

  test('events per second: a burst of one second, then as many as time gives', async () => {
    const { clock, publish } = await aGate({ a: { events_per_s: 2 } });
    expect([await publish(['a']), await publish(['a']), await publish(['a'])]).toEqual([
      'admitted',
      'admitted',
      'too_many_events 1',
    ]);
    clock.pass(500);
    expect([await publish(['a']), await publish(['a'])]).toEqual(['admitted', 'too_many_events 1']);
  });

  test('a batch is accepted whole while anything is left, and what it took too much is saved first', async () => {
    const { clock, publish } = await aGate({ a: { events_per_s: 10 } });
    expect(await publish(['a', 40])).toBe('admitted');
    expect(await publish(['a'])).toBe('too_many_events 4');
    clock.pass(3000);
    expect(await publish(['a'])).toBe('too_many_events 1');
    clock.pass(100);
    expect(await publish(['a'])).toBe('admitted');
  });

  test('a batch of several tenants is all or none: a refused one costs the others nothing', async () => {
    const { publish } = await aGate({ a: { events_per_s: 1 }, b: { events_per_s: 1 } });
    expect(await publish(['a'])).toBe('admitted');
    expect(await publish(['b'], ['free'], ['a'])).toBe('too_many_events 1');
    expect(await publish(['b'])).toBe('admitted');
  });

  test('pending deliveries are counted once a second, and what was accepted since counts too', async () => {
    const { clock, pending, counts, publish } = await aGate({ a: { pending_deliveries: 10 } });
    pending.set('a', 7);
    expect(await publish(['a'])).toBe('admitted');
    // 7 and the two deliveries of the first event.
    expect(await publish(['a'])).toBe('admitted');
    expect(await publish(['a'])).toBe('too_many_pending 1');
    expect(counts).toEqual([['a']]);
    pending.set('a', 9);
    clock.pass(1000);
    expect(await publish(['a'])).toBe('admitted');
    expect(await publish(['a'])).toBe('too_many_pending 1');
    expect(counts).toHaveLength(2);
  });

  test('requests at one time are counted before any of them is stored', async () => {
    const { gate, inputs, counts } = await aGate({ a: { pending_deliveries: 3 } });
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => gate.admit(inputs('a'))!));
    expect(all.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(counts).toEqual([['a']]);
  });

  test('what was not stored no longer counts', async () => {
    const { gate, inputs, publish } = await aGate({ a: { pending_deliveries: 1 } });
    const admission = await gate.admit(inputs('a'))!;
    expect(await publish(['a'])).toBe('too_many_pending 1');
    admission.ended([]);
    expect(await publish(['a'])).toBe('admitted');
  });

  test('a declaration that changes keeps what was spent', async () => {
    const { declared, gate, publish } = await aGate({ a: { events_per_s: 5 } });
    expect(await publish(['a', 5])).toBe('admitted');
    declared.set('a', { events_per_s: 1 });
    await gate.refresh();
    expect(await publish(['a'])).toBe('too_many_events 1');
    declared.delete('a');
    await gate.refresh();
    expect(await publish(['a'])).toBe('free');
  });
});
