import type { Answer } from '../../packages/posthorn/src/contract/table.ts';

// A believable day of Kestrel Pay, as the server would answer it: for looking at the page, not for its numbers.

type Now = Answer<'now.get'>;
type Money = Now['at_risk']['dead'][number];

const hourMs = 3_600_000;
const euros = (amount_minor: number, events: number): Money => ({ currency: 'EUR', amount_minor, events });
const dollars = (amount_minor: number, events: number): Money => ({ currency: 'USD', amount_minor, events });

const team = (name: string, fields: Partial<Now['teams'][number]>): Now['teams'][number] => ({
  team: name,
  level: 'well',
  state: 'everything it receives arrives',
  dead: 0,
  suppressed: 0,
  late_pending: 0,
  at_risk: [],
  budget_left: null,
  objective: null,
  ...fields,
});

const need = (fields: Partial<Now['needs'][number]>): Now['needs'][number] => ({
  kind: 'dead_letters',
  severity: 'act',
  subject: null,
  endpoint_id: null,
  alert_id: null,
  acknowledged_at: null,
  since: null,
  count: null,
  value: [],
  owner: null,
  summary: '',
  detail: '',
  action: null,
  ...fields,
});

export function aNow(at = Date.now()): Now {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const hour = Math.floor(at / hourMs) * hourMs;
  return {
    at: iso(at),
    level: 'act',
    sentence:
      'Nothing is lost. 41 notifications worth €3,912.40 and $1,120.00 will not arrive unless someone acts.',
    window: { since: iso(hour - 24 * hourMs), until: iso(hour + hourMs), resolution: 'hour' },
    ledger: {
      accepted: 1_284_093,
      delivered: 1_283_871,
      pending: 181,
      dead: 41,
      cancelled: 0,
      suppressed: 0,
      unaccounted: 0,
    },
    pending_read: { rows: 181, complete: true },
    reconciled: { at: iso(at - 21_000), balanced: true, unaccounted: 0, rows_read: 38_233_250, ids: [] },
    earlier: { dead: 0, suppressed: 0 },
    in_time: { good: 1_283_320, due: 1_284_091, share: 0.9994, interval: [0.9993, 0.9995], target: 0.999 },
    latency_ms: { p50: 84, p99: 1900 },
    at_risk: {
      dead: [euros(391_240, 38), dollars(112_000, 1)],
      suppressed: [],
      late_pending: [euros(4_187_000, 176)],
      late_pending_count: 179,
      unknown: 3,
    },
    teams: [
      team('shop', {
        level: 'act',
        state: '38 dead letters',
        dead: 38,
        at_risk: [euros(341_240, 38)],
        budget_left: 0.72,
      }),
      team('finance', {
        level: 'act',
        state: '2 dead letters, 179 late',
        dead: 2,
        late_pending: 179,
        at_risk: [euros(4_237_000, 178)],
        budget_left: 0.94,
      }),
      team('partners', {
        level: 'act',
        state: '1 dead letter',
        dead: 1,
        at_risk: [dollars(112_000, 1)],
        budget_left: 0.99,
      }),
      team('growth', { level: 'watch', state: 'paused' }),
      team('payments', { state: 'everything it sends arrives', budget_left: 0.97 }),
    ],
    needs: [
      need({
        subject: 'orders.kestrel.example',
        endpoint_id: 'ep_1',
        count: 38,
        value: [euros(341_240, 38)],
        owner: 'shop',
        summary: '38 dead letters at orders.kestrel.example: http_5xx',
        detail: 'The oldest is 3 h 12 min old',
        action: { label: 'Redrive 38…', path: '/dead-letters?endpoint_id=ep_1' },
      }),
      need({
        kind: 'failing',
        severity: 'watch',
        subject: 'ledger.kestrel.example',
        endpoint_id: 'ep_2',
        value: [euros(4_187_000, 176)],
        owner: 'finance',
        summary: 'ledger.kestrel.example has failed every attempt for 18 min',
        detail: '179 deliveries wait and are retried; nothing is lost',
        action: { label: 'See errors', path: '/endpoints/ep_2' },
      }),
      need({
        kind: 'objective',
        severity: 'watch',
        subject: 'payments-in-time',
        alert_id: 'alr_1',
        acknowledged_at: iso(at - hourMs),
        owner: 'shop',
        summary: 'payments-in-time: the receiver spends its error budget 1.2 times as fast as allowed',
        detail: '72% is left and lasts 18 days',
        action: { label: 'Open', path: '/objectives/payments-in-time' },
      }),
      need({
        kind: 'paused',
        severity: 'note',
        subject: 'crm.kestrel.example',
        endpoint_id: 'ep_3',
        owner: 'growth',
        summary: 'crm.kestrel.example is paused',
        detail: '“migration”; nothing suppressed so far',
        action: { label: 'Resume…', path: '/endpoints/ep_3' },
      }),
      need({
        kind: 'unmatched',
        severity: 'note',
        subject: 'refund.updated',
        count: 12,
        summary: '12 events of refund.updated matched no endpoint',
        detail: 'They can be replayed when an endpoint subscribes',
        action: { label: 'Subscribe…', path: '/endpoints/new?event_types=refund.updated' },
      }),
    ],
    more_needs: 2,
    endpoints: 14,
  };
}

/** In time by the hour or by the day, with an outage of four days, redriven since. */
export function aSeries(url: URL): Answer<'series.get'> {
  const isDay = url.searchParams.get('step') === 'day';
  const length = isDay ? 24 * hourMs : hourMs;
  const since = Math.floor(Date.parse(url.searchParams.get('since')!) / length) * length;
  const until = Math.ceil(Date.now() / length) * length;
  const count = (until - since) / length;
  const points = Array.from({ length: count }, (_, index) => {
    const due = isDay ? 1_200_000 : 50_000;
    const dip = isDay ? [0.11, 0.31, 0.28, 0.09][index - 9] : index >= 60 && index < 66 ? 0.6 : undefined;
    const late = Math.round((due * (dip ?? 0.003 + (index % 5) * 0.001)) / 100);
    const dropped = dip === undefined ? 0 : Math.round(late / 20);
    return {
      at: new Date(since + index * length).toISOString(),
      open: index === count - 1,
      due,
      in_time: due - late - dropped,
      late,
      dropped: index === count - 1 ? 41 : dropped,
      pending: 0,
      in_time_interval: [
        1 - ((late + dropped) / due) * 1.4 - 0.00005,
        1 - ((late + dropped) / due) * 0.7,
      ] as const,
    };
  });
  return {
    measure: 'in_time',
    by: 'none',
    window: {
      since: new Date(since).toISOString(),
      until: new Date(until).toISOString(),
      step: isDay ? 'day' : 'hour',
    },
    series: [{ key: null, others: 0, points }],
  };
}

/** The end of the outage, seventeen days ago. */
export function someMarkers(): Answer<'markers.list'> {
  const at = new Date(Math.floor(Date.now() / hourMs) * hourMs - 17.5 * 24 * hourMs).toISOString();
  return {
    items: [
      {
        id: 'mrk_1',
        at,
        kind: 'deploy',
        label: 'redrive “orders outage”',
        url: null,
        by: 'ines',
        automatic: false,
        tenant: null,
        subject: null,
      },
    ],
    next_cursor: null,
  };
}
