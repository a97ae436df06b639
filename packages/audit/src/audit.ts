import { wilson } from 'posthorn/domain';
import { SeededRandom, systemClock } from 'posthorn/runtime';
import { findCauses } from './causes/causes.ts';
import { readEventTypes } from './report/event-types.ts';
import { detectionPower, readCoverage } from './report/coverage.ts';
import { type Database, num, withDatabase } from './database.ts';
import { AuditError } from './errors.ts';
import { readDurations, readEndpoints, readExamples, readMissing, readSeries } from './report/figures.ts';
import { findGaps, type Silence } from './timeline/gaps.ts';
import { readVocabulary, type Vocabulary } from './read/ingest.ts';
import { load, type Loaded } from './read/load.ts';
import { type Deploys, markersInLog, readDeploys } from './causes/markers.ts';
import { countMoney, detectAmountUnit } from './report/money.ts';
import { explainUnsent } from './verdicts/never-sent.ts';
import { type Habits, learnSender } from './timeline/sender.ts';
import { shownResult } from './report/shown-result.ts';
import { makeSigns } from './causes/signs.ts';
import { type LineFacts, makeLines, makeTimeline, screenLines } from './timeline/timeline.ts';
import { compareExpected, compareReceived } from './verdicts/truth.ts';
import { assessQuality } from './verdicts/quality/assess.ts';
import type { Gated } from './verdicts/quality/gate.ts';
import { classifyStates, findStateTable } from './timeline/state-table.ts';
import { classify, countVerdicts, makeStory } from './verdicts/verdicts.ts';
import { keepWindow } from './timeline/window.ts';
import { runStage } from './stages.ts';
import type { AuditOptions, AuditResult, CauseFinding, Coverage, Source } from './result.ts';

const defaultMemoryMb = 1100;
/** Reading is most of the work. */
const readingShare = 0.45;

/**
 * Audits delivery logs: what became of every event, which events were silently dropped, why, and what they are worth.
 * Works in a temporary directory and removes it afterwards. Throws AuditError, with a message for the user, if nothing can
 * be audited, and AuditStopped if `signal` stopped it.
 */
export async function audit(options: AuditOptions): Promise<AuditResult> {
  const timezone = options.timezone ?? 'UTC';
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    throw new AuditError(`unknown time zone ${timezone}: use an IANA name, such as Europe/Berlin`);
  }
  return await withDatabase(
    {
      memoryMb: options.memoryMb ?? defaultMemoryMb,
      threads: options.threads,
      timezone,
      signal: options.signal,
    },
    async (database) => await auditIn(database, options),
  );
}

async function auditIn(database: Database, options: AuditOptions): Promise<AuditResult> {
  const begun = systemClock.monotonic();
  const at = (stage: string, done: number): void => options.onProgress?.({ stage, done });
  const deploys =
    options.deploys === undefined ? { markers: [], ignored: [] } : await readDeploys(options.deploys);
  at('reading', 0);
  const loaded = await runStage(database, 'read', () =>
    load(database, options, (done, total) =>
      at(`reading ${progressText(done, total)}`, (done / total) * readingShare),
    ),
  );
  at('putting attempts together', readingShare);
  const timeline = await runStage(database, 'timeline', () => toTimeline(database, loaded, options));
  at('classifying', 0.8);
  const read = { ...loaded, ...timeline };
  const judged = await runStage(database, 'verdicts', () => assess(database, read, options));
  const explained = await runStage(database, 'causes', () =>
    explain(database, { read, judged, options, deploys, at }),
  );
  const truth = await runStage(database, 'truth', () => compareOutside(database, { read, judged, options }));
  const result = await runStage(database, 'report', () =>
    toResult(database, { read, judged, explained, truth, options, deploys, at }),
  );
  at('done', 1);
  return shownResult({ ...result, took_ms: Math.round(systemClock.monotonic() - begun) });
}

/** What the stages after reading work with. */
interface Read extends Loaded {
  readonly facts: LineFacts;
  /** The facts of the log without a window. */
  readonly whole: LineFacts;
  readonly vocabulary: Vocabulary;
}

type Judged = Awaited<ReturnType<typeof assess>>;
type Explained = Awaited<ReturnType<typeof explain>>;
type Truth = Awaited<ReturnType<typeof compareOutside>>;

interface SoFar {
  readonly read: Read;
  readonly judged: Judged;
  readonly options: AuditOptions;
}

async function toTimeline(
  database: Database,
  { specs }: Loaded,
  options: AuditOptions,
): Promise<Omit<Read, keyof Loaded>> {
  const vocabulary = await readVocabulary(database);
  await screenLines(database, vocabulary);
  const whole = await makeLines(database, vocabulary, specs);
  // Verdicts may cover a window only, but `whole` still says how far the log goes on after it.
  const facts =
    options.window === undefined ? whole : { ...whole, ...(await keepWindow(database, options.window)) };
  await makeTimeline(database, { slackMs: facts.secondsOnly ? 1000 : 5 });
  return { vocabulary, whole, facts };
}

