import { shownEndpointSql } from './shown-result.ts';
import { writeFile } from 'node:fs/promises';
import { exactMinor } from 'posthorn/domain';
import { type Database, isoOrNull, num, numOrNull, quote, text, textOrNull } from '../database.ts';
import { isCurrency, isRefund, paymentKey, toMinorUnits } from './money.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import type { AuditResult, Cause, Example, MissingEvent, Verdict } from '../result.ts';

const seriesBins = 200;
const maxListed = 1000;
const maxEndpoints = 100;

/** Counts what became of the events over time, with the money lost in each bin. */
export async function readSeries(
  database: Database,
  facts: LineFacts,
  unit: 'minor' | 'major',
): Promise<AuditResult['series']> {
  // Whole minutes, so that the edges of bins are readable.
  const binMs = Math.max(1000, niceBin((facts.to - facts.from) / seriesBins));
  const rows = await database.rows(`select first_at // ${binMs} as bin, count(*) as accepted,
      count(*) filter (verdict = 'silently_dropped') as dropped, count(*) filter (verdict = 'given_up') as given_up, count(*) filter (verdict = 'unresolved') as unresolved
    from (select delivery.first_at, fate.verdict from delivery left join fate using (key)) group by 1 order by 1`);
  const amounts =
    await database.rows(`select first_at // ${binMs} as bin, upper(coalesce(currency, 'XXX')) as currency, amount, payment
    from (select ${paymentKey} as payment, upper(trim(currency)) as currency, max(try_cast(amount as double)) as most, arg_max(amount, coalesce(try_cast(amount as double), 0)) as amount, min(coalesce(first_at, ${facts.from})) as first_at
      from missing where verdict <> 'given_up' and not recovered and amount is not null and not coalesce(${isRefund}, false) group by 1, 2)`);
  const money = new Map<number, Map<string, { amount: bigint; events: number }>>();
  for (const row of amounts) {
    const currency = text(row.currency);
    const amount = toMinorUnits(text(row.amount), currency, unit);
    if (amount === null || amount < 0n || !isCurrency(currency)) continue;
    const bin = money.get(num(row.bin)) ?? new Map<string, { amount: bigint; events: number }>();
    const sum = bin.get(currency) ?? { amount: 0n, events: 0 };
    bin.set(currency, { amount: sum.amount + amount, events: sum.events + 1 });
    money.set(num(row.bin), bin);
  }
  return {
    bin_seconds: binMs / 1000,
    bins: rows.map((row) => ({
      from: new Date(num(row.bin) * binMs).toISOString(),
      accepted: num(row.accepted),
      silently_dropped: num(row.dropped),
      given_up: num(row.given_up),
      unresolved: num(row.unresolved),
      value_at_risk: [...(money.get(num(row.bin)) ?? [])].map(([currency, { amount, events }]) => ({
        currency,
        amount_minor: exactMinor(amount),
        events,
      })),
    })),
  };
}

function niceBin(ms: number): number {
  const nice = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800,
  ];
  return (nice.find((seconds) => seconds * 1000 >= ms) ?? 604_800) * 1000;
}

/** Counts the durations of attempts by the class of their answer, in bins of a twentieth of a decade. */
export async function readDurations(database: Database): Promise<AuditResult['durations']> {
  const rows = await database.rows(`select cast(floor(20 * log10(greatest(duration, 1))) as integer) as bin,
      count(*) filter (status_code between 200 and 299 or status_code is null and ok) as "2xx", count(*) filter (status_code between 300 and 399) as "3xx",
      count(*) filter (status_code between 400 and 499) as "4xx", count(*) filter (status_code between 500 and 599) as "5xx",
      count(*) filter (status_code is null and not coalesce(ok, false)) as none
    from line where kind = 'end' and duration is not null and duration < 1e9 group by 1 order by 1`);
  return rows.map((row) => ({
    from_ms: Number((10 ** (num(row.bin) / 20)).toPrecision(4)),
    to_ms: Number((10 ** ((num(row.bin) + 1) / 20)).toPrecision(4)),
    classes: {
      '2xx': num(row['2xx']),
      '3xx': num(row['3xx']),
      '4xx': num(row['4xx']),
      '5xx': num(row['5xx']),
      none: num(row['none']),
    },
  }));
}

/** Returns the endpoints, those with the most losses first. */
export async function readEndpoints(database: Database): Promise<AuditResult['endpoints']> {
  // An event that was delivered at the first attempt has one end, so these ends are counted as events; the others need a distinct count.
  const rows = await database.rows(`with ends as (
      select coalesce(endpoint, '') as endpoint, count(*) as attempts, count(*) filter (not ok) as failed from line where kind = 'end' group by 1),
    others as (select coalesce(endpoint, '') as endpoint, count(distinct key) as events, count(*) filter (kind = 'end') as ends from seen group by 1),
    attempts as (
      select endpoint, coalesce(attempts, 0) - coalesce(others.ends, 0) + coalesce(events, 0) as events, coalesce(attempts, 0) as attempts, coalesce(failed, 0) as failed
      from ends full join others using (endpoint)),
    losses as (select coalesce(endpoint, '') as endpoint, count(*) filter (verdict = 'silently_dropped') as dropped, count(*) filter (verdict = 'given_up') as given_up from fate group by 1)
    select * from attempts left join losses using (endpoint) order by coalesce(dropped, 0) desc, coalesce(given_up, 0) desc, attempts desc limit ${maxEndpoints}`);
  return rows.map((row) => ({
    endpoint: text(row.endpoint),
    events: num(row.events),
    attempts: num(row.attempts),
    failed_attempts: num(row.failed),
    silently_dropped: num(row.dropped),
    given_up: num(row.given_up),
  }));
}

