import { SeededRandom } from '../../../packages/posthorn/src/runtime/seeded-random.ts';
import { type GeneratedEvent, type Recipe, type Row, timeoutMs } from './model.ts';

const begins = Date.UTC(2026, 0, 5);
const named = ['orders', 'ledger', 'shipping', 'mail', 'analytics'];
const endpointsOf = (count: number): string[] =>
  Array.from(
    { length: count },
    (_, index) => `https://${named[index] ?? `customer-${index}`}.example.com/webhooks`,
  );
export const types = ['payment.succeeded', 'payment.failed', 'refund.created', 'payout.paid', 'invoice.paid'];
/** The share of first attempts that fail in a healthy service; a retry delivers each. */
const ordinaryFailures = 0.02;
/** The share of events that a healthy service gives up and records, because the receiver refuses every attempt. */
const givenUp = 0.002;

type Ending = Pick<Row, 'status' | 'error'> & { readonly takes: number };

export function answered(random: SeededRandom): Ending {
  // Log-normal through a median of 80 ms and a 99th percentile of 900 ms.
  return {
    status: 200,
    error: null,
    takes: Math.min(9000, Math.round(80 * Math.exp(random.normal() * 1.04))),
  };
}

export function timedOut(random: SeededRandom): Ending {
  return { status: null, error: 'timeout', takes: timeoutMs + random.below(12) };
}

/** An ordinary failure. */
export function ordinaryFailure(random: SeededRandom): Ending {
  const draw = random.float();
  if (draw < 0.35) return timedOut(random);
  if (draw < 0.6) return { status: 503, error: null, takes: 20 + random.below(400) };
  if (draw < 0.8) return { status: 500, error: null, takes: 20 + random.below(900) };
  if (draw < 0.9) return { status: 502, error: null, takes: 5 + random.below(60) };
  return { status: null, error: 'ECONNRESET', takes: 5 + random.below(300) };
}

/** The attempts of an event by a correct sender: `ending` says how each goes, by its number. */
export function attempts(
  acceptedAt: number,
  schedule: readonly number[],
  random: SeededRandom,
  ending: (attempt: number) => Ending,
): Row[] {
  const rows: Row[] = [];
  let startedAt = acceptedAt + random.below(20);
  for (let attempt = 1; ; attempt++) {
    const { status, error, takes } = ending(attempt);
    const endedAt = startedAt + takes;
    const delivered = status !== null && status >= 200 && status < 300;
    const delay = schedule[attempt - 1];
    const nextRetryAt = delivered || delay === undefined ? null : endedAt + delay;
    rows.push({
      attempt,
      startedAt,
      endedAt,
      status,
      error,
      state: delivered ? 'delivered' : nextRetryAt === null ? 'failed' : 'retrying',
      nextRetryAt,
      retryAfterS: null,
      worker: random.below(4),
    });
    if (nextRetryAt === null) return rows;
    startedAt = nextRetryAt + random.below(40);
  }
}

/** A healthy service: busy days and quiet nights, ordinary retries that succeed, and dead letters that say so. */
export function healthyTraffic(recipe: Recipe): GeneratedEvent[] {
  const { seed, events: count, days, schedule, givesUp, world = { name: 'plain' } } = recipe;
  const endpoints = endpointsOf(world.endpoints ?? named.length);
  const random = new SeededRandom(seed, 'traffic');
  const times: number[] = [];
  while (times.length < count) {
    const at = random.float() * days * 86_400_000;
    const hour = (at / 3_600_000) % 24;
    // The log begins on a Monday.
    const ofWeek = Math.floor(at / 86_400_000) % 7 >= 5 ? (world.weekend ?? 1) : 1;
    if (random.float() >= (0.35 + 0.65 * Math.sin((Math.PI * hour) / 24) ** 2) * ofWeek) continue;
    times.push(Math.floor(at));
    if (world.bursts === true && random.float() < 0.01)
      for (let more = 0; more < 10 && times.length < count; more++)
        times.push(Math.floor(at) + random.below(4000));
  }
  times.sort((a, b) => a - b);
  return times.map((at, number) => {
    const acceptedAt = begins + at;
    const draw = random.float();
    const hopeless = givesUp && draw < givenUp;
    // Some need a second retry, few a third.
    // At the end of the log some are still on their way.
    const failures =
      givesUp && number >= count - 8
        ? 3 + (number % 3)
        : draw < givenUp + ordinaryFailures
          ? 1 + (random.float() < 0.1 ? 1 + random.below(2) : 0)
          : 0;
    const rows = attempts(acceptedAt, schedule, random, (attempt) =>
      hopeless || attempt <= failures ? ordinaryFailure(random) : answered(random),
    );
    const currencyDraw = random.float();
    const currency = currencyDraw < 0.85 ? 'USD' : currencyDraw < 0.97 ? 'EUR' : 'JPY';
    const type = types[Math.min(types.length - 1, Math.floor(random.float() ** 2 * types.length))]!;
    const place = Math.min(endpoints.length - 1, Math.floor(random.float() ** 1.5 * endpoints.length));
    return {
      id: `evt_${seed}_${number.toString(36).padStart(5, '0')}`,
      number,
      type,
      endpoint: endpoints[place]!,
      tenant: `tenant-${Math.floor(place / named.length)}`,
      acceptedAt,
      paymentId: `pay_${seed}_${number.toString(36).padStart(5, '0')}`,
      amountMinor: 1 + Math.floor(2000 * Math.exp(random.normal())),
      currency,
      bytes: 400 + Math.floor(1500 * Math.exp(random.normal() * 0.6)),
      rows,
      fate: hopeless ? 'given_up' : 'delivered',
      received: !hopeless,
      cause: null,
    };
  });
}