/** Names the causes of what was not delivered. */
async function explain(
  database: Database,
  {
    read: { facts },
    judged: { habits, complete, silences },
    options,
    deploys,
    at,
  }: SoFar & { readonly deploys: Deploys; readonly at: (stage: string, done: number) => void },
) {
  const markers = [...deploys.markers, ...(await markersInLog(database))];
  const random = new SeededRandom(options.seed ?? 1, 'audit');
  const signs = await makeSigns(database, facts, habits, markers, random);
  at('looking for causes', 0.88);
  const causes = await findCauses(database, habits, signs, random, complete && silences.length === 0);
  await makeMissing(database);
  return { signs, causes };
}

/** Compares with what should have been sent and with what was processed; adds to `missing`. */
async function compareOutside(
  database: Database,
  { read: { specs, facts }, judged: { habits, quality }, options }: SoFar,
) {
  const declared = specs.find(({ fields }) => fields.amount !== undefined)?.fields.amount?.money;
  const own = declared === undefined ? null : await detectAmountUnit(database, declared);
  const expected =
    options.expected === undefined
      ? null
      : await compareExpected(database, options.expected, facts, {
          patienceMs: habits.firstWaitMs,
          unit: own,
          conclusive: quality.conclusive,
        });
  const received =
    options.received === undefined ? null : await compareReceived(database, options.received, facts);
  return { declared, own, expected, received };
}

/** Counts, prices and shows what was found. */
async function toResult(
  database: Database,
  {
    read: { source, specs, malformed, facts, whole },
    judged: { habits, silences, quality, verdicts },
    explained: { causes, signs },
    truth: { declared, own, expected, received },
    options,
    deploys,
    at,
  }: SoFar & {
    readonly explained: Explained;
    readonly truth: Truth;
    readonly deploys: Deploys;
    readonly at: (stage: string, done: number) => void;
  },
): Promise<Omit<AuditResult, 'took_ms'>> {
  const events = num((await database.row('select count(*) as n from delivery')).n);
  const final = withTruthCounts(verdicts, expected, received);
  at('counting the money', 0.93);
  const unit = own ?? (await detectAmountUnit(database, undefined));
  const hasPayments = specs.some(({ fields }) => fields.payment_id !== undefined);
  const { money, weekly } = await countMoney(database, unit, hasPayments, facts.to - facts.from);
  const all = events + (expected?.never_sent ?? 0) + (expected?.unresolved ?? 0);
  const decided = all - final.unresolved;
  const unsent = await explainUnsent(database, expected?.never_sent ?? 0);
  const findings = withTruth(causes.findings, unsent, received);
  at('writing', 0.97);
  return {
    version: 1,
    source: withAssumptions(source, [
      ...habits.assumptions,
      ...(declared === 'minor' && unit === 'major'
        ? ['amounts are in major units, because some have decimals']
        : []),
    ]),
    events: all,
    attempts: await countAttempts(database),
    coverage: withNotes(
      await readCoverage(database, facts, specs, habits.sender, final.unresolved, silences, malformed),
      deployNotes(options.deploys, deploys, whole),
    ),
    quality,
    verdicts: final,
    silent_drop_rate: decided === 0 ? 0 : final.silently_dropped / decided,
    silent_drop_interval: wilson(final.silently_dropped, decided),
    power: detectionPower(decided, final.silently_dropped),
    first_lost_at: await readFirstLost(database),
    causes: findings,
    value_at_risk: money.net,
    weekly_value: weekly,
    money,
    sender: habits.sender,
    onset: causes.onset,
    markers: signs.markers.map(({ atMs, label, from }) => ({ at: iso(atMs), label, from })),
    endpoints: await readEndpoints(database),
    event_types: await readEventTypes(database),
    series: await readSeries(database, facts, unit),
    durations: await readDurations(database),
    examples: await readExamples(database, findings[0]?.cause ?? null, unit),
    missing: await readMissing(database, options.missing, unit),
    expected: shownExpected(expected),
    received: shownReceived(received),
  };
}

const withAssumptions = (source: Source, more: readonly string[]): Source => ({
  ...source,
  assumptions: [...source.assumptions, ...more],
});

async function countAttempts(database: Database): Promise<number> {
  const { n } = await database.row(
    `select (select count(*) from delivery where simple) + (select count(*) from attempt) as n`,
  );
  return num(n);
}

/** Decides what became of each event, and whether the log can show that at all. */
async function assess(
  database: Database,
  { facts, whole, vocabulary, specs, malformed, quality: loaded }: Read,
  options: AuditOptions,
): Promise<
  Gated & {
    readonly habits: Habits;
    readonly silences: readonly Silence[];
    readonly verdicts: Awaited<ReturnType<typeof countVerdicts>>;
  }
