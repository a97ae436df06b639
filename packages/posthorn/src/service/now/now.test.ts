import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Alert } from '../../domain/alert.ts';
import type { Counters } from '../../store/accounting.ts';
import type { PendingWorth, Worth } from '../../store/overview.ts';
import { Amounts, moneyList, moneyText } from './amounts.ts';
import type { NowEndpoint, NowFacts } from './facts.ts';
import { Latest } from './latest.ts';
import { nowNeeds, withSamples } from './needs.ts';
import { nowSentence } from './sentence.ts';
import { nowTeams } from './teams.ts';
import { computeTotals } from './totals.ts';
import { lengthText } from './words.ts';

const now = Date.UTC(2026, 10, 25, 10);
const hour = 3_600_000;

const endpoint = (fields: Partial<NowEndpoint> = {}): NowEndpoint => ({
  id: 'ep_a',
  tenant: 'default',
  host: 'orders.example',
  owner: 'shop',
  isEnabled: true,
  pausedReason: null,
  updatedAt: now - 2 * 24 * hour,
  failingSince: null,
  ...fields,
});
const counts = (fields: Partial<Counters>): Counters => ({
  accepted: 0,
  delivered: 0,
  dead: 0,
  cancelled: 0,
  suppressed: 0,
  late: 0,
  superseded: 0,
  firstAttempts: 0,
  firstAttemptDelivered: 0,
  ...fields,
});
const worth = (dead: number, deadMinor: bigint, fields: Partial<Worth> = {}): Worth => ({
  endpointId: 'ep_a',
  currency: 'EUR',
  dead: { count: dead, amountMinor: deadMinor },
  suppressed: { count: 0, amountMinor: 0n },
  ...fields,
});
const pending = (fields: Partial<PendingWorth>): PendingWorth => ({
  endpointId: 'ep_a',
  currency: 'EUR',
  pending: 0,
  late: 0,
  lateAmountMinor: 0n,
  oldestLateAt: null,
  overdue: 0,
  isWithin: true,
  ...fields,
});
const facts = (fields: Partial<NowFacts> = {}): NowFacts => ({
  now,
  last: '24h',
  isEverything: true,
  endpoints: new Map([['ep_a', endpoint()]]),
  counters: new Map([['ep_a', counts({ accepted: 10, delivered: 10 })]]),
  worth: [],
  worthWithin: [],
  pending: { parts: [], read: 0, isComplete: true },
  reconciliation: { at: now, balanced: true, unaccounted: 0, rowsRead: 10, endpoints: [], findings: [] },
  alerts: [],
  unmatched: [],
  teams: new Set(['shop']),
  budgets: new Map(),
  sends: new Map(),
  target: null,
  brokenChannels: [],
  endingKeys: 0,
  ...fields,
});
const said = (fields: Partial<NowFacts>): readonly [string, string] => {
  const found = facts(fields);
  const { level, sentence } = nowSentence(found, computeTotals(found), nowNeeds(found));
  return [level, sentence];
};

