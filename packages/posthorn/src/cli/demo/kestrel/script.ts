import type { Api, KeyRequest } from '@posthorn/client';
import { dayMs, hourMs, iso, minuteMs, secondMs } from '../../../domain/time.ts';
import type { Calendar, Span } from './calendar.ts';
import { channels, eventTypes, formerTeam, objectives, receivers, teams, templates } from './cast.ts';
import { refusedEvent } from './conduct.ts';
import type { Traffic } from './traffic.ts';

type Posthorn = Api<never>;

/** People of Kestrel Pay, by their keys. */
export interface Operators {
  as(name: string): Posthorn;
  /** Uses this name for callers from now on. */
  know(name: string, keyId: string): void;
}

/** A single event of the script. */
export interface Act {
  readonly at: number;
  readonly act: () => Promise<void>;
}

export interface Script {
  /** Declares teams, channels, templates, types, endpoints and objectives. */
  declare(): Promise<void>;
  readonly acts: readonly Act[];
  /** When alerts are evaluated more often, because some are expected. */
  readonly watched: readonly Span[];
}

const platform = 'tom@kestrel.example';
const onCall = 'ines@kestrel.example';
const growth = 'mara@kestrel.example';
const partners = 'ravi@kestrel.example';
const shop = 'lena@kestrel.example';
const system = 'payments service';
const pipeline = 'deploy pipeline';
const monitoring = 'monitoring';

/** Keys of people and of systems. */
const keys: Readonly<Record<string, KeyRequest['scopes']>> = {
  [platform]: ['admin'],
  [onCall]: ['read', 'operate'],
  [growth]: ['read', 'operate'],
  [partners]: ['read', 'operate'],
  [shop]: ['read', 'operate'],
  [system]: ['publish'],
  [pipeline]: ['operate'],
  [monitoring]: ['read'],
};

const day = (at: number): string =>
  new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', timeZone: 'UTC' });

/** What the acts of the script act with. */
interface Stage {
  readonly calendar: Calendar;
  readonly as: Operators['as'];
  readonly traffic: Traffic;
  /** Ids of endpoints, by their names. */
  readonly ids: ReadonlyMap<string, string>;
}

/** What the people of Kestrel Pay do, besides what their systems publish. */
export function writeScript(calendar: Calendar, { as, know }: Operators, traffic: Traffic): Script {
  const ids = new Map<string, string>();
  const stage: Stage = { calendar, as, traffic, ids };
  const { ordersDown, analyticsDown, northwindCertificate, until: now } = calendar;
  return {
    declare: async () => {
      for (const [name, scopes] of Object.entries(keys)) {
        const ends = name === monitoring ? { expiresAt: iso(now + 5 * dayMs) } : {};
        const { id } = await as(platform).keys.create({ name, scopes, ...ends });
        know(name, id);
      }
      await declare(as(platform), ids);
    },
    acts: [
      ...redrives(stage),
      ...interventions(stage),
      ...markers(stage),
      ...blockedKey(calendar, as(system), traffic),
      ...unmatched(calendar, as(system), traffic),
      ...payouts(stage),
    ],
    watched: [
      ...[ordersDown, analyticsDown, northwindCertificate, calendar.ordersNight].flatMap(({ from, until }) =>
        [from, until].map((at) => ({ from: at - minuteMs, until: at + 30 * minuteMs })),
      ),
      { from: calendar.ledgerDown.from, until: now + minuteMs },
    ],
  };
}

/** Dead letters that are sent again after an incident, and those of analytics just now. */
function redrives({ calendar, as, ids }: Stage): Act[] {
  const { ordersDown, analyticsDown, northwindCertificate, until: now } = calendar;
  const redriveAll = async (
    who: string,
    name: string,
    endpoint: string,
    span: Span,
    ratePerS: number | null,
  ): Promise<void> => {
    await as(who).redrives.create({
      name,
      filter: {
        endpointId: ids.get(endpoint)!,
        state: 'dead',
        since: iso(span.from - hourMs),
        until: iso(span.until),
      },
      ratePerS,
    });
  };
  const ordersName = `orders, ${day(ordersDown.from)} to ${day(ordersDown.until)}`;
  const certificateName = `certificate of ${day(northwindCertificate.from)}`;
  return [
    {
      at: ordersDown.until + 15 * minuteMs,
      act: () => redriveAll(onCall, ordersName, 'orders', ordersDown, null),
    },
    {
      at: ordersDown.until + 3 * hourMs,
      act: () => redriveEach(as(onCall), ids.get('orders')!),
    },
    {
      at: calendar.searchFixedAt + 3 * hourMs,
      act: () => settleSearch(as(shop), ids.get('search')!, calendar.searchFixedAt + 30 * dayMs),
    },
    {
      at: northwindCertificate.until + 20 * minuteMs,
      act: () => redriveAll(onCall, certificateName, 'northwind', northwindCertificate, null),
    },
    {
      at: now - 4 * secondMs,
      act: () => redriveAll(growth, 'analytics, partition key', 'analytics', analyticsDown, 0.5),
    },
  ];
}

