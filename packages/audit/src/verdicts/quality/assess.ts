import { count, percent } from 'posthorn/report';
import { type Database, num, numOrNull, text } from '../../database.ts';
import type { QualityProblem } from '../../result.ts';
import type { Counts, Gate, Gated } from './gate.ts';
import { findHoles, holesProblem } from './attempt-holes.ts';
import { holesIn } from './id-counters.ts';
import { fanOut, reopenFannedOut } from './fan-out.ts';
import { silentWorkers } from './silent-workers.ts';
import type { StateTable } from '../state-table.ts';
import { thresholds } from '../../thresholds.ts';
import type { LineFacts } from '../../timeline/timeline.ts';

// Before any verdict: can this log show what became of an event? Where lines, nodes or ids are missing, an event without a further
// line is not a lost one.

/** Decides whether the log is conclusive. Needs `fate`; if it is not, no event is called dropped. */
export async function assessQuality(database: Database, gate: Gate): Promise<Gated> {
  const counts = await countEvents(database);
  const { suspected } = counts;
  const holes = await findHoles(database, gate);
  const found = [
    await unusableLines(database, gate, counts),
    (await withoutSuccess(database, gate, counts)) ?? mostlyLost(counts),
    (await holesProblem(database, gate, holes, counts)) ?? (await silentWorkers(database, gate, counts)),
    await missingNumbers(database, gate, counts),
    await idsDoNotJoin(database, gate, counts),
    await fanOut(database, gate, counts),
    await timesConflict(database),
    stateProblem(gate.states),
  ].filter((one) => one !== null);
  const problems = (await receiptsAnswer(database, gate, found)) ? [] : found;
  const conclusive = problems.length === 0;
  if (!conclusive)
    await database.run("update fate set verdict = 'unresolved' where verdict = 'silently_dropped'");
  const hidden = problems.some(({ code }) => code === 'fan_out_without_endpoint')
    ? await reopenFannedOut(database)
    : 0;
  return {
    quality: { conclusive, suspected: conclusive ? 0 : suspected + hidden, problems },
    complete: found.length === 0 && holes !== null && holes.missing === 0 && counts.retries > 0,
  };
}

/** Problems by which a delivery can look like a drop, because the line of its success is missing. */
const missingLines: ReadonlySet<QualityProblem['code']> = new Set([
  'unusable_lines',
  'no_success',
  'attempt_numbers_have_holes',
  'worker_lines_missing',
  'successes_may_be_sampled',
]);

/** Whether receipts answer what missing lines leave open: they reach beyond the retry of every suspected drop, and contain none of them. */
async function receiptsAnswer(
  database: Database,
  { hasReceived }: Gate,
  problems: readonly QualityProblem[],
): Promise<boolean> {
  if (!hasReceived || problems.some(({ code }) => !missingLines.has(code))) return false;
  const { n } = await database.row(
    "select count(*) as n from fate where verdict = 'silently_dropped' and coalesce(covered_to < due_at, true)",
  );
  return num(n) === 0;
}

async function countEvents(database: Database): Promise<Counts> {
  const row =
    await database.row(`select count(*) filter (verdict = 'silently_dropped') as suspected, count(*) filter (fails > 0) as failed,
      count(*) filter (fails > 0 and verdict in ('delivered', 'late', 'silently_dropped')) as retried,
      (select count(*) from delivery) as events, (select count(*) from attempt where rank > 1) as retries from fate`);
  return {
    events: num(row.events),
    suspected: num(row.suspected),
    failed: num(row.failed),
    retried: num(row.retried),
    retries: num(row.retries),
  };
}

