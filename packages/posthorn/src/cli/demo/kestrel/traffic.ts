import { readFileSync } from 'node:fs';
import type { NewEvent } from '@posthorn/client';
import { dayMs, hourMs } from '../../../domain/time.ts';
import type { SeededRandom } from '../../../runtime/seeded-random.ts';
import { eventTypes } from './cast.ts';

/** Average number of deliveries per event of Kestrel Pay. */
export const deliveriesAnEvent = 4.08;

/** By hour of the day, UTC: 1 is the daily average. */
const hours = [
  0.3, 0.22, 0.18, 0.16, 0.2, 0.34, 0.58, 0.86, 1.1, 1.3, 1.42, 1.5, 1.55, 1.46, 1.38, 1.36, 1.42, 1.52, 1.66,
  1.72, 1.55, 1.16, 0.74, 0.42,
];
const weekend = 0.68;
const payday = 1.45;
const busiest = Math.max(...hours) * payday;

/** How busy a moment is: 1 is the average of an ordinary weekday. */
export function intensity(at: number): number {
  const date = new Date(at);
  const hour = hours[date.getUTCHours()]!;
  const isWeekend = date.getUTCDay() % 6 === 0;
  const isPayday = [1, 25, 26, 27].includes(date.getUTCDate());
  return hour * (isWeekend ? weekend : 1) * (isPayday ? payday : 1);
}

/** ms until the next event after a moment: a Poisson process by thinning. */
export function gapAfter(random: SeededRandom, at: number, perDay: number): number {
  const fastest = (perDay * busiest) / dayMs;
  for (let next = at; ;) {
    next += -Math.log(1 - random.float()) / fastest;
    if (random.float() * busiest < intensity(next)) return next - at;
    // Nights are slow, not endless.
    if (next - at > 12 * hourMs) return next - at;
  }
}

/** Currencies with their share, and the minor units that a euro is worth in them. */
const currencies = [
  { code: 'EUR', share: 0.58, minorAEuro: 100 },
  { code: 'USD', share: 0.2, minorAEuro: 108 },
  { code: 'GBP', share: 0.12, minorAEuro: 85 },
  { code: 'JPY', share: 0.06, minorAEuro: 162 },
  { code: 'KWD', share: 0.04, minorAEuro: 331 },
] as const;
const meanEuro = 46;
/** A coefficient of variation of 1.3, because card payments have a long tail. */
const sigma = Math.sqrt(Math.log(1 + 1.3 ** 2));
const customers = 900;

interface Sample {
  readonly type: string;
  readonly data: { readonly object: Readonly<Record<string, unknown>> };
}

function picked<T extends { readonly share: number }>(random: SeededRandom, all: readonly T[]): T {
  let left = random.float() * all.reduce((sum, { share }) => sum + share, 0);
  for (const one of all) if ((left -= one.share) < 0) return one;
  return all.at(-1)!;
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** Payments as they arrive at Kestrel Pay: what kind, from whom, and for how much. */
export class Traffic {
  readonly #random: SeededRandom;
  readonly #objects: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly #types = Object.entries(eventTypes).map(([name, type]) => ({ ...type, name }));

  constructor(random: SeededRandom) {
    this.#random = random;
    const file = new URL('../../../../data/payment-events.jsonl', import.meta.url);
    const samples = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Sample);
    const objects = new Map(samples.map(({ type, data }) => [type, data.object]));
    this.#objects = new Map(
      this.#types.map(({ name, sample = name }) => {
        const object = objects.get(sample);
        if (object === undefined) throw new Error(`no sample of ${sample}`);
        return [name, object];
      }),
    );
  }

  /** An event as it is published at `at`; chooses a type and a customer unless they are given. */
  event(at: number, { type: given, customer }: { type?: string; customer?: number } = {}): NewEvent {
    const random = this.#random;
    const type =
      given === undefined ? picked(random, this.#types) : this.#types.find(({ name }) => name === given)!;
    const whose = `cus_${String(customer ?? random.below(customers)).padStart(5, '0')}`;
    const code = Array.from(random.bytes(12), (byte) => alphabet[byte % 32]).join('');
    const value = type.amount === null ? null : this.#value();
    const object = {
      ...this.#objects.get(type.name),
      id: `${type.name.split(/[._]/)[0]!.slice(0, 3)}_${code}`,
      customer: whose,
      created: Math.floor(at / 1000),
      livemode: true,
      ...(value === null
        ? {}
        : { [type.amount!]: value.amountMinor, currency: value.currency.toLowerCase() }),
    };
    return {
      type: type.name,
      id: `kp-${code}`,
      data: { object },
      orderingKey: whose,
      ...(value === null ? {} : { value }),
    };
  }

  #value(): { amountMinor: number; currency: string } {
    const { code, minorAEuro } = picked(this.#random, currencies);
    const euro = meanEuro * Math.exp(sigma * this.#random.normal() - (sigma * sigma) / 2);
    return { amountMinor: Math.max(1, Math.round(euro * minorAEuro)), currency: code };
  }
}
