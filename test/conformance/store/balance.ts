import fc from 'fast-check';
import { expect, test } from 'vitest';
import { reconcile } from '../../../packages/posthorn/src/ledger/reconciler.ts';
import { everything } from '../../../packages/posthorn/src/store/accounting.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import type { ClaimedDelivery, DeliveryFilter, Store } from '../../../packages/posthorn/src/store/store.ts';
import { aRedrive, agesAt, anEndpoint, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { lease, noRoom, type Subject } from './subject.ts';

/** The ledger, and the counters by event type and minute, have the same sums. */
async function sameSums(store: Store): Promise<void> {
  const query = {
    ...everything,
    now: start,
  };
  const [expected] = await store.read.accountingBy(query, 'tenant');
  const [byType] = await store.read.accountingBy({ ...query, eventTypes: ['*'] }, 'tenant');
  expect(byType).toEqual(expected);
}

/** Whatever is done in whatever order: the ledger balances after every step, and a deleted endpoint's dead letters stay (G4 to G6). */
export function describeBalance(subject: Subject, runs: number): void {
  test('G4, G5, G6: the ledger balances after any sequence of steps, and dead letters of a deleted endpoint stay', async () => {
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
        'bulk',
        'stop',
        'orphans',
        'delete',
        'fanOut',
      ),
      pick: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const fresh = await subject.open();
        try {
          const endpoint = anEndpoint();
          const doomed = anEndpoint();
          await fresh.write.createEndpoint(endpoint);
          await fresh.write.createEndpoint(doomed);
          let deleted = false;
          /** What was dead or suppressed of a deleted endpoint. */
          const kept = new Map<number, string>();
          const claims: ClaimedDelivery[] = [];
          let now = start;
          let jobs = 0;
          for (const { kind, pick } of steps) {
            now += pick * 100;
            const all = await fresh.read.deliveries({}, { after: null, limit: 1000 });
            const some = all[pick % Math.max(1, all.length)]?.number ?? 0;
            const held = claims[pick % Math.max(1, claims.length)];
            const ending = (['pending', 'delivered', 'dead'] as const)[pick % 3]!;
            if (kind === 'accept')
              await fresh.write.accept([[anEvent({ id: `e${pick % 20}` })]], {
                ...noRoom,
                now,
                defaultRoom: pick % 2,
                // One event goes to two endpoints, so that some are created at once and some in steps.
                maxDirect: pick % 4,
              });
            else if (kind === 'claim')
              claims.push(
                ...(
                  await fresh.write.claim({
                    endpointId: [endpoint, doomed][pick % 2]!.id,
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
              await fresh.write.settle([settlementOf(held, ending, now)]);
            else if (kind === 'redrive') await fresh.write.redriveDelivery(some, now);
            else if (kind === 'cancel') await fresh.write.cancelDelivery(some, 'test', now);
            else if (kind === 'release' && held !== undefined)
              await fresh.write.release([{ number: held.number, claim: held.claim, dueAt: now }]);
            else if (kind === 'prune') {
              await fresh.write.prune({
                ages: agesAt(now),
                settledBefore: now,
                deadBefore: now - 50_000,
                limit: 2,
                after: -1,
              });
              // As if it were long ago: what comes later is added to what is coarse already.
              await fresh.write.fold(now + 30 * 86_400_000);
            } else if (kind === 'pause')
              await fresh.write.updateEndpoint(endpoint.id, { enabled: pick % 2 === 0, updatedAt: now });
            else if (kind === 'replay') await fresh.write.replayEvent('default', `e${pick % 20}`, null, now);
            else if (kind === 'fanOut')
              await fresh.write.stepFanOut({ ...noRoom, now, defaultRoom: pick % 2, limit: 1, after: null });
            else if (kind === 'takeOver') await fresh.write.takeOver('a', now);
            else if (kind === 'bulk') {
              const filter: DeliveryFilter =
                pick % 3 === 0 ? {} : { states: [pick % 3 === 1 ? 'dead' : 'suppressed'] };
              const id = `rdr_${now}_${claims.length}_${all.length}_${jobs++}`;
              await beginRedrive(fresh, { id, ...aRedrive, filter, ratePerS: null, dryRun: false, now });
              await fresh.write.stepRedrive(id, 1 + (pick % 2), now);
            } else if (kind === 'stop')
              for (const job of await fresh.read.runningRedrives())
                await fresh.write.stopRedrive(job.id, now);
            else if (kind === 'orphans') await fresh.write.cancelOrphans(2, now);
            else if (kind === 'delete') {
              await fresh.write.deleteEndpoint(doomed.id, now);
              deleted = true;
            }
            if (deleted)
              for (const { number, state, endpointId } of await fresh.read.deliveries(
                {},
                { after: null, limit: 1000 },
              )) {
                if (endpointId !== doomed.id) continue;
                if (kept.has(number)) expect(state).toBe(kept.get(number));
                if (state === 'dead' || state === 'suppressed') kept.set(number, state);
              }
            const result = await reconcile(fresh.read, { everyRow: true });
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
