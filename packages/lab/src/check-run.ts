import type { DeliveryState } from 'posthorn/domain';
import type { History } from './history.ts';
import { paymentFrom, type Plan } from './plan.ts';
import type { Scenario } from './scenario.ts';
import type { Violation } from './step-checker.ts';

/** What became of a delivery in the end: read when everything had come to rest, or when retention took it away. */
export interface FinalDelivery {
  readonly id: string;
  readonly eventId: string;
  /** Its position in the scenario. */
  readonly endpoint: number;
  readonly state: DeliveryState;
}

/** Rates are checked over this long: within it a node starts at most once. */
const overRateWithinS = 30;

/** What explains a second arrival. */
type DuplicateCause = 'answer_lost' | Trouble['kind'] | 'operators';

/** A time in which an outcome can get lost on its way from a node to the store, so that the attempt is made again. */
export interface Trouble {
  readonly node: string;
  readonly kind: 'node_died' | 'node_froze' | 'store_failed' | 'clock_jumped';
  /** ms since the world began. */
  readonly at: number;
  readonly until: number;
}

export interface RunCheck {
  readonly lost: number;
  readonly unexpected: number;
  readonly duplicated: Readonly<Partial<Record<DuplicateCause, number>>>;
  readonly duplicates: number;
}

interface RunFacts {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly history: History;
  readonly finals: readonly FinalDelivery[];
  readonly report: (violation: Violation) => void;
  readonly at: number;
  readonly troubles: readonly Trouble[];
  /** Payments that operators replayed, redrove or tested. */
  readonly touched: ReadonlySet<number>;
}

/** Judges a small world from outside, in the form of Jepsen's total-queue: what went in, what came out. */
export function checkRun(input: RunFacts): RunCheck {
  const { history, finals, at, report } = input;
  const byPair = Map.groupBy(finals, ({ eventId, endpoint }) => `${eventId}/${endpoint}`);
  let lost = 0;
  const loses = (message: string): void => {
    lost++;
    report({ invariant: 'lost', at, message });
  };
  const ofPayment = new Map<number, number>();
  for (const final of finals) {
    const payment = paymentFrom(final.eventId);
    ofPayment.set(payment, (ofPayment.get(payment) ?? 0) + 1);
    const arrivals = history.arrivals[payment * history.endpoints + final.endpoint] ?? 0;
    if (final.state === 'delivered' && arrivals === 0)
      loses(`payment ${payment} counts as delivered to e${final.endpoint}, and never arrived`);
    if (final.state === 'pending')
      report({
        invariant: 'liveness',
        at,
        message: `payment ${payment} to e${final.endpoint} is still pending, long after all faults ended`,
      });
  }
  for (let payment = 0; payment < history.payments; payment++) {
    const there = ofPayment.get(payment) ?? 0;
    if (history.published[payment] === 2 && there < history.promised[payment]!)
      loses(
        `payment ${payment} was acknowledged with ${history.promised[payment]} deliveries, and there are ${there}`,
      );
    for (let endpoint = 0; endpoint < history.endpoints; endpoint++) {
      const arrivals = history.arrivals[payment * history.endpoints + endpoint]!;
      if (arrivals > 0 && (history.published[payment] === 0 || !byPair.has(`pay-${payment}/${endpoint}`)))
        history.unexpected.push(`payment ${payment} arrived at e${endpoint}, and no delivery of it is known`);
    }
  }
  for (const message of history.unexpected) report({ invariant: 'unexpected', at, message });
  const { duplicated, duplicates } = explainDuplicates(input);
  inOrder(input, byPair);
  starved(input);
  overRate(input);
  return { lost, unexpected: history.unexpected.length, duplicated, duplicates };
}

