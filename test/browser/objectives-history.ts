import type { Alert } from '../../packages/posthorn/src/domain/alert.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Settlement, Store } from '../../packages/posthorn/src/store/store.ts';
import { settlementOf } from '../settlement.ts';
import { anEndpoint, anEvent, tempDir } from '../support.ts';

// A month of deliveries for the pages of objectives, in the past of the real clock, because a real server shows it.

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const slo = {
  description: '',
  objective: 'delivered_within',
  target: 0.99,
  window_days: 30,
  event_types: ['payment_intent.*'],
  endpoint_ids: [],
  producer: 'payments',
  consumer: 'shop',
} as const;

/** Accepts `count` events at a time, and lets the endpoint answer each as `fate` says. */
async function live(
  store: Store,
  endpointId: string,
  type: string,
  at: number,
  count: number,
  fate: (index: number) => readonly [Settlement['state'], Partial<Settlement>, afterMs: number][],
): Promise<void> {
  const events = Array.from({ length: count }, (_, index) =>
    anEvent({
      type,
      value: {
        amountMinor: BigInt(1900 + ((index * 7919) % 24_000)),
        currency: index % 7 === 0 ? 'USD' : 'EUR',
      },
    }),
  );
  await store.write.accept([events], {
    now: at,
    node: 'a',
    leaseMs: minute,
    defaultRoom: 0,
    room: new Map(),
  });
  for (let step = 0; ; step++) {
    const at2 = at + step * 5 * minute + 100;
    const { deliveries } = await store.write.claim({
      endpointId,
      shards: null,
      limit: 1000,
      maxPayload: 1e9,
      now: at2,
      leaseMs: minute,
      node: 'a',
    });
    if (deliveries.length === 0) return;
    await store.write.settle(
      deliveries.map((delivery, index) => {
        const steps = fate(index);
        const [state, fields, afterMs] = steps[Math.min(step, steps.length - 1)]!;
        return settlementOf(delivery, state, at2 + afterMs, {
          dueAt: state === 'pending' ? at2 + minute : null,
          ...fields,
        });
      }),
    );
  }
}

const good: readonly [Settlement['state'], Partial<Settlement>, number][] = [['delivered', {}, 84]];
const late: typeof good = [
  ['pending', { errorClass: 'http_5xx', statusCode: 503 }, 50],
  ['delivered', { late: true }, 100],
];
const dead: typeof good = [['dead', { errorClass: 'timeout', statusCode: null }, 15_000]];
const ours: typeof good = [['delivered', { late: true }, 10 * minute]];

function anAlert(fields: Partial<Alert> & Pick<Alert, 'id' | 'since'>): Alert {
  return {
    rule: 'burn_rate',
    group: 'payments-in-time/receiver',
    severity: 'ticket',
    state: 'firing',
    owner: 'shop',
    summary: 'payments-in-time: the receiver spends its error budget 4.2 times as fast as allowed',
    evidence: { objective: 'payments-in-time', fault_domain: 'receiver' },
    firedAt: fields.since,
    resolvedAt: null,
    acknowledgedAt: null,
    notifiedAt: fields.since,
    notifiedSeverity: 'ticket',
    ...fields,
  };
}

/** A data directory with a month of history; returns where it is. */
export async function aMonth(): Promise<string> {
  const dataDir = tempDir();
  const store = await openSqliteStore({ dataDir });
  const now = Date.now();
  const begin = Math.floor((now - 31 * day) / day) * day;
  for (const name of ['payments', 'shop', 'finance', 'platform'])
    await store.write.putDocument('team', name, { description: '', channels: [] });
  const make = async (
    id: string,
    name: string,
    owner: string,
    eventTypes: readonly string[],
    createdAt = begin,
  ) => {
    await store.write.createEndpoint(
      anEndpoint({
        id,
        name,
        owner,
        eventTypes: [...eventTypes],
        url: `https://${name}.kestrel.example/hooks`,
        createdAt,
        deliverWithinMs: minute,
      }),
    );
  };
  await make('ep_orders', 'orders', 'shop', ['payment_intent.succeeded']);
  await make('ep_ledger', 'ledger', 'finance', ['charge.succeeded']);
  await make('ep_new', 'search', 'shop', ['refund.updated'], now - 4 * day);
  await store.write.putDocument('slo', 'payments-in-time', slo);
  await store.write.putDocument('slo', 'ledger-in-time', {
    ...slo,
    event_types: ['charge.*'],
    consumer: 'finance',
    target: 0.999,
  });
  await store.write.putDocument('slo', 'refunds-in-time', { ...slo, event_types: ['refund.*'], target: 0.9 });
  await store.write.putDocument('slo', 'nothing-lost', {
    ...slo,
    objective: 'accounted',
    target: 1,
    event_types: ['*'],
  });
  for (let at = begin; at < now - hour; at += 4 * hour) {
    const ago = (now - at) / day;
    const down = ago > 17 && ago < 21;
    await live(store, 'ep_orders', 'payment_intent.succeeded', at, 60, (index) =>
      down && index < 3
        ? late
        : ago < 1.2 && index === 0
          ? dead
          : ago > 8 && ago < 9 && index < 2
            ? ours
            : good,
    );
    await live(store, 'ep_ledger', 'charge.succeeded', at, 20, (index) =>
      ago < 2.5 && index === 0 ? late : good,
    );
    if (ago < 4) await live(store, 'ep_new', 'refund.updated', at, 5, () => good);
    if (at % day === 0) while (await store.write.fold(at));
  }
  while (await store.write.fold(now));
  const { version } = await store.read.alerts();
  const notified = { channel: 'ops', says: 'firing', eventId: 'gone' } as const;
  await store.write.saveAlerts({
    version,
    now,
    forgotten: [],
    notifications: [],
    changed: [
      anAlert({
        id: 'alr_1',
        since: now - 20 * day,
        resolvedAt: now - 16.5 * day,
        state: 'resolved',
        severity: 'page',
        acknowledgedAt: now - 20 * day + 12 * minute,
        acknowledgement: {
          by: 'ines@kestrel.example',
          note: 'The database of orders restarts; shop is on it',
          until: null,
        },
        notifications: [
          { teams: ['shop'], at: now - 20 * day, ...notified },
          { teams: ['payments'], at: now - 20 * day, ...notified, channel: 'payments-slack' },
        ],
      }),
    ],
  });
  await store.close();
  return dataDir;
}