/** A pause, cancellations and an acknowledgement. */
function interventions({ calendar, as, ids }: Stage): Act[] {
  return [
    {
      at: calendar.crmPausedAt,
      act: async () => void (await as(growth).endpoints.pause(ids.get('crm')!, { reason: 'migration' })),
    },
    {
      at: calendar.partnerCertificateAt + 90 * minuteMs,
      act: async () => {
        const api = as(partners);
        const endpointId = ids.get('partner')!;
        const { items } = await api.deliveries.list({ endpointId, state: 'pending', limit: 3 });
        for (const { id } of items) await api.deliveries.cancel(id, { reason: 'sent to Brightside by mail' });
      },
    },
    { at: calendar.ledgerDown.from + 12 * minuteMs, act: () => acknowledge(as(onCall), ids.get('ledger')!) },
  ];
}

function markers({ calendar: { deploys, ordersDown }, as }: Stage): Act[] {
  return [
    ...deploys.map((at, index) => ({
      at,
      act: async () =>
        void (await as(pipeline).markers.create({ kind: 'deploy', label: `payments 2.${11 + index}` })),
    })),
    {
      at: ordersDown.from + 20 * minuteMs,
      act: async () =>
        void (await as(onCall).markers.create({
          kind: 'incident',
          label: 'orders database',
          at: iso(ordersDown.from),
        })),
    },
  ];
}

/** Events that make failures at the partner and at the ledger visible at once. */
function payouts({ calendar, as, traffic }: Stage): Act[] {
  return [calendar.partnerCertificateAt + 20 * minuteMs, calendar.ledgerDown.from + 20 * secondMs].map(
    (at) => ({
      at,
      act: async () => {
        const events = Array.from({ length: 14 }, () => traffic.event(at, { type: 'payout.paid' }));
        await as(system).events.publishBatch({ events });
      },
    }),
  );
}

async function declare(api: Posthorn, ids: Map<string, string>): Promise<void> {
  for (const [name, document] of Object.entries(channels)) await api.channels.put(name, document);
  for (const [name, document] of Object.entries(teams)) await api.teams.put(name, document);
  await api.teams.put(formerTeam, {});
  for (const [name, document] of Object.entries(templates)) await api.templates.put(name, document);
  for (const [name, { description, owner, amount }] of Object.entries(eventTypes))
    await api.eventTypes.put(name, {
      description,
      owner,
      ...(amount === null ? {} : { value: { amount: `/object/${amount}`, currency: '/object/currency' } }),
    });
  for (const [name, { host, endpoint }] of Object.entries(receivers)) {
    const { id } = await api.endpoints.create({ name, url: `https://${host}/webhooks`, ...endpoint });
    ids.set(name, id);
  }
  for (const [name, { endpoints, ...document }] of Object.entries(objectives))
    await api.slos.put(name, { ...document, endpointIds: endpoints.map((one) => ids.get(one)!) });
}

/** A payment that the warehouse refuses, and its customer's later ones, which wait behind it. */
function blockedKey({ warehouseBlockedAt }: Calendar, api: Posthorn, traffic: Traffic): Act[] {
  const customer = 17;
  const type = 'payment_intent.succeeded';
  return [
    {
      at: warehouseBlockedAt,
      act: async () =>
        void (await api.events.publish({
          ...traffic.event(warehouseBlockedAt, { type, customer }),
          id: refusedEvent,
        })),
    },
    ...[31, 87, 140, 210, 305].map((minutes) => {
      const at = warehouseBlockedAt + minutes * minuteMs;
      return { at, act: async () => void (await api.events.publish(traffic.event(at, { type, customer }))) };
    }),
  ];
}

/** A type without subscribers. */
function unmatched({ until }: Calendar, api: Posthorn, traffic: Traffic): Act[] {
  return Array.from({ length: 12 }, (_, n) => {
    const at = until - (12 - n) * 37 * minuteMs;
    return {
      at,
      act: async () => void (await api.events.publish(traffic.event(at, { type: 'refund.updated' }))),
    };
  });
}

/** What a redrive left, because its one attempt failed by chance. */
async function redriveEach(api: Posthorn, endpointId: string): Promise<void> {
  const { items } = await api.deliveries.list({ endpointId, state: 'dead', limit: 20 });
  for (const { id } of items) await api.deliveries.redrive(id);
}

/** What search has refused is never sent again, because its team knows of another way: the drops before the fix stay. */
async function settleSearch(api: Posthorn, endpointId: string, until: number): Promise<void> {
  const note = 'The index was built anew from the database, which has all of these.';
  const { items: groups } = await api.deadLetters.list({ endpointId });
  for (const { groupId } of groups)
    await api.deadLetters.snooze(groupId, { until: iso(until), reason: note });
  const { items: alerts } = await api.alerts.list({ state: 'firing', endpointId });
  for (const { id } of alerts) await api.alerts.acknowledge(id, { note });
}

/** The engineer on call acknowledges the page about an endpoint. */
async function acknowledge(api: Posthorn, endpointId: string): Promise<void> {
  const { items } = await api.alerts.list({ state: 'firing' });
  const alert = items.find(({ group, severity }) => group.startsWith(endpointId) && severity === 'page');
  if (alert !== undefined)
    await api.alerts.acknowledge(alert.id, {
      note: 'Finance restores the replica of the ledger; I call them at 30 minutes.',
    });
}
