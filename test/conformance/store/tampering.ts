import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reconcile } from '../../../packages/posthorn/src/ledger/reconciler.ts';
import { anEndpoint, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import type { Tamperable } from './digests.ts';
import { noRoom } from './subject.ts';

/** What contradicts itself after a write past the store is found and named. */
export function describeTampering(name: string, open: () => Promise<Tamperable>): void {
  describe(`G6: tampering is found and named, ${name}`, () => {
    let subject: Tamperable;
    /** Three deliveries: two that were delivered, and a dead one. */
    let numbers: readonly number[];
    let events: readonly string[];
    beforeEach(async () => {
      subject = await open();
      const { write } = subject.store;
      const endpoint = anEndpoint();
      await write.createEndpoint(endpoint);
      await write.accept([Array.from({ length: 5 }, (_, n) => anEvent({ id: `event-${n}` }))], noRoom);
      const { deliveries } = await write.claim({
        endpointId: endpoint.id,
        shards: null,
        limit: 3,
        maxPayload: 1e9,
        now: start,
        leaseMs: 1,
        node: 'a',
      });
      await write.settle(deliveries.map((d, n) => settlementOf(d, n === 2 ? 'dead' : 'delivered', start)));
      numbers = deliveries.map(({ number }) => number);
      events = deliveries.map(({ eventId }) => eventId);
    });
    afterEach(() => subject.close());
    const check = () => reconcile(subject.store.read, { everyRow: true });

    test('untouched, it balances', async () => {
      expect(await check()).toMatchObject({ balanced: true, unaccounted: 0, findings: [] });
    });

    test('a deleted delivery is unaccounted for and names its event', async () => {
      await subject.run(`DELETE FROM deliveries WHERE number = ${numbers[0]}`);
      expect(await check()).toMatchObject({
        balanced: false,
        unaccounted: 1,
        findings: [{ eventId: events[0] }],
      });
    });

    test.each([
      ['delivered to dead', 'state = 2', 0],
      ['delivered to cancelled', 'state = 3', 0],
      ['delivered to pending', 'state = 0, due_at = 1', 0],
      ['dead to delivered', 'state = 1', 2],
      ['dead to suppressed', 'state = 4', 2],
      ['left pending without a reason', 'reason = NULL', 0],
    ])('a flipped state (%s) names its delivery', async (_, change, index) => {
      await subject.run(`UPDATE deliveries SET ${change} WHERE number = ${numbers[index]}`);
      const { balanced, findings } = await check();
      expect(balanced).toBe(false);
      expect(findings.map(({ number }) => number)).toContain(numbers[index]);
    });

    test('a deleted event is found by its delivery', async () => {
      await subject.run(`DELETE FROM events WHERE id = '${events[1]}'`);
      expect((await check()).findings).toMatchObject([{ number: numbers[1] }]);
    });

    test('a deleted endpoint is found by its deliveries', async () => {
      await subject.run('DELETE FROM endpoints');
      const { findings } = await check();
      expect(findings.map(({ number }) => number)).toEqual(expect.arrayContaining([...numbers]));
    });

    test('an edited counter is found', async () => {
      await subject.run('UPDATE ledger SET accepted = 2 * accepted');
      expect(await check()).toMatchObject({ balanced: false, unaccounted: 5 });
    });
  });
}