/** Returns up to three lost events of the main cause, one for each form that it takes, with all of their lines. */
export async function readExamples(
  database: Database,
  main: Cause | null,
  unit: 'minor' | 'major',
): Promise<Example[]> {
  if (main === null) return [];
  const picked =
    await database.rows(`select lost.key, lost.id, lost.endpoint, lost.tenant, lost.verdict, lost.cause, tried, lost.last_at,
      last_owed_at, last_has_next, missing.amount, missing.currency
    from lost join missing on missing.key = lost.key where lost.cause = ${quote(main)} and lost.verdict <> 'given_up'
    order by row_number() over (partition by tried order by lost.first_at, lost.id), tried desc limit 3`);
  return await Promise.all(
    picked.map(async (row) => {
      const attempts =
        await database.rows(`select attempt_no, started_at, t as ended_at, status_code, error, coalesce(state, outcome, phase) as state, next_retry_at, worker
        from seen where key = ${text(row.key)} order by t, kind limit 100`);
      const currency = textOrNull(row.currency)?.toUpperCase() ?? null;
      const amount = row.amount === null ? null : toMinorUnits(text(row.amount), currency ?? 'XXX', unit);
      const last = isoOrNull(row.last_at);
      return {
        event_id: text(row.id),
        endpoint: textOrNull(row.endpoint),
        tenant: textOrNull(row.tenant),
        verdict: row.verdict as Verdict,
        cause: row.cause as Cause,
        amount_minor: amount === null ? null : exactMinor(amount),
        currency,
        story:
          row.last_has_next === true && row.last_owed_at !== null
            ? `${num(row.tried)} ${num(row.tried) === 1 ? 'attempt' : 'attempts'}; a retry was owed at ${isoOrNull(row.last_owed_at)} and never made. The last line is from ${last}.`
            : `${num(row.tried)} ${num(row.tried) === 1 ? 'attempt' : 'attempts'}, none successful, and no line after ${last}.`,
        attempts: attempts.map((one) => ({
          attempt: numOrNull(one.attempt_no),
          started_at: isoOrNull(one.started_at),
          ended_at: isoOrNull(one.ended_at),
          status_code: numOrNull(one.status_code),
          error: textOrNull(one.error),
          state: textOrNull(one.state),
          next_retry_at: isoOrNull(one.next_retry_at),
          worker: textOrNull(one.worker),
        })),
      };
    }),
  );
}

const missingColumns = `id, ${shownEndpointSql} as endpoint, tenant, payment_id, verdict, cause, strftime(make_timestamp(last_at * 1000), '%Y-%m-%dT%H:%M:%S.%gZ') as last_seen_at, attempts, amount, currency`;
const toResend = "verdict <> 'given_up'";

/** Returns the events to resend, and writes all of them as CSV if a file is given. */
export async function readMissing(
  database: Database,
  file: string | undefined,
  unit: 'minor' | 'major',
): Promise<AuditResult['missing']> {
  const total = num((await database.row(`select count(*) as n from missing where ${toResend}`)).n);
  const rows = await database.rows(
    `select ${missingColumns} from missing where ${toResend} order by first_at, id limit ${maxListed}`,
  );
  if (file !== undefined) {
    if (total === 0)
      await writeFile(
        file,
        'event_id,endpoint,tenant,payment_id,verdict,cause,last_seen_at,attempts,amount,currency\n',
      );
    else
      await database.run(
        `copy (select id as event_id, * exclude (id) from (select ${missingColumns} from missing where ${toResend} order by first_at, id)) to ${quote(file)} (format csv, header true)`,
      );
  }
  return {
    total,
    file: file ?? null,
    listed: rows.map((row): MissingEvent => {
      const currency = textOrNull(row.currency)?.toUpperCase() ?? null;
      const amount = row.amount === null ? null : toMinorUnits(text(row.amount), currency ?? 'XXX', unit);
      return {
        event_id: text(row.id),
        endpoint: textOrNull(row.endpoint),
        tenant: textOrNull(row.tenant),
        payment_id: textOrNull(row.payment_id),
        verdict: row.verdict as Verdict,
        cause: row.cause as Cause,
        last_seen_at: textOrNull(row.last_seen_at),
        attempts: num(row.attempts),
        amount_minor: amount === null ? null : exactMinor(amount),
        currency,
      };
    }),
  };
}
