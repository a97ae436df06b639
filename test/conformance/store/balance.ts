import fc from 'fast-check';
import { expect, test } from 'vitest';
import { reconcile } from '../../../src/ledger/reconciler.ts';
import { everything } from '../../../src/store/accounting.ts';
import type { ClaimedDelivery, Store } from '../../../src/store/store.ts';
import { agesAt, anEndpoint, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { lease, noRoom, type Subject } from './subject.ts';

/** The books, and the tallies by event type and minute, come to the same. */
async function sameSums(store: Store): Promise<void> {
  const query = {
    ...everything,
    now: start,
  };
  const [books] = await store.accountingBy(query, 'tenant');
  const [tallies] = await store.accountingBy({ ...query, eventType: '*' }, 'tenant');
  expect(tallies).toEqual(books);
}

/** Whatever is done in whatever order, the books balance after every step (G4, G6). */
export function describeBalance(subject: Subject, runs: number): void {
  test('G4, G6: the books balance after any sequence of steps', async () => {
    const step = fc.record({
      kind: fc.constantFrom(
        'accept',
        'claim',
        'settle',
        'stale',
        'redrive',
        'cancel',
        'release',
        'prune',
        'pause',
        'replay',
        'takeOver',
      ),
      pick: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const fresh = await subject.open();
        try {
          const endpoint = anEndpoint();
          await fresh.createEndpoint(endpoint);
          const claims: ClaimedDelivery[] = [];
          let now = start;
          for (const { kind, pick } of steps) {
            now += pick * 100;
            const all = await fresh.deliveries({}, { before: null, limit: 1000 });
            const some = all[pick % Math.max(1, all.length)]?.number ?? 0;
            const held = claims[pick % Math.max(1, claims.length)];
            const ending = (['pending', 'delivered', 'dead'] as const)[pick % 3]!;
            if (kind === 'accept')
              await fresh.accept([[anEvent({ id: `e${pick % 20}` })]], {
                ...noRoom,
                now,
                defaultRoom: pick % 2,
              });
            else if (kind === 'claim')
              claims.push(
                ...(
                  await fresh.claim({
                    endpointId: endpoint.id,
                    shards: null,
                    limit: 3,
                    maxPayload: 1e9,
                    now,
                    leaseMs: lease,
                    node: 'a',
                  })
                ).deliveries,
              );
            else if ((kind === 'settle' || kind === 'stale') && held !== undefined)
              await fresh.settle([settlementOf(held, ending, now)]);
            else if (kind === 'redrive') await fresh.redriveDelivery(some, now);
            else if (kind === 'cancel') await fresh.cancelDelivery(some, 'test', now);
            else if (kind === 'release' && held !== undefined)
              await fresh.release([{ number: held.number, claim: held.claim, dueAt: now }]);
            else if (kind === 'prune') {
              await fresh.prune({
                ages: agesAt(now),
                settledBefore: now,
                deadBefore: now - 50_000,
                limit: 2,
                after: -1,
              });
              // As if it were long ago: what comes later is added to what is coarse already.
              await fresh.fold(now + 30 * 86_400_000);
            } else if (kind === 'pause')
              await fresh.updateEndpoint(endpoint.id, { enabled: pick % 2 === 0, updatedAt: now });
            else if (kind === 'replay') await fresh.replayEvent('default', `e${pick % 20}`, null, now);
            else if (kind === 'takeOver') await fresh.takeOver('a', now);
            const result = await reconcile(fresh, { everyRow: true });
            expect(result.findings).toEqual([]);
            expect(result.balanced).toBe(true);
          }
          await sameSums(fresh);
        } finally {
          await fresh.close();
        }
      }),
      { numRuns: runs },
    );
  });
}
