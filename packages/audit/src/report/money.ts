import { exactMinor, exponentOf } from 'posthorn/domain';
import { type Database, num, text } from '../database.ts';
import type { Money, ValueAtRisk, WeeklyValue } from '../result.ts';

const weekMs = 7 * 86_400_000;
const known: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));
/** ISO 4217's code for "no currency", which sums amounts without one. */
const noCurrency = 'XXX';

/** Whether amounts of a currency are summed; XXX stands for amounts without one. */
export const isCurrency = (currency: string): boolean => currency === noCurrency || known.has(currency);

/**
 * Converts an amount from a log to minor units, exactly; null if it is not a valid amount of that currency (too many decimals).
 */
export function toMinorUnits(text: string, currency: string, unit: 'minor' | 'major'): bigint | null {
  // Signs of currencies, separators of thousands, and negative amounts in parentheses or with a sign at the end.
  const plain = text
    .replaceAll(/[\p{Sc},_'’\s]|\b[A-Z]{3}\b/gu, '')
    .replace(/^\((.*)\)$/, '-$1')
    .replace(/^(.*\d)-$/, '-$1')
    .replace('\u2212', '-');
  const match = /^([+-]?)(\d+)(?:\.(\d+))?$/.exec(plain);
  if (match === null) return null;
  const [, sign, whole, fraction = ''] = match;
  const exponent = unit === 'minor' ? 0 : exponentOf(currency);
  if (/[^0]/.test(fraction.slice(exponent))) return null;
  const amount = BigInt(whole! + fraction.slice(0, exponent).padEnd(exponent, '0'));
  return sign === '-' ? -amount : amount;
}

interface Payment {
  readonly verdict: string;
  readonly currency: string;
  readonly amount: bigint;
  readonly events: number;
  readonly recovered: boolean;
}

/** A single amount with cents proves that the whole field is in major units, whatever the sample looked like. */
export async function detectAmountUnit(
  database: Database,
  declared: 'minor' | 'major' | undefined,
): Promise<'minor' | 'major'> {
  if (declared === 'major') return 'major';
  const decimal = await database.row(
    `select count(*) filter (regexp_matches(amount, '\\.\\d*[1-9]')) as n from missing`,
  );
  return num(decimal.n) > 0 ? 'major' : 'minor';
}

/** SQL: a payment is one of its tenant. */
export const paymentKey = "coalesce(tenant, '') || chr(1) || coalesce(payment_id, id)";
/** SQL: money that goes the other way. */
export const isRefund = "(event_type ilike '%refund%' or event_type ilike '%chargeback%')";

/** Sums the money of the lost events in `missing`, whose amounts are in `unit`. */
export async function countMoney(
  database: Database,
  unit: 'minor' | 'major',
  hasPayments: boolean,
  observedMs: number,
): Promise<{ money: Money; weekly: WeeklyValue[] }> {
  const amounts =
    num(
      (
        await database.row(
          'select count(*) as n from (select 1 from (select amount from usable union all select amount from missing) where amount is not null limit 1)',
        )
      ).n,
    ) > 0;
  await markRecovered(database, hasPayments);
  const { payments, negative, unknownCurrency, unknownAmounts } = await readPayments(database, unit);
  const lost = payments.filter(({ verdict }) => verdict !== 'given_up');
  const net = lost.filter(({ recovered }) => !recovered);
  return {
    money: {
      basis: amounts
        ? `amounts in ${unit} units, each payment counted once by ${hasPayments ? 'payment_id' : 'the event id'}`
        : 'the log does not contain amounts',
      affected: totals(lost),
      recovered: totals(lost.filter(({ recovered }) => recovered)),
      net: totals(net),
      given_up: totals(payments.filter(({ verdict }) => verdict === 'given_up')),
      total: await totalFlow(database, unit),
      unknown_amount_events: unknownAmounts,
      negative: totals(negative),
      unknown_currency: [...unknownCurrency].map(([currency, events]) => ({ currency, events })),
    },
    weekly: weeklyValues(net, observedMs),
  };
}

interface Payments {
  readonly payments: readonly Payment[];
  /** Refunds, and amounts below zero. */
  readonly negative: readonly Payment[];
  /** Events in currencies that do not exist. */
  readonly unknownCurrency: ReadonlyMap<string, number>;
  /** Lost events without a readable amount. */
  readonly unknownAmounts: number;
}

/** Reads the payments of `missing`, each once. */
async function readPayments(database: Database, unit: 'minor' | 'major'): Promise<Payments> {
  const rows =
    await database.rows(`select ${paymentKey} as payment, verdict, upper(trim(currency)) as currency, amount, recovered,
      count(*) as events, coalesce(bool_or(${isRefund}), false) as refund
    from missing group by all order by payment`);
  const payments = new Map<string, Payment>();
  const negative: Payment[] = [];
  const unknownCurrency = new Map<string, number>();
  let unknownAmounts = 0;
  for (const row of rows) {
    const events = num(row.events);
    const currency = row.currency === null ? noCurrency : text(row.currency);
    const amount = row.amount === null ? null : toMinorUnits(text(row.amount), currency, unit);
    if (amount === null) {
      if (row.verdict !== 'given_up') unknownAmounts += events;
      continue;
    }
    if (currency !== noCurrency && !known.has(currency)) {
      unknownCurrency.set(currency, (unknownCurrency.get(currency) ?? 0) + events);
      continue;
    }
    const payment: Payment = {
      verdict: text(row.verdict),
      currency,
      amount,
      events,
      recovered: row.recovered === true,
    };
    if (amount < 0n || row.refund === true) {
      negative.push({ ...payment, amount: amount < 0n ? amount : -amount });
      continue;
    }
    // Several events may belong to one payment, and several endpoints may have lost one: it counts once, with its largest amount.
    const key = `${text(row.payment)}\u0000${currency}\u0000${row.verdict === 'given_up' ? 'given_up' : 'lost'}`;
    const before = payments.get(key);
    payments.set(
      key,
      before === undefined
        ? payment
        : {
            ...payment,
            amount: before.amount > amount ? before.amount : amount,
            recovered: before.recovered && payment.recovered,
          },
    );
  }
  return { payments: [...payments.values()], negative, unknownCurrency, unknownAmounts };
}

/** Marks payments that another event brought to the same endpoint later. */
async function markRecovered(database: Database, hasPayments: boolean): Promise<void> {
  await database.run('alter table missing add column recovered boolean default false');
  if (!hasPayments) return;
  await database.run(`create table made_good as
    select missing.key from missing join (
      select payment_id, coalesce(tenant, '') as tenant, coalesce(endpoint, '') as endpoint, coalesce(event_type, '') as event_type, id, max(t) as at_ms
      from line where ok and payment_id in (select payment_id from missing) group by all) other
      on missing.payment_id = other.payment_id and coalesce(missing.tenant, '') = other.tenant and coalesce(missing.endpoint, '') = other.endpoint
        and coalesce(missing.event_type, '') = other.event_type and missing.id <> other.id and other.at_ms > missing.first_at`);
  await database.run('update missing set recovered = true where key in (select key from made_good)');
}

/** About how many units of a currency one US dollar buys: only for the order in which sums are listed. */
const perDollar: Readonly<Record<string, number>> = {
  AUD: 1.5,
  BRL: 5.5,
  CAD: 1.4,
  CHF: 0.8,
  CLP: 950,
  CNY: 7,
  COP: 4000,
  CZK: 21,
  DKK: 6.5,
  EUR: 0.9,
  GBP: 0.75,
  HKD: 8,
  HUF: 340,
  IDR: 16_000,
  ILS: 3.4,
  INR: 87,
  ISK: 125,
  JPY: 150,
  KRW: 1400,
  KWD: 0.3,
  BHD: 0.38,
  MXN: 18,
  NOK: 10,
  NZD: 1.7,
  PHP: 58,
  PLN: 3.7,
  SEK: 9.5,
  SGD: 1.3,
  THB: 33,
  TRY: 42,
  TWD: 31,
  UGX: 3600,
  VND: 26_000,
  ZAR: 17.5,
};

/** About what a sum is worth, to order sums in different currencies. */
export const worth = (currency: string, amount: bigint): number =>
  Number(amount) / 10 ** exponentOf(currency) / (perDollar[currency] ?? 1);

/** Returns the sums by currency, the largest first. */
function totals(payments: readonly Payment[]): ValueAtRisk[] {
  const sums = new Map<string, { amount: bigint; events: number }>();
  for (const { currency, amount } of payments) {
    const sum = sums.get(currency) ?? { amount: 0n, events: 0 };
    sums.set(currency, { amount: sum.amount + amount, events: sum.events + 1 });
  }
  return [...sums]
    .sort((a, b) => worth(b[0], b[1].amount) - worth(a[0], a[1].amount) || a[0].localeCompare(b[0]))
    .map(([currency, { amount, events }]) => ({ currency, amount_minor: exactMinor(amount), events }));
}

/** Returns the value per week at this rate; compound Poisson: the standard error of a sum is √Σx². */
function weeklyValues(payments: readonly Payment[], observedMs: number): WeeklyValue[] {
  const weeks = observedMs / weekMs;
  if (!(weeks > 0)) return [];
  return totals(payments).map(({ currency, events }) => {
    const amounts = payments
      .filter((payment) => payment.currency === currency)
      .map(({ amount }) => Number(amount));
    const sum = amounts.reduce((total, amount) => total + amount, 0);
    const error = Math.sqrt(amounts.reduce((total, amount) => total + amount * amount, 0));
    const scaled = (value: number): number => Math.round(Math.max(0, value) / weeks);
    return {
      currency,
      amount_minor: scaled(sum),
      interval: [scaled(sum - 1.959963984540054 * error), scaled(sum + 1.959963984540054 * error)],
      events,
      weeks,
      caution:
        weeks < 1 / 7
          ? 'less than a day was observed: a week may look quite different'
          : events < 10
            ? 'fewer than ten payments: the interval is rough'
            : null,
    };
  });
}

/** Sums all payments in the log, each event once; in SQL, because there may be millions. */
async function totalFlow(database: Database, unit: 'minor' | 'major'): Promise<ValueAtRisk[]> {
  // 18 digits allow a hundred billion in major units per payment, and are 70 times as fast as more digits.
  const amount = "try_cast(replace(amount, ',', '') as decimal(18, 4))";
  // An event delivered at the first attempt has one line; for the others, all lines of an event share one amount.
  const rows =
    await database.rows(`select coalesce(upper(trim(currency)), '${noCurrency}') as currency, sum(events) as events, sum(amount) as amount from (
      select currency, count(*) filter (minor >= 0) as events, sum(minor) filter (minor >= 0) as amount from (
        select currency, ${amount} as minor from line anti join trouble using (key) where ok) group by 1
      union all
      select currency, count(*), sum(most) from (select max(currency) as currency, max(${amount}) as most from seen group by key) where most >= 0 group by 1)
    group by 1 order by 2 desc`);
  return rows.flatMap((row) => {
    const currency = text(row.currency);
    if (row.amount === null || (currency !== noCurrency && !known.has(currency))) return [];
    const amount = toMinorUnits(text(row.amount), currency, unit);
    return amount === null ? [] : [{ currency, amount_minor: exactMinor(amount), events: num(row.events) }];
  });
}
