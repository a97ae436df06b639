import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { worthFindings } from '../../packages/posthorn/src/ledger/reconciler.ts';
import { everything } from '../../packages/posthorn/src/store/accounting.ts';
import type {
  AcceptOptions,
  ClaimedDelivery,
  Settlement,
  Store,
  StoreRead,
} from '../../packages/posthorn/src/store/store.ts';
import type { WorthComparison } from '../../packages/posthorn/src/store/worth.ts';
import { settlementOf } from '../settlement.ts';
import type { Tamperable } from './store/digests.ts';
import { agesAt, anEndpoint, anEvent, start } from '../support.ts';

const hour = 3_600_000;
const noRoom: AcceptOptions = { now: start, node: 'a', leaseMs: 30_000, defaultRoom: 0, room: new Map() };
const huge = 2n ** 62n;

/** What is at risk, as counters: what every adapter must keep equal to its rows. */
export function describeWorth(name: string, open: () => Promise<Tamperable>): void {
  describe(name, () => {
    let opened: Tamperable;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(async () => {
      await opened.close();
    });

    const publish = async (value: { amountMinor: bigint; currency: string } | null, at = start) =>
      await store.write.accept([[anEvent({ value })]], { ...noRoom, now: at });
    /** Claims as many deliveries as there are states and settles them, the oldest first: a claim of several shards is not sorted, nor full. */
    const settle = async (
      endpointId: string,
      states: readonly Settlement['state'][],
      at: number,
    ): Promise<number> => {
      const claimed: ClaimedDelivery[] = [];
      while (claimed.length < states.length) {
        const { deliveries } = await store.write.claim({
          endpointId,
          shards: null,
          limit: states.length - claimed.length,
          maxPayload: 1e9,
          now: at,
          leaseMs: 60_000,
          node: 'a',
        });
        if (deliveries.length === 0) throw new Error(`only ${claimed.length} were due`);
        claimed.push(...deliveries);
      }
      const oldestFirst = claimed.toSorted((a, b) => a.createdAt - b.createdAt);
      for (const [index, state] of states.entries())
        await store.write.settle([settlementOf(oldestFirst[index]!, state, at + index)]);
      return oldestFirst[0]!.number;
    };
    /** By the counters, once they were found equal to the rows. */
    const worth = async (): Promise<string[]> => {
      const all = await store.read.worthComparisons();
      expect(all.flatMap(worthFindings)).toEqual([]);
      const shown = ({ currency, counters }: WorthComparison): string[] =>
        (['dead', 'suppressed'] as const).flatMap((state) => {
          const { count, amountMinor } = counters[state];
          return count === 0 && amountMinor === 0n ? [] : [`${state} ${count} ${currency} ${amountMinor}`];
        });
      return all.flatMap(shown).toSorted();
    };

    test('G6: value at risk is that of rows while they are few, of counters beyond, and the same where each event has one delivery', async () => {
      const [one, other] = [anEndpoint({ eventTypes: ['a'] }), anEndpoint({ enabled: false })];
      for (const endpoint of [one, other]) await store.write.createEndpoint(endpoint);
      await store.write.accept(
        [[anEvent({ type: 'a', value: { amountMinor: 500n, currency: 'EUR' } })]],
        noRoom,
      );
      await store.write.accept(
        [[anEvent({ type: 'b', value: { amountMinor: huge, currency: 'JPY' } })]],
        noRoom,
      );
      await store.write.accept([[anEvent({ type: 'b', value: null })]], noRoom);
      await settle(one.id, ['dead'], start + 10);
      const atRisk = async (fields: Partial<Parameters<StoreRead['accounting']>[0]>) => {
        const counts = await store.read.accounting({ ...everything, now: start + hour, ...fields });
        const { valueAtRisk, valueCounted } = counts;
        return {
          money: valueAtRisk
            .map(({ currency, amountMinor, events }) => `${events} ${currency} ${amountMinor}`)
            .toSorted(),
          ...valueCounted,
        };
      };
      // The first event is dead at one endpoint and suppressed at the other.
      const rows = { money: ['1 EUR 500', `1 JPY ${huge}`], by: 'event', isComplete: true };
      expect(await atRisk({})).toEqual(rows);
      expect(await atRisk({ maxValueRows: 4 })).toEqual(rows);
      expect(await atRisk({ maxValueRows: 3 })).toEqual({
        money: ['2 EUR 1000', `1 JPY ${huge}`].toSorted(),
        by: 'delivery',
        isComplete: true,
      });
      const ofOne = { endpointIds: [one.id] };
      expect((await atRisk({ ...ofOne, maxValueRows: 0 })).money).toEqual((await atRisk(ofOne)).money);
      expect(await atRisk({ since: start + 2 * hour, until: start + 3 * hour, maxValueRows: 0 })).toEqual({
        money: [],
        by: 'event',
        isComplete: true,
      });
      // Counters of worth know no types: no more rows are read than that.
      expect(await atRisk({ eventTypes: ['b'] })).toMatchObject({
        money: [`1 JPY ${huge}`],
        isComplete: true,
      });
      expect(await atRisk({ eventTypes: ['b'], maxValueRows: 3 })).toMatchObject({
        by: 'event',
        isComplete: false,
      });
    });

    test('G4: it moves with the delivery: dead, redriven, suppressed, cancelled, pruned, folded', async () => {
      const live = anEndpoint({ ordering: 'key', onDead: 'block' });
      const off = anEndpoint({ enabled: false });
      for (const endpoint of [live, off]) await store.write.createEndpoint(endpoint);
      await publish({ amountMinor: 500n, currency: 'EUR' });
      await publish({ amountMinor: -20n, currency: 'EUR' }, start + 1);
      await publish(null, start + 2);
      await publish({ amountMinor: huge, currency: 'JPY' }, start + hour);
      await publish({ amountMinor: huge, currency: 'JPY' }, start + hour + 1);
      const suppressed = ['suppressed 1  0', 'suppressed 2 EUR 480', `suppressed 2 JPY ${2n * huge}`];
      expect(await worth()).toEqual(suppressed);

      const states = ['dead', 'dead', 'dead', 'delivered', 'delivered'] as const;
      const first = await settle(live.id, states, start + hour + 10);
      expect(await worth()).toEqual(['dead 1  0', 'dead 2 EUR 480', ...suppressed]);

      expect(await store.write.redriveDelivery(first, start + 2 * hour)).toMatchObject({ result: 'done' });
      expect(await worth()).toEqual(['dead 1  0', 'dead 1 EUR -20', ...suppressed]);
      await settle(live.id, ['dead'], start + 2 * hour + 1);
      expect(await worth()).toEqual(['dead 1  0', 'dead 2 EUR 480', ...suppressed]);

      while (await store.write.fold(start + 20 * 24 * hour)) {
        // Until everything is folded that is old enough.
      }
      expect(await worth()).toEqual(['dead 1  0', 'dead 2 EUR 480', ...suppressed]);
      await store.write.prune({
        ages: agesAt(start + 3 * hour),
        settledBefore: start + 3 * hour,
        deadBefore: start + 3 * hour,
        limit: 100,
        after: -1,
      });
      expect(await worth()).toEqual([]);
    });

    test('a dead letter that is cancelled, and events that are replayed or sent to one endpoint alone', async () => {
      const live = anEndpoint({ ordering: 'key', onDead: 'block' });
      await store.write.createEndpoint(live);
      const value = { amountMinor: 700n, currency: 'USD' };
      await store.write.accept([[anEvent({ id: 'one', value, orderingKey: 'k' })]], noRoom);
      const number = await settle(live.id, ['dead'], start + 1);
      expect(await worth()).toEqual(['dead 1 USD 700']);
      expect(await store.write.cancelDelivery(number, 'not needed', start + 2)).toMatchObject({
        result: 'done',
      });
      expect(await worth()).toEqual([]);
      await store.write.updateEndpoint(live.id, { enabled: false, updatedAt: start });
      await store.write.replayEvent('default', 'one', null, start + 3);
      await store.write.acceptFor(anEvent({ value }), live.id, start + 4);
      expect(await worth()).toEqual(['suppressed 2 USD 1400']);
    });

    test('G6: a counter that was edited, and an amount that was, are found', async () => {
      const off = anEndpoint({ enabled: false });
      await store.write.createEndpoint(off);
      await publish({ amountMinor: 500n, currency: 'EUR' });
      const findings = async () => (await store.read.worthComparisons()).flatMap(worthFindings);
      await opened.run(`UPDATE worth SET suppressed_lo = suppressed_lo + 1`);
      expect(await findings()).toMatchObject([
        {
          endpointId: off.id,
          problem:
            'the counters say 1 suppressed worth 5.01 EUR, and the rows say 1 suppressed worth 5.00 EUR',
        },
      ]);
      await opened.run(`UPDATE events SET amount_minor = 501`);
      expect(await findings()).toEqual([]);
      await opened.run(`DELETE FROM worth`);
      expect(await findings()).toHaveLength(1);
    });
  });
}
