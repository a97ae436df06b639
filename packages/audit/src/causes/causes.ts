import { associate, type Named } from './associate.ts';
import type { Evidence } from './evidence.ts';
import { findOnset, type Onset } from './onset.ts';
import { restEvidence } from './rest.ts';
import { rules } from './rules.ts';
import { type Database, isoOrNull, num, numOrNull, text, type Row } from '../database.ts';
import type { Habits } from '../timeline/sender.ts';
import type { SignFacts } from './signs.ts';
import type { Random } from 'posthorn/runtime';
import type { AuditResult, Cause, CauseFinding } from '../result.ts';
import { thresholds } from '../thresholds.ts';

const { minUnexplained } = thresholds.causes;

/** The causes, the main one first, and the onset of the drops if there is one. */
export interface Causes {
  readonly findings: readonly CauseFinding[];
  readonly onset: AuditResult['onset'];
}

/** Makes `lost` (undelivered events, each with one cause) and returns the causes that stand out. */
export async function findCauses(
  database: Database,
  habits: Habits,
  signs: SignFacts,
  random: Random,
  /** The log is shown to be complete; otherwise nothing is a proof. */
  complete: boolean,
): Promise<Causes> {
  await database.run(
    "create table lost as select *, cast(null as varchar) as cause from signs where verdict in ('silently_dropped', 'given_up')",
  );
  const total = num((await database.row('select count(*) as n from delivery')).n);
  const named = await associate(database, 'silently_dropped', total);
  const namedGivenUp = await associate(database, 'given_up', total);
  // Explained losses are left out of the search for a step. If every loss is explained, the step over all of them is reported.
  const unexplained =
    (await findOnset(database, 'cause is null', random)) ??
    (await findOnset(database, 'cause is null and tried = 0', random, thresholds.onset.neverTried));
  const onset = unexplained ?? (named.length === 0 ? null : await findOnset(database, 'true', random));
  await explainRest(database, unexplained);
  const shownOnset = onset === null ? null : asResult(onset);
  const found = { named: [...named, ...namedGivenUp], onset: shownOnset, complete };
  return { findings: await describe(database, habits, signs, found), onset: shownOnset };
}

/** Converts an onset to the form that the result has. */
const asResult = ({ at, before, after, p }: Onset): NonNullable<AuditResult['onset']> => ({
  at: new Date(at).toISOString(),
  rate_before: before,
  rate_after: after,
  p_value: p,
});

/** Explains events without the sign of a rule: by a defect that began at some time, or by a retry that was never scheduled. */
async function explainRest(database: Database, onset: Onset | null): Promise<void> {
  if (onset !== null)
    await database.run(`update lost set cause = 'defect_onset' where verdict = 'silently_dropped' and cause is null
      and first_at >= ${onset.at}${onset.until === null ? '' : ` and first_at < ${onset.until}`}`);
  // Nothing follows a failed request or an acceptance: whatever the reason, the retry was not scheduled.
  await database.run(`update lost set cause = case
      when verdict = 'given_up' or not (tried = 0 or fails > 0 or promised) then 'unknown' else 'retry_never_scheduled' end
    where cause is null`);
  await database.run(`update lost set cause = 'unknown' where verdict = 'silently_dropped' and cause = 'retry_never_scheduled' and not promised
    and (select count(*) from lost where verdict = 'silently_dropped' and cause = 'retry_never_scheduled') < ${minUnexplained}`);
}

interface Found {
  readonly complete: boolean;
  readonly named: readonly Named[];
  readonly onset: AuditResult['onset'];
}

