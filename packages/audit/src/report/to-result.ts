import { wilson } from 'posthorn/domain';
import type { Explained } from '../causes/explain.ts';
import type { Deploys } from '../causes/markers.ts';
import { type Database, isoOrNull, num, text } from '../database.ts';
import type { Loaded } from '../read/load.ts';
import type { AuditOptions, AuditResult } from '../result.ts';
import type { Timeline } from '../timeline/timeline.ts';
import type { Expected } from '../truth/expected.ts';
import type { Outside } from '../truth/outside.ts';
import type { Received } from '../truth/received.ts';
import type { Decided } from '../verdicts/decide.ts';
import { detectionPower, readCoverage } from './coverage.ts';
import { readEventTypes } from './event-types.ts';
import { readDurations, readEndpoints, readExamples, readMissing, readSeries } from './figures.ts';
import { countMoney } from './money.ts';

/** Prices what was found, and puts the result together. */
export async function toResult(
  database: Database,
  {
    read: { source, specs, malformed, facts, whole },
    decided: { habits, silences, quality, verdicts },
    explained: { findings, signs, onset, unit },
    outside: { expected, received },
    options,
    deploys,
  }: {
    readonly read: Loaded & Timeline;
    readonly decided: Decided;
    readonly explained: Explained;
    readonly outside: Outside;
    readonly options: AuditOptions;
    readonly deploys: Deploys;
  },
): Promise<Omit<AuditResult, 'took_ms'>> {
  const hasPayments = specs.some(({ fields }) => fields.payment_id !== undefined);
  const { money, weekly } = await countMoney(database, unit, hasPayments, facts.to - facts.from);
  const events = Object.values(verdicts).reduce((sum, n) => sum + n, 0);
  const count = events - verdicts.unresolved;
  const isMinor = specs.some(({ fields }) => fields.amount?.money === 'minor');
  const coverage = await readCoverage(database, {
    facts,
    specs,
    sender: habits.sender,
    unresolved: verdicts.unresolved,
    silences,
    malformed,
  });
  return {
    version: 1,
    source: {
      ...source,
      assumptions: [
        ...source.assumptions,
        ...habits.assumptions,
        ...(isMinor && unit === 'major' ? ['amounts are in major units, because some have decimals'] : []),
      ],
    },
    events,
    attempts: await countAttempts(database),
    coverage: { ...coverage, notes: [...deployNotes(options.deploys, deploys, whole), ...coverage.notes] },
    quality,
    verdicts,
    silent_drop_rate: count === 0 ? 0 : verdicts.silently_dropped / count,
    silent_drop_interval: wilson(verdicts.silently_dropped, count),
    power: detectionPower(count, verdicts.silently_dropped),
    first_lost_at: await readFirstLost(database),
    causes: findings,
    value_at_risk: money.net,
    weekly_value: weekly,
    money,
    sender: habits.sender,
    onset,
    markers: signs.markers.map(({ atMs, label, from }) => ({ at: iso(atMs), label, from })),
    endpoints: await readEndpoints(database),
    event_types: await readEventTypes(database),
    series: await readSeries(database, facts, unit),
    durations: await readDurations(database),
    examples: await readExamples(database, findings[0]?.cause ?? null, unit),
    missing: await readMissing(database, options.missing, unit),
    expected: expected === null ? null : await shownExpected(database, expected),
    received: received === null ? null : await shownReceived(database, received),
  };
}

const iso = (at: number): string => new Date(at).toISOString();

async function countAttempts(database: Database): Promise<number> {
  const { n } = await database.row(
    `select (select count(*) from delivery where simple) + (select count(*) from attempt) as n`,
  );
  return num(n);
}

/** When the first missing event was accepted that was not recorded as given up. */
async function readFirstLost(database: Database): Promise<string | null> {
  const { at } = await database.row("select min(first_at) as at from missing where verdict <> 'given_up'");
  return isoOrNull(at);
}

const samples = async (database: Database, where: string): Promise<string[]> =>
  (await database.rows(`select id from missing where ${where} order by first_at, id limit 10`)).map(
    ({ id }) => text(id),
  );

async function shownExpected(
  database: Database,
  { file, truth, joinedBy, unexpected }: Expected,
): Promise<AuditResult['expected']> {
  const row = await database.row(`select count(*) filter (verdict = 'silently_dropped') as never_sent,
      count(*) filter (verdict = 'not_covered') as not_covered from unsent`);
  return {
    file,
    rows: truth.rows,
    unusable: truth.unusable,
    joined_by: joinedBy,
    never_sent: num(row.never_sent),
    unexpected,
    not_covered: num(row.not_covered),
    sample_ids: await samples(database, 'attempts = 0'),
  };
}

async function shownReceived(database: Database, received: Received): Promise<AuditResult['received']> {
  const { n: unprocessed } = await database.row('select count(*) as n from receipt where unprocessed');
  const { n: processed } = await database.row('select count(*) as n from fate where processed and not ok');
  return {
    file: received.file,
    rows: received.truth.rows,
    unusable: received.truth.unusable,
    joined_by: received.joinedBy,
    acknowledged_unprocessed: num(unprocessed),
    processed_all_the_same: num(processed),
    not_covered: received.notCovered,
    endpoints_not_covered: received.endpointsNotCovered,
    sample_ids: await samples(database, "verdict = 'acknowledged_unprocessed'"),
  };
}

/** Notes on the lines of the file of deploys that say nothing about this log. */
function deployNotes(
  path: string | undefined,
  { markers, ignored }: Deploys,
  log: { readonly from: number; readonly to: number },
): string[] {
  const isOutside = markers.every(({ atMs }) => atMs < log.from || atMs > log.to);
  return [
    ...(markers.length > 0 && isOutside
      ? [
          `none of the ${markers.length} times in ${path} is inside the log, which covers ${iso(log.from)} to ${iso(log.to)}: check the time zone of the file`,
        ]
      : []),
    ...(ignored.length > 0
      ? [
          `${ignored.length} ${ignored.length === 1 ? 'line' : 'lines'} of ${path} ${ignored.length === 1 ? 'has' : 'have'} no time (line ${ignored.slice(0, 5).join(', ')}${ignored.length > 5 ? ', …' : ''})`,
        ]
      : []),
  ];
}