describe('the sentence', () => {
  const dead = (n: number) => new Map([['ep_a', counts({ accepted: 10 + n, delivered: 10, dead: n })]]);

  test.each<[string, Partial<NowFacts>, string, string]>([
    [
      'nothing is wrong',
      {},
      'well',
      'Every payment notification of the last 24 hours is accounted for; none needs you.',
    ],
    [
      'one dead letter',
      { counters: dead(1), worth: [worth(1, 500n)], worthWithin: [worth(1, 500n)] },
      'act',
      'Nothing is lost. 1 notification worth €5.00 will not arrive unless someone acts.',
    ],
    [
      'several currencies, and older ones',
      {
        counters: dead(41),
        worth: [worth(45, 391_240n)],
        worthWithin: [
          worth(38, 391_240n),
          worth(2, 112_000n, { currency: 'USD' }),
          worth(1, 9n, { currency: 'JPY' }),
        ],
      },
      'act',
      'Nothing is lost. 41 notifications worth €3,912.40, $1,120.00 and 1 more currency will not arrive unless someone acts, nor will 4 from before.',
    ],
    [
      'only older ones',
      { worth: [worth(3, 500n)] },
      'act',
      'Nothing is lost. 3 notifications from before the last 24 hours will not arrive unless someone acts.',
    ],
    [
      'late and pending',
      {
        counters: new Map([['ep_a', counts({ accepted: 12, delivered: 10 })]]),
        pending: {
          parts: [pending({ pending: 2, late: 2, lateAmountMinor: 100n })],
          read: 2,
          isComplete: true,
        },
      },
      'watch',
      'Nothing is lost. 2 notifications worth €1.00 are late and still being delivered.',
    ],
    [
      'more pending than are read',
      {
        counters: new Map([['ep_a', counts({ accepted: 90_010, delivered: 10 })]]),
        pending: {
          parts: [pending({ pending: 20_000, late: 7, currency: null })],
          read: 20_000,
          isComplete: false,
        },
      },
      'watch',
      'Nothing is lost. At least 7 notifications are late and still being delivered.',
    ],
    [
      'a delivery is in no state',
      { counters: new Map([['ep_a', counts({ accepted: 11, delivered: 10 })]]) },
      'act',
      '1 notification is unaccounted: accepted, but in no state.',
    ],
    [
      'the reconciler finds more than the window shows',
      {
        reconciliation: {
          at: now,
          balanced: false,
          unaccounted: 3,
          rowsRead: 9,
          endpoints: [],
          findings: [],
        },
      },
      'act',
      '3 notifications are unaccounted: accepted, but in no state.',
    ],
    [
      'nothing was checked yet',
      { reconciliation: null, counters: dead(1), worthWithin: [worth(1, 1n)] },
      'act',
      'The ledger has not been checked yet. 1 notification worth €0.01 will not arrive unless someone acts.',
    ],
    [
      'a failing endpoint',
      { endpoints: new Map([['ep_a', endpoint({ failingSince: now - 18 * 60_000 })]]) },
      'watch',
      'Nothing is lost. 1 thing to watch.',
    ],
  ])('%s', (_, fields, level, sentence) => {
    expect(said(fields)).toEqual([level, sentence]);
  });
});