async function unusableLines(
  database: Database,
  { facts, rejected, loaded }: Gate,
  { suspected, failed }: Counts,
): Promise<QualityProblem | null> {
  // Other lines of a program are not about deliveries; broken records and attempts without an id or a time may be.
  const row =
    await database.row(`select count(*) filter (event_id is null and delivery_id is null and not marker and malformed is null
      and (status_code is not null or outcome is not null)) as without_id,
    count(*) filter (malformed is not null and ${loaded.hasOtherLines ? "contains(malformed, chr(1) || '{')" : 'true'}) as malformed,
    count(*) filter (malformed is not null) as all_malformed from screened`);
  const broken = num(row.malformed);
  const n = broken + rejected + num(row.without_id) + facts.absurdTimes;
  const lines = facts.lines + rejected - (num(row.all_malformed) - broken);
  const share = n / Math.max(1, lines);
  // Fewer are enough if they would explain suspected drops.
  const explains =
    n >= thresholds.quality.minHoles && share * failed > suspected * thresholds.quality.explainedByHoles;
  if (share <= thresholds.quality.unusableShare && !(suspected > 0 && explains)) return null;
  return {
    code: 'unusable_lines',
    count: n,
    share,
    message: `${count(n)} of ${count(lines)} lines cannot be used (${count(broken + rejected)} broken, ${count(num(row.without_id))} without an event id, ${count(facts.absurdTimes)} without a plausible time): an event without a further line may have one among them.`,
    next_step:
      'Run with --preview to see how lines are read, and say the rest with --map, --pattern or --time-format.',
  };
}

async function withoutSuccess(
  database: Database,
  { specs }: Gate,
  { events, failed }: Counts,
): Promise<QualityProblem | null> {
  if (failed === 0 || specs.some(({ sender }) => sender?.failureIsFinal === true)) return null;
  const { oks } = await database.row('select count(*) as oks from delivery where ok');
  if (num(oks) > 0) return null;
  return {
    code: 'no_success',
    count: events,
    share: 1,
    message: `Not one of ${count(events)} events has a success: the sender seems to log failures only, so what was delivered at a later attempt looks like what was not.`,
    next_step: 'Add the log of successful attempts, or compare with what receivers processed: --received.',
  };
}

const maxIds = 4000;

/** More is lost than anybody would run: successes are missing. */
function mostlyLost({ events, suspected }: Counts): QualityProblem | null {
  const share = suspected / Math.max(1, events);
  if (suspected < thresholds.quality.minMostlyLost || share <= thresholds.quality.mostlyLost) return null;
  return {
    code: 'successes_may_be_sampled',
    count: suspected,
    share,
    message: `${count(suspected)} of ${count(events)} events (${percent(share)}) failed and have no success: the sender seems to log only some successes.`,
    next_step: 'Turn off sampling of the log, or compare with what receivers processed: --received.',
  };
}

/** Looks for a counter in the ids of a stretch in the middle of the log, in the order of their first lines. */
async function counterHoles(
  database: Database,
  facts: LineFacts,
  events: number,
): Promise<ReturnType<typeof holesIn>> {
  const span = facts.to - facts.from;
  const width = Math.ceil(span * Math.min(1, maxIds / events));
  const from = facts.from + Math.floor((span - width) / 2);
  const rows = await database.rows(
    `select id, min(coalesce(accepted_at, started_at, t)) as first from line where t between ${from} and ${from + width} group by id order by 2, 1 limit ${maxIds}`,
  );
  const gaps = await database.rows('select begins, ends from gap');
  const afterGaps = rows.flatMap((row, at) => {
    const before = at === 0 ? Infinity : num(rows[at - 1]!.first);
    return gaps.some(({ begins, ends }) => before < num(ends) && num(row.first) > num(begins)) ? [at] : [];
  });
  return holesIn(
    rows.map((row) => text(row.id)),
    new Set(afterGaps),
  );
}

/** Ids that count up show how many events have no line at all. */
async function missingNumbers(
  database: Database,
  { facts, hasExpected, states }: Gate,
  { events, suspected, failed, retried }: Counts,
): Promise<QualityProblem | null> {
  // Without a suspicion nothing is called lost, and ids of other events have numbers too.
  if (hasExpected || states !== null || suspected === 0) return null;
  const found = await counterHoles(database, facts, events);
  if (
    found === null ||
    found.missing < thresholds.quality.minHoles ||
    found.share < thresholds.quality.holeRate
  )
    return null;
  // If most numbers are missing, whole events may have been left out; of failures, about as many must lack their success then. If more
  // events failed than receivers fail, those that were given up or are open have nothing to do with it.
  const likely = found.share * thresholds.quality.sampledAlike;
  const base = failed >= events * thresholds.quality.oddlyFailing ? retried : failed;
  const isExplained = found.isDense
    ? found.share * failed >= suspected * thresholds.quality.explainedByHoles
    : suspected >= base * likely;
  if (!isExplained) return null;
  return {
    code: 'successes_may_be_sampled',
    count: found.missing,
    share: found.share,
    message: `Event ids count up, and ${percent(found.share)} of the numbers have no line: lines are missing, for example because only some successes are logged, or events were never sent.`,
    next_step: 'Turn off sampling of the log, or compare with what should have been sent: --expected.',
  };
}

