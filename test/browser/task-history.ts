import { anEndpoint, anEvent, tempDir } from '../support.ts';
import { settlementOf } from '../settlement.ts';
import { openHere } from '../../packages/posthorn/src/store/sqlite/open-here.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';

// What happened before anybody came to look: an incident that a change has ended, and an hour of yesterday in which all failed.

const hour = 3_600_000;
const day = 24 * hour;
const value = { amountMinor: 12_900n, currency: 'EUR' };

/** The change: four whole hours ago. */
export const change = Math.floor(Date.now() / hour) * hour - 4 * hour;
/** Between 2 and 3 of yesterday, UTC. */
export const badHour = Math.floor(Date.now() / day) * day - day + 2 * hour;
export const failedThen = 40;

/** Accepts events at a time and settles them, the first `dead` of them as dead letters. */
async function live(
  store: Store,
  endpointId: string,
  at: number,
  { count, dead, type }: { readonly count: number; readonly dead: number; readonly type: string },
): Promise<void> {
  const events = Array.from({ length: count }, () => anEvent({ type, value }));
  await store.write.accept([events], { now: at, node: 'n', leaseMs: 0, defaultRoom: 0, room: new Map() });
  const { deliveries } = await store.write.claim({
    endpointId,
    shards: null,
    limit: count,
    maxPayload: 1e9,
    now: at,
    leaseMs: 1000,
    node: 'n',
  });
  await store.write.settle(
    deliveries.map((delivery, n) =>
      settlementOf(delivery, n < dead ? 'dead' : 'delivered', at + 100, {
        errorClass: n < dead ? 'http_5xx' : null,
        statusCode: n < dead ? 503 : 200,
      }),
    ),
  );
}

/** A data directory with that history; receivers are called at `url`. */
export async function taskHistory(url: string): Promise<string> {
  const dataDir = tempDir();
  const store = openHere({ dataDir });
  for (const name of ['payments', 'shop', 'finance'])
    await store.write.putDocument('team', name, { description: '', channels: [] });
  const endpoint = async (
    name: string,
    owner: string | null,
    type: string,
    path: string,
  ): Promise<string> => {
    const made = anEndpoint({
      name,
      owner,
      eventTypes: [type],
      url: url + path,
      createdAt: badHour - day,
    });
    await store.write.createEndpoint(made);
    return made.id;
  };
  const orders = await endpoint('orders', 'shop', 'payment.succeeded', '/ok');
  const partner = await endpoint('partner', 'finance', 'refund.updated', '/ok');
  await endpoint('ledger', 'finance', 'charge.failed', '/503');
  await endpoint('search', null, 'customer.updated', '/ok');
  await store.write.putDocument('slo', 'payments-in-time', {
    description: '',
    objective: 'delivered_within',
    target: 0.9,
    window_days: 7,
    event_types: ['payment.*'],
    endpoint_ids: [],
    producer: 'payments',
    consumer: 'shop',
  });
  await live(store, partner, badHour + 10 * 60_000, {
    count: failedThen + 20,
    dead: failedThen,
    type: 'refund.updated',
  });
  for (const n of [-3, -2, -1, 0, 1, 2])
    await live(store, orders, change + n * hour + 60_000, {
      count: 240,
      dead: n < 0 ? 12 : 0,
      type: 'payment.succeeded',
    });
  await store.close();
  return dataDir;
}
