import { count, percent } from 'posthorn/report';
import { type Database, isoOrNull, num, type Row, text } from '../database.ts';
import type { Silence } from '../timeline/gaps.ts';
import type { Malformed } from '../read/malformed.ts';
import type { Sender } from '../timeline/sender.ts';
import type { Spec } from '../read/spec.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import type { Coverage, Power } from '../result.ts';

const maxGaps = 20;

/** Returns how much of what happened the log can show at all. */
export async function readCoverage(
  database: Database,
  {
    facts,
    specs,
    sender,
    unresolved,
    silences,
    malformed,
  }: {
    readonly facts: LineFacts;
    readonly specs: readonly Spec[];
    readonly sender: Sender;
    readonly unresolved: number;
    readonly silences: readonly Silence[];
    readonly malformed: Malformed;
  },
): Promise<Coverage> {
  const unreadable = facts.malformed + malformed.rejected;
  const { dups, skew, left, shared } = await countOddities(database);
  const sampled = specs.some((spec) => spec.sender?.sampled === true);
  const gaps = silences
    .map(({ from, to, lines }) => ({
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      seconds: Math.round((to - from) / 1000),
      lines_expected: lines,
    }))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, maxGaps);
  return {
    from: isoOrNull(facts.from),
    to: isoOrNull(facts.to),
    hours: Math.round((facts.to - facts.from) / 36_000) / 100,
    lines: facts.lines + malformed.rejected,
    duplicates: num(dups.n),
    malformed: {
      count: unreadable,
      share: unreadable / Math.max(1, facts.lines + malformed.rejected),
      samples: malformed.samples,
    },
    unusable: await unusableLines(database, facts),
    gaps,
    sampling: sampled
      ? {
          suspected: true,
          why: 'this format logs only a sample of the successes: an event without a line is not necessarily dropped',
        }
      : { suspected: false, why: null },
    clock_skew: { attempts: num(skew.n), max_ms: num(skew.most) },
    left_censored: num(left.n),
    right_censored: unresolved,
    ids_shared: num(shared.n),
    notes: [
      ...unusableNote(facts, unreadable, facts.lines + malformed.rejected),
      ...(gaps.length > 0
        ? [
            `the log is silent ${gaps.length === 1 ? 'once' : `${gaps.length} times`} for longer than its rate explains: retries made in that time are not in it`,
          ]
        : []),
      ...(num(left.n) > 0
        ? [`${num(left.n)} events begin with a later attempt: the log starts after their first one`]
        : []),
      ...(facts.to - facts.from < sender.horizon_ms
        ? ['the log is shorter than the time that retries take: the verdict on failed events is open']
        : []),
      'a delivery without any line cannot be seen: compare with what should have been sent, with --expected',
    ],
  };
}

/** Lines that say the same twice, attempts that end before they begin, events without a beginning, ids of several deliveries. */
async function countOddities(
  database: Database,
): Promise<Readonly<Record<'dups' | 'skew' | 'left' | 'shared', Row>>> {
  const dups = await database.row(`select coalesce(sum(n - 1), 0) as n from (
    select count(*) as n from seen group by key, kind, attempt_no, started_at, t, ok, status_code, state, next_retry_at)`);
  const skew = await database.row(
    `select count(*) as n, max(started_at - ended_at) as most from usable where started_at > ended_at + 1000`,
  );
  const left =
    await database.row(`select count(*) as n from (select key, min(attempt_no) as first from attempt group by key)
    where first > (select min(attempt_no) from attempt) and key not in (select key from attempt where counts_back)`);
  // Asked only if there are several endpoints or tenants: the query reads every event.
  const several = await database.row(
    'select min(endpoint) <> max(endpoint) or min(tenant) <> max(tenant) as several from usable',
  );
  const shared =
    several.several === true
      ? await database.row(`select count(*) as n from (
          select hash(id) as h from line group by h having min(key) <> max(key))`)
      : { n: 0 };
  return { dups, skew, left, shared };
}

/** Kinds of lines that cannot be used, each with one of them. */
async function unusableLines(database: Database, facts: LineFacts): Promise<Coverage['unusable']> {
  const unusable = [
    {
      why: 'no event id',
      count: facts.withoutId,
      where: 'event_id is null and delivery_id is null and not marker',
    },
    {
      why: 'no time, or an implausible one',
      count: facts.absurdTimes,
      where: '(event_id is not null or delivery_id is not null) and not in_span and not marker',
    },
  ].filter((one) => one.count > 0);
  return await Promise.all(
    unusable.map(async ({ why, count: n, where }) => {
      const row = await database.row(
        `select coalesce(event_id, delivery_id, state, status_code::varchar, '') || coalesce(' at ' || t, '') as sample from screened where malformed is null and ${where} limit 1`,
      );
      return { why, count: n, sample: text(row?.sample) };
    }),
  );
}

const maxUnusable = 0.01;

/** Notes that the result covers only the usable lines. */
function unusableNote(facts: LineFacts, malformed: number, lines: number): string[] {
  const n = malformed + facts.withoutId + facts.absurdTimes;
  if (n <= lines * maxUnusable) return [];
  return [
    `${count(n)} of ${count(lines)} lines (${percent(n / lines)}) could not be used, so their deliveries are missing here. Use --map to say how to read them`,
  ];
}

/** The drop rate at which a log of `decided` events shows at least one drop with a chance of 95%: 1 − 0.05^(1/n). */
export function detectionPower(decided: number, dropped: number): Power {
  const rate = decided === 0 ? 1 : 1 - 0.05 ** (1 / decided);
  const shown = percent(rate);
  const events = count(decided);
  if (decided === 0) return { detectable_rate: 1, statement: 'No event is decided: this log shows nothing.' };
  const statement =
    dropped > 0
      ? `${count(dropped)} of ${events}: this log would have shown a rate of ${shown} or more.`
      : rate > 0.003
        ? `0 of ${events}: this log could not have shown 0.3%; it rules out rates above ${shown} (95%).`
        : `0 of ${events}: rates above ${shown} are ruled out (95%).`;
  return { detectable_rate: rate, statement };
}