async function describe(
  database: Database,
  habits: Habits,
  signs: SignFacts,
  found: Found,
): Promise<CauseFinding[]> {
  const joint = [
    ...Map.groupBy(
      rules.filter(({ cause }) => found.named.some(({ rule }) => rule.cause === cause)),
      ({ cause }) => cause,
    ),
  ].map(([cause, own]) => ({ cause, shown: own.map(({ sign }) => `s_${sign}`).join(' or ') }));
  const failed = num((await database.row('select count(*) as n from fate where fails > 0')).n);
  const rows =
    await database.rows(`select cause, count(*) filter (verdict = 'silently_dropped') as dropped, count(*) filter (verdict = 'given_up') as given_up,
      count(*) filter (promised) as promised, count(*) filter (tried = 0) as never_tried, count(*) filter (coalesce(last_open, false)) as left_open,
      count(*) filter (coalesce(ignored_retry_after, false)) as too_soon,
      min(first_at) as first, max(first_at) as last, count(distinct endpoint) as endpoints, mode(endpoint) as endpoint,
      count(distinct event_type) as types, mode(event_type) as event_type, min(bytes) as least_bytes, mode(status_code) as status_code,
      ${joint.map(({ cause, shown }) => `count(*) filter (${shown}) as with_${cause},`).join(' ')}
      array_to_string(list(id order by first_at, id)[1:10], chr(1)) as ids
    from lost where verdict <> 'given_up' group by cause`);
  const findings = rows.map((row) => toFinding(row, { habits, signs, found, joint, failed }));
  const rank = ({ cause }: CauseFinding): number => (cause === 'unknown' ? 1 : 0);
  const place = ({ cause }: CauseFinding): number => rules.findIndex((rule) => rule.cause === cause);
  return findings.sort(
    (a, b) =>
      rank(a) - rank(b) ||
      b.silently_dropped - a.silently_dropped ||
      b.events - a.events ||
      place(b) - place(a),
  );
}

interface FindingContext {
  readonly habits: Habits;
  readonly signs: SignFacts;
  readonly found: Found;
  /** The causes that were named, with the SQL of their signs. */
  readonly joint: readonly { readonly cause: Cause; readonly shown: string }[];
  /** Events with a failed attempt. */
  readonly failed: number;
}

function toFinding(row: Row, context: FindingContext): CauseFinding {
  const cause = row.cause as Cause;
  const rule = rules.find((one) => one.cause === cause);
  const tested = context.found.named.find((one) => one.rule.cause === cause);
  const events = num(row.dropped) + num(row.given_up);
  const evidence = toEvidence(row, events, context);
  const broken = cause === 'retry_never_scheduled' && num(row.promised) + num(row.never_tried) >= events;
  return {
    cause,
    events,
    silently_dropped: num(row.dropped),
    given_up: num(row.given_up),
    kind: context.found.complete && (rule?.kind === 'proof' || broken) ? 'proof' : 'support',
    p_value: tested?.p ?? (cause === 'defect_onset' ? context.found.onset!.p_value : null),
    evidence: (rule?.describe ?? restEvidence[cause]!)(evidence),
    test:
      tested === undefined
        ? null
        : {
            name: tested.test,
            risk_ratio: tested.ratio,
            risk_ratio_interval: tested.interval,
            table: tested.table,
          },
    jointly: jointly(row, cause, events, context.joint, context.found.onset),
    where: {
      ...(num(row.endpoints) === 1 && row.endpoint !== null ? { endpoint: text(row.endpoint) } : {}),
      ...(num(row.types) === 1 ? { event_type: text(row.event_type) } : {}),
      ...(row.first === null ? {} : { from: isoOrNull(row.first)!, to: isoOrNull(row.last)! }),
      ...(cause === 'oversize' && row.least_bytes !== null ? { threshold: num(row.least_bytes) } : {}),
    },
    sample_ids: text(row.ids)
      .split('\u0001')
      .filter((id) => id !== ''),
  };
}

/** What the description of a cause can say. */
function toEvidence(row: Row, events: number, { habits, signs, found, failed }: FindingContext): Evidence {
  const tested = found.named.find((one) => one.rule.cause === row.cause);
  return {
    events,
    habits,
    table: tested?.table ?? null,
    onset: found.onset,
    markers: signs.markers,
    outages: signs.outages,
    promised: num(row.promised),
    neverTried: num(row.never_tried),
    leftOpen: num(row.left_open),
    tooSoon: num(row.too_soon),
    minBytes: numOrNull(row.least_bytes),
    endpoint: row.endpoint as string | null,
    endpoints: num(row.endpoints),
    statusCode: row.status_code as number | null,
    eventType: num(row.types) === 1 ? (row.event_type as string) : null,
    allFailed: failed,
  };
}

function jointly(
  row: Readonly<Record<string, unknown>>,
  cause: Cause,
  events: number,
  joint: readonly { readonly cause: Cause }[],
  onset: AuditResult['onset'],
): CauseFinding['jointly'] {
  const shown = joint
    .filter((one) => one.cause !== cause && num(row[`with_${one.cause}`]) > 0)
    .map((one) => ({ cause: one.cause, events: num(row[`with_${one.cause}`]) }));
  return onset === null || cause === 'defect_onset' ? shown : [...shown, { cause: 'defect_onset', events }];
}