const eventNames = /event|evt|msg|message|webhook|notification|delivery|invocation|guid|idempotency|mapped/i;

async function idsDoNotJoin(
  database: Database,
  { specs, habits, states, facts }: Gate,
  { failed, retries }: Counts,
): Promise<QualityProblem | null> {
  if (states !== null || specs.some(({ sender }) => sender?.retries === false)) return null;
  if (failed < thresholds.quality.minFailures || retries > 0) return null;
  const { numbers, words } = await database.row(
    'select max(attempt_no) - min(attempt_no) as numbers, count(state) as words from line',
  );
  // A row with a word and without a number can be a delivery with its last state, whatever its id is called.
  const isRow = numOrNull(numbers) === null && num(words) > 0;
  const sure =
    !isRow &&
    specs.every(({ fields }) =>
      (fields.event_id ?? fields.delivery_id)?.paths.some((path) => eventNames.test(path.join('.'))),
    );
  if (sure || numOrNull(numbers) === 0 || facts.to - facts.from < habits.firstWaitMs) return null;
  return {
    code: 'ids_do_not_join',
    count: failed,
    share: 1,
    message: `None of ${count(failed)} failed attempts is followed by another one under the same id: the id may be that of an attempt, or a row may be a delivery with its last state.`,
    next_step: 'Name the field that all attempts of an event share: --map event_id=<name>.',
  };
}

async function timesConflict(database: Database): Promise<QualityProblem | null> {
  const row = await database.row(`select count(*) as events, count(*) filter (back) as back from (
      select key, bool_or(counts_back) as back from attempt where attempt_no is not null
      group by key having count(*) > 1 and count(distinct attempt_no) = count(*))`);
  const share = num(row.back) / Math.max(1, num(row.events));
  if (num(row.back) < thresholds.quality.minHoles || share <= thresholds.quality.conflictShare) return null;
  return {
    code: 'times_conflict',
    count: num(row.back),
    share,
    message: `In ${count(num(row.back))} of ${count(num(row.events))} events with several attempts, the times contradict the numbers of the attempts: times are not read as they were written.`,
    next_step:
      'Say how times are written, for example --time-format "%d/%m/%Y %H:%M:%S" and --timezone Europe/Berlin.',
  };
}

function stateProblem(states: StateTable | null): QualityProblem | null {
  if (states === null || states.suspicious === 0) return null;
  return {
    code: 'state_table',
    count: states.suspicious,
    share: states.suspicious / Math.max(1, states.rows),
    message: `The input has one row for each delivery with its last state, not its attempts. ${count(states.suspicious)} of ${count(states.rows)} rows wait for a retry that is overdue: suspicious, but a row does not show whether anybody still tries.`,
    next_step: moreFrom(states),
  };
}

/** Where more can be learned about rows that wait. */
function moreFrom(states: StateTable): string {
  if (states.format === 'stripe')
    return 'Stripe retries for three days: list what it gave up with `stripe events list --delivery-success=false`, and compare with what the receiver processed: --received.';
  if (states.format === 'bullmq')
    return 'Look at the failed and the stalled jobs of the queue, and compare with what the receivers processed: --received.';
  return `Look at these rows again in an hour: select * from deliveries where status in (${states.words.map((word) => `'${word.replaceAll("'", "''")}'`).join(', ')}) and updated_at < now() - interval '1 hour'. Rows that do not change are lost; export the log of attempts to see why.`;
}