> {
  const isStates = await findStateTable(database, specs, vocabulary);
  const habits = await learnSender(database, whole, vocabulary, specs, options, isStates);
  const silences = await findGaps(database, facts);
  await makeStory(database, habits);
  const states = isStates
    ? await classifyStates(database, whole, vocabulary, specs, habits.sender.late_after_ms)
    : null;
  if (states === null) await classify(database, whole, habits, specs);
  const { quality, complete } = await assessQuality(database, {
    facts: whole,
    habits,
    specs,
    rejected: malformed.rejected,
    loaded,
    states,
    hasExpected: options.expected !== undefined,
  });
  const verdicts = await countVerdicts(database, habits.sender.late_after_ms);
  return { habits, silences, quality, complete, verdicts };
}

type Expected = Awaited<ReturnType<typeof compareExpected>>;
type Received = Awaited<ReturnType<typeof compareReceived>>;

/** The verdicts of the log, corrected by what the comparisons with the outside say. */
function withTruthCounts(
  verdicts: Awaited<ReturnType<typeof countVerdicts>>,
  expected: Expected | null,
  received: Received | null,
): AuditResult['verdicts'] {
  const unprocessed = received?.acknowledged_unprocessed ?? 0;
  const lateUnprocessed = received?.lateUnprocessed ?? 0;
  return {
    ...verdicts,
    silently_dropped: verdicts.silently_dropped + (expected?.never_sent ?? 0) - (received?.droppedBut ?? 0),
    given_up: verdicts.given_up - (received?.givenUpBut ?? 0),
    unresolved: verdicts.unresolved + (expected?.unresolved ?? 0) - (received?.unresolvedBut ?? 0),
    acknowledged_unprocessed: unprocessed,
    delivered: verdicts.delivered + (received?.processed_all_the_same ?? 0) - (unprocessed - lateUnprocessed),
    late: verdicts.late - lateUnprocessed,
  };
}

function shownExpected(expected: Expected | null): AuditResult['expected'] {
  if (expected === null) return null;
  const { unresolved: _, ...shown } = expected;
  return shown;
}

function shownReceived(received: Received | null): AuditResult['received'] {
  if (received === null) return null;
  const { droppedBut: _, givenUpBut: __, lateUnprocessed: ___, unresolvedBut: ____, ...shown } = received;
  return shown;
}

const iso = (at: number): string => new Date(at).toISOString();

const withNotes = (coverage: Coverage, notes: readonly string[]): Coverage => ({
  ...coverage,
  notes: [...notes, ...coverage.notes],
});

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

/** "1.2 of 3.4 GB". */
function progressText(done: number, total: number): string {
  const [unit, name] = total >= 1e9 ? [1e9, 'GB'] : total >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
  return `${(done / unit).toFixed(1)} of ${(total / unit).toFixed(1)} ${name}`;
}

/** Makes `missing`: the undelivered events, with what is known of their payments. */
async function makeMissing(database: Database): Promise<void> {
  await database.run(`create table missing as
    select lost.id, lost.endpoint, lost.tenant, paid.payment_id, lost.verdict, lost.cause, lost.last_at, lost.tried as attempts,
      paid.amount, paid.currency, lost.event_type, lost.first_at, lost.key
    from lost join (select key, max(payment_id) as payment_id, max(amount) as amount, max(currency) as currency
      from seen where key in (select key from lost) group by key) paid on paid.key = lost.key`);
}

/** When the first missing event was accepted that was not recorded as given up. */
async function readFirstLost(database: Database): Promise<string | null> {
  const { at } = await database.row("select min(first_at) as at from missing where verdict <> 'given_up'");
  return at === null ? null : new Date(num(at)).toISOString();
}

/** Inserts the causes that only a comparison with outside data shows. */
function withTruth(
  findings: readonly CauseFinding[],
  unsent: readonly CauseFinding[],
  received: AuditResult['received'],
): CauseFinding[] {
  const all = [...findings];
  if (received !== null && received.acknowledged_unprocessed > 0)
    all.push({
      cause: 'acknowledged_unprocessed',
      events: received.acknowledged_unprocessed,
      silently_dropped: 0,
      given_up: 0,
      kind: 'proof',
      p_value: null,
      evidence: `${received.acknowledged_unprocessed.toLocaleString('en-US')} events were answered with success, but are not in ${received.file}.`,
      test: null,
      jointly: [],
      where: {},
      sample_ids: received.sample_ids,
    });
  for (const one of unsent) {
    const at = all.findIndex(({ cause }) => cause === one.cause);
    if (at < 0) all.push(one);
    else {
      const known = all[at]!;
      all[at] = {
        ...known,
        events: known.events + one.events,
        silently_dropped: known.silently_dropped + one.silently_dropped,
        evidence: `${known.evidence} ${one.evidence}`,
      };
    }
  }
  const rank = ({ cause }: CauseFinding): number => (cause === 'unknown' ? 1 : 0);
  const weight = (one: CauseFinding): number =>
    one.cause === 'acknowledged_unprocessed' ? one.events : one.silently_dropped;
  return all.sort((a, b) => rank(a) - rank(b) || weight(b) - weight(a) || b.events - a.events);
}