function explainDuplicates(input: RunFacts): Pick<RunCheck, 'duplicated' | 'duplicates'> {
  const { history, report, at, touched, troubles } = input;
  const duplicated: Partial<Record<DuplicateCause, number>> = {};
  let duplicates = 0;
  const processed = (history.attempts ?? []).filter(
    ({ processedAt }) => processedAt !== null && processedAt <= at,
  );
  const byPair = Map.groupBy(processed, ({ payment, endpoint }) => `${payment}/${endpoint}`);
  for (const list of byPair.values()) {
    list.sort((a, b) => a.startedAt - b.startedAt);
    for (const [index, attempt] of list.slice(1).entries()) {
      duplicates++;
      const before = list[index]!;
      // An outcome that got lost with the node before, or a node that wakes and does what is no longer its own.
      const trouble = troubles.find(
        ({ node, at: from, until }) =>
          from <= attempt.startedAt &&
          ((node === before.node && until >= before.startedAt) ||
            (node === attempt.node && until >= attempt.startedAt)),
      );
      const cause: DuplicateCause | null = !before.ok
        ? 'answer_lost'
        : trouble !== undefined
          ? trouble.kind
          : touched.has(attempt.payment)
            ? 'operators'
            : null;
      if (cause === null)
        report({
          invariant: 'unexplained_duplicate',
          at: attempt.startedAt,
          message: `payment ${attempt.payment} was sent to e${attempt.endpoint} again (${attempt.delivery}, attempt ${attempt.claim}) after an attempt that had delivered it, and nothing explains it`,
        });
      else duplicated[cause] = (duplicated[cause] ?? 0) + 1;
    }
  }
  return { duplicated, duplicates };
}

/** A key's payments arrive for the first time in their order, where each was delivered on one schedule, untouched by operators. */
function inOrder(
  { scenario, plan, history, report, at, touched }: RunFacts,
  byPair: ReadonlyMap<string, readonly FinalDelivery[]>,
): void {
  for (const [endpoint, { ordering }] of scenario.endpoints.entries()) {
    if (ordering !== 'key') continue;
    const last = new Map<number, { payment: number; at: number }>();
    const numbered = [...Array(history.payments).keys()]
      .map((payment) => ({ payment, finals: byPair.get(`pay-${payment}/${endpoint}`) ?? [] }))
      .filter(
        ({ payment, finals }) =>
          finals.length === 1 && finals[0]!.state === 'delivered' && !touched.has(payment),
      )
      .map(({ payment, finals }) => ({ payment, number: finals[0]!.id }))
      .toSorted((a, b) => (a.number < b.number ? -1 : 1));
    for (const { payment } of numbered) {
      const customer = plan.customers[payment]!;
      const first = history.firstAt[payment * history.endpoints + endpoint]!;
      const before = last.get(customer);
      if (before !== undefined && first < before.at)
        report({
          invariant: 'order',
          at,
          message: `customer ${customer}: payment ${payment} reached e${endpoint} before payment ${before.payment}, which was accepted earlier`,
        });
      if (before === undefined || first > before.at) last.set(customer, { payment, at: first });
    }
  }
}

/** An endpoint that takes so many requests a second gets no more, but for the second's worth that a bucket holds. */
function overRate({ scenario, history, report, at }: RunFacts): void {
  // Each node has a bucket of its own, and a new one after each start.
  const { nodes, node_faults: faults } = scenario;
  if (nodes > 1 || faults.crash_per_hour + faults.clock_leap_per_hour > 0) return;
  const restarts = faults.restart_per_hour > 0 ? 1 : 0;
  for (const [endpoint, { rate_limit_per_s: rate }] of scenario.endpoints.entries()) {
    if (rate === null) continue;
    const starts = (history.attempts ?? [])
      .filter((one) => one.endpoint === endpoint)
      .map((one) => one.startedAt);
    starts.sort((a, b) => a - b);
    for (let first = 0; first < starts.length; first++)
      for (let last = first + 1; last < starts.length; last++) {
        const seconds = (starts[last]! - starts[first]!) / 1000;
        if (seconds > overRateWithinS) break;
        const most = Math.max(1, rate) * (1 + restarts) + rate * seconds + 1;
        if (last - first + 1 > most)
          return report({
            invariant: 'over_rate',
            at,
            message: `e${endpoint} takes ${rate} requests a second and got ${last - first + 1} within ${seconds.toFixed(1)} s`,
          });
      }
  }
}

/** No endpoint waits for a neighbor (G8). */
function starved({ scenario, plan, history, report, at, touched }: RunFacts): void {
  const within = scenario.healthy_within_s;
  if (within === undefined) return;
  for (const [endpoint, of] of scenario.endpoints.entries()) {
    if (of.faults === undefined || Object.keys(of.faults).length > 0 || of.poison_every !== null) continue;
    for (let payment = 0; payment < history.payments; payment++) {
      const first = history.firstAt[payment * history.endpoints + endpoint]!;
      const waited = first - plan.paidAt[payment]! - scenario.batch_every_s * 1000;
      if (waited > within * 1000 && !touched.has(payment))
        report({
          invariant: 'starved',
          at,
          message: `payment ${payment} reached e${endpoint}, without faults of its own, only ${Math.round(waited / 1000)} s after it was handed over (G8)`,
        });
    }
  }
}