describe('G6: the equation', () => {
  const worlds = fc.record({
    counters: fc.array(
      fc.record({
        delivered: fc.nat(1e6),
        dead: fc.nat(1000),
        cancelled: fc.nat(1000),
        suppressed: fc.nat(1000),
        pending: fc.nat(5000),
        missing: fc.nat(3),
      }),
      { maxLength: 20 },
    ),
    isComplete: fc.boolean(),
    knows: fc.boolean(),
  });

  test('adds up in a thousand random worlds, and says what is missing', () => {
    fc.assert(
      fc.property(worlds, ({ counters, isComplete, knows }) => {
        const missing = counters.reduce((sum, one) => sum + one.missing, 0);
        const { equation } = computeTotals(
          facts({
            counters: new Map(
              counters.map(({ pending: waiting, missing: gone, ...ended }, index) => [
                `ep_${index}`,
                counts({
                  ...ended,
                  accepted:
                    ended.delivered + ended.dead + ended.cancelled + ended.suppressed + waiting + gone,
                }),
              ]),
            ),
            pending: {
              parts: counters.map(({ pending: waiting }, index) =>
                pending({ endpointId: `ep_${index}`, pending: waiting }),
              ),
              read: 0,
              isComplete,
            },
            reconciliation: knows
              ? {
                  at: now,
                  balanced: missing === 0,
                  unaccounted: missing,
                  rowsRead: 0,
                  endpoints: [],
                  findings: [],
                }
              : null,
          }),
        );
        const { accepted, delivered, pending: waits, dead, cancelled, suppressed, unaccounted } = equation;
        expect(accepted).toBe(delivered + waits + dead + cancelled + suppressed + unaccounted);
        // Where not every row was read, the reconciler says what is missing, if it has run.
        if (isComplete || knows) expect(unaccounted).toBe(missing);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('needs', () => {
  const alert = (fields: Partial<Alert>): Alert => ({
    id: 'alr_1',
    rule: 'burn_rate',
    group: 'payments/receiver',
    severity: 'ticket',
    state: 'firing',
    owner: 'shop',
    summary: 'payments: the receiver spends its error budget 2.0 times as fast as allowed',
    evidence: { next_step: 'posthorn slo status payments' },
    since: now - hour,
    resolvedAt: null,
    acknowledgedAt: null,
    notifiedAt: null,
    notifiedSeverity: null,
    ...fields,
  });
  const found = (fields: Partial<NowFacts>) =>
    nowNeeds(facts(fields)).map(({ kind, severity, summary, detail }) => [kind, severity, summary, detail]);

  test('one row for each endpoint, of the worst that is wrong with it; the most worth first', () => {
    expect(
      found({
        endpoints: new Map(
          [
            endpoint(),
            endpoint({ id: 'ep_b', host: 'ledger.example', failingSince: now - 18 * 60_000 }),
            endpoint({ id: 'ep_c', host: 'crm.example', isEnabled: false, pausedReason: 'migration' }),
            endpoint({ id: 'ep_d', host: 'mail.example' }),
          ].map((one) => [one.id, one]),
        ),
        worth: [worth(38, 100n), worth(2, 200n, { endpointId: 'ep_b' })],
        pending: {
          parts: [
            pending({ endpointId: 'ep_b', pending: 179 }),
            pending({ endpointId: 'ep_d', pending: 3, late: 2, oldestLateAt: now - 3 * hour }),
          ],
          read: 182,
          isComplete: true,
        },
      }),
    ).toEqual([
      [
        'failing',
        'act',
        'ledger.example has failed every attempt for 18 min',
        '2 dead letters; 179 deliveries wait and are retried',
      ],
      ['dead_letters', 'act', '38 dead letters at orders.example', ''],
      [
        'late',
        'watch',
        '2 notifications to mail.example are late',
        'The oldest was accepted 3 h ago; still being delivered',
      ],
      ['paused', 'note', 'crm.example is paused', '“migration”; nothing suppressed so far'],
    ]);
  });

  test('what is acknowledged comes after what is not, whatever it is worth', () => {
    const endpoints = [endpoint(), endpoint({ id: 'ep_b', host: 'ledger.example' })];
    const acknowledged = alert({ rule: 'dead_letters', group: 'ep_a/http_5xx', acknowledgedAt: now });
    const of = {
      endpoints: new Map(endpoints.map((one) => [one.id, one])),
      worth: [worth(38, 900n), worth(2, 200n, { endpointId: 'ep_b' })],
    };
    const summaries = (alerts: readonly Alert[]) => found({ ...of, alerts }).map(([, , summary]) => summary);
    const [orders, ledger] = ['38 dead letters at orders.example', '2 dead letters at ledger.example'];
    expect(summaries([])).toEqual([orders, ledger]);
    expect(summaries([acknowledged])).toEqual([ledger, orders]);
  });

  test('alerts about no endpoint, and those that no row says; ids are hosts', () => {
    expect(
      found({
        alerts: [
          alert({}),
          alert({ rule: 'endpoint_down', group: 'ep_a', summary: 'ep_a is down' }),
          alert({
            rule: 'overdue',
            group: 'ep_a',
            severity: 'page',
            summary: '3 to ep_a are overdue',
            evidence: {},
          }),
        ],
      }),
    ).toEqual([
      ['alert', 'act', '3 to orders.example are overdue', ''],
      [
        'objective',
        'watch',
        'payments: the receiver spends its error budget 2.0 times as fast as allowed',
        'posthorn slo status payments',
      ],
    ]);
  });

  test('what lacks an owner, matches no endpoint, and notifications that are not delivered', () => {
    expect(
      found({
        teams: new Set(),
        unmatched: [
          { tenant: 'default', type: 'refund.updated', events: 12 },
          { tenant: 'default', type: 'x', events: 1 },
        ],
        brokenChannels: ['pager'],
        endingKeys: 2,
      }).map(([kind, severity, summary]) => [kind, severity, summary]),
    ).toEqual([
      ['channel', 'act', 'Notifications do not reach the channel pager'],
      ['unmatched', 'note', '13 events of refund.updated and 1 more type matched no endpoint'],
      ['key', 'note', '2 API keys end within 7 days'],
      ['owner', 'note', '1 endpoint whose owner is not a declared team: orders.example'],
    ]);
  });

  test('dead letters say why, and since when', () => {
    const [need] = nowNeeds(facts({ worth: [worth(38, 100n)] }));
    const sample = { lastErrorClass: 'http_5xx' as const, settledAt: now - 192 * 60_000 };
    expect(withSamples(need!, sample, sample, now)).toMatchObject({
      summary: '38 dead letters at orders.example: http_5xx',
      detail: 'The oldest is 3 h 12 min old',
      since: now - 192 * 60_000,
    });
  });
});

test('teams: the worst first, with the least budget of those that they answer for', () => {
  const teams = nowTeams(
    facts({
      worth: [worth(38, 341_240n)],
      budgets: new Map([
        ['shop', { left: 0.72, objective: 'payments' }],
        ['payments', { left: 0.97, objective: 'payments' }],
      ]),
      sends: new Map([['payments', { due: 100, bad: 0 }]]),
    }),
  );
  expect(teams.map(({ team, level, state, budget_left }) => [team, level, state, budget_left])).toEqual([
    ['shop', 'act', '38 dead letters', 0.72],
    ['payments', 'well', 'everything it sends arrives', 0.97],
  ]);
});

describe('money', () => {
  test.each([
    ['EUR', 391_240n, '€3,912.40'],
    ['JPY', 12n, '¥12'],
    ['KWD', 1234n, 'KWD 1.234'],
    ['EUR', -5n, '-€0.05'],
    ['USD', 9_007_199_254_740_993_123n, '$90,071,992,547,409,931.23'],
  ])('%s %s', (currency, amountMinor, text) => {
    expect(moneyText({ currency, amountMinor }).replaceAll('\u00a0', ' ')).toBe(text);
  });

  test('is never added across currencies', () => {
    const amounts = new Amounts().add('EUR', 1n, 1).add('USD', 5n, 2).add('EUR', 2n, 1).add(null, 0n, 4);
    expect([moneyList(amounts.list()), amounts.unknown]).toEqual(['€0.03 and $0.05', 4]);
  });
});

test.each([
  [59_000, '59 s'],
  [18 * 60_000, '18 min'],
  [192 * 60_000, '3 h 12 min'],
  [26 * hour, '1 d 2 h'],
  [11 * 24 * hour + hour, '11 d'],
])('a length of %i ms is %s', (ms, text) => {
  expect(lengthText(ms)).toBe(text);
});

test('an answer is made once for all who ask at once, and again when it is old', async () => {
  let time = 0;
  let made = 0;
  const latest = new Latest<number>({ monotonic: () => time }, 1000, 2);
  const make = async (): Promise<number> => ++made;
  expect(await Promise.all([latest.get('a', make), latest.get('a', make)])).toEqual([1, 1]);
  time = 999;
  expect(await latest.get('a', make)).toBe(1);
  time = 1000;
  expect(await latest.get('a', make)).toBe(2);
  expect(await latest.get('b', make)).toBe(3);
  expect(await latest.get('c', make)).toBe(4);
  // The one that was asked for longest ago is forgotten.
  expect(await latest.get('a', make)).toBe(5);
  // What takes long to make is made less often.
  const slow = async (): Promise<number> => {
    time += 500;
    return ++made;
  };
  time += 2000;
  expect(await latest.get('a', slow)).toBe(6);
  time += 4000;
  expect(await latest.get('a', slow)).toBe(6);
  await expect(latest.get('d', async () => await Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await latest.get('d', make)).toBe(7);
});
