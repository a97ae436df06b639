import { type Database, isoOrNull, num, text } from './database.ts';
import { type Sign, type SignCount, words } from './evidence.ts';
import type { Habits } from './sender.ts';
import type { SignFacts } from './signs.ts';
import { benjaminiHochberg, findStep, independence, riskRatio, type Step, type Table } from './statistics.ts';
import type { Random } from '../runtime/random.ts';
import type { AuditResult, Cause, CauseFinding } from './result.ts';

/** Effects below these are not worth a name. */
const leastRatio = 2;
const leastDrops = 5;
const significance = 0.05;
/** What was given up is recorded; to name a cause for it as well, it must stand out by more. */
const givenUpSignificance = 0.001;

/** In the order in which an event that shows several is counted: what explains the others comes first. */
const order: readonly Sign[] = [
  'retry_race',
  'counter_reset',
  'oversize',
  'restart_loss',
  'rate_limited',
  'dns',
  'tls',
  'endpoint_outage',
  'poison',
  'client_timeout',
];
/** What is seen in the events themselves as an illegal transition. */
const proofs: ReadonlySet<Cause> = new Set(['retry_race', 'counter_reset', 'acknowledged_unprocessed']);

interface Tested {
  readonly sign: Sign;
  readonly table: Table;
  readonly name: string;
  readonly p: number;
  readonly ratio: number;
  readonly interval: readonly [number, number];
  /** Share of those with the sign that were lost. */
  readonly share: number;
  /** There was nothing to compare with but what never failed. */
  readonly againstAll: boolean;
}

/** The causes, the main one first; and the onset of the drops, where there is one. */
export interface Causes {
  readonly findings: readonly CauseFinding[];
  readonly onset: AuditResult['onset'];
}

/** Decides which causes stand out, counts each lost event under the first of them that it shows (`lost.cause`). */
export async function findCauses(
  database: Database,
  habits: Habits,
  signs: SignFacts,
  random: Random,
): Promise<Causes> {
  const total = num((await database.row('select count(*) as n from delivery')).n);
  const counts = await countSigns(database);
  const dropped = test(counts, 'lost', total);
  const givenUp = test(counts, 'given_up', total);
  const corrected = benjaminiHochberg([...dropped, ...givenUp].map(({ p }) => p));
  const pOf = new Map([...dropped, ...givenUp].map((one, index) => [one, corrected[index]!] as const));
  const named = dropped.filter((one) => stands(one, pOf.get(one)!, counts));
  const namedGivenUp = givenUp.filter(
    (one) =>
      one.sign !== 'retry_race' &&
      one.sign !== 'counter_reset' &&
      one.table[0][0] >= leastDrops &&
      one.ratio >= leastRatio &&
      pOf.get(one)! < givenUpSignificance &&
      // Whoever tries more often meets more ways of failing: it must have been fatal more often than not.
      one.share >= 0.5 &&
      // With nothing to compare with, it has to be the way in which nearly all of them ended.
      (!one.againstAll || one.table[0][0] >= 0.8 * (one.table[0][0] + one.table[1][0])),
  );
  const { onset, step } = await findOnset(database, random);
  await attribute(database, named, namedGivenUp, onset);
  const findings = await describe(database, habits, signs, { named, namedGivenUp, pOf, step, onset, counts });
  return { findings, onset };
}

async function countSigns(database: Database): Promise<Map<Sign, SignCount>> {
  const signs: readonly Sign[] = [...order, 'stale_write'];
  const row = await database.row(
    `select ${signs
      .flatMap((sign) => [
        `count(*) filter (verdict = 'silently_dropped' and s_${sign}) as lost_${sign}`,
        `count(*) filter (verdict = 'given_up' and s_${sign}) as given_up_${sign}`,
        `count(*) filter (verdict in ('delivered', 'late') and fails > 0 and s_${sign}) as fine_${sign}`,
      ])
      .join(', ')},
      count(*) filter (verdict = 'silently_dropped') as lost, count(*) filter (verdict = 'given_up') as given_up,
      count(*) filter (verdict in ('delivered', 'late') and fails > 0) as fine from signs`,
  );
  return new Map(
    signs.map((sign) => [
      sign,
      {
        lost: num(row[`lost_${sign}`]),
        given_up: num(row[`given_up_${sign}`]),
        fine: num(row[`fine_${sign}`]),
        allLost: num(row.lost),
        allGivenUp: num(row.given_up),
        allFine: num(row.fine),
      },
    ]),
  );
}

/**
 * Each sign among what was lost, against what failed as well but arrived in the end: of all that fails, what is lost
 * more often? Only where (nearly) nothing failed and arrived, or all of it shows the sign, against everything.
 */
function test(counts: ReadonlyMap<Sign, SignCount>, what: 'lost' | 'given_up', total: number): Tested[] {
  return [...counts].flatMap(([sign, count]) => {
    const all = what === 'lost' ? count.allLost : count.allGivenUp;
    const a = count[what];
    if (a === 0) return [];
    const c = all - a;
    const b = count.fine;
    const contrast = count.allFine - b + c;
    const againstAll = count.allFine < 5 || contrast === 0;
    const d = againstAll ? Math.max(0, total - all - b) : count.allFine - b;
    const table: Table = [
      [a, b],
      [c, d],
    ];
    const { name, p } = independence(table);
    const { ratio, interval } = riskRatio(table);
    return [{ sign, table, name, p, ratio, interval, share: a / (a + b), againstAll }];
  });
}

function stands(one: Tested, p: number, counts: ReadonlyMap<Sign, SignCount>): boolean {
  const [[a]] = one.table;
  // Seen in an event itself, so it needs no numbers where it explains most of what was lost.
  if (one.sign === 'stale_write')
    return (a >= 2 && p < significance) || a >= counts.get('stale_write')!.allLost / 2;
  if (p >= significance || one.ratio < leastRatio) return false;
  // Illegal transitions are proof by themselves; the rest has to be many.
  if (a < (proofs.has(one.sign as Cause) ? 2 : leastDrops)) return false;
  // Against all that never failed, any way of failing stands out: it must also be fatal more often than not.
  return !one.againstAll || one.share >= 0.5;
}

const onsetBins = 200;

/** The step in the rate of drops: among all events, and not only because more of them failed. */
async function findOnset(
  database: Database,
  random: Random,
): Promise<{ onset: AuditResult['onset']; step: Step | null }> {
  const rows =
    await database.rows(`with bounds as (select min(first_at) as low, greatest(1, max(first_at) - min(first_at) + 1) as span from delivery),
    lost as (select key from fate where verdict = 'silently_dropped')
    select least(${onsetBins - 1}, (delivery.first_at - low) * ${onsetBins} // span) as bin, count(*) as n, count(lost.key) as k,
      count(fate.key) filter (fails > 0 or lost.key is not null) as troubled, min(delivery.first_at) as since
    from delivery cross join bounds left join fate using (key) left join lost using (key) group by 1 order by 1`);
  const bins = rows.map((row) => ({
    n: num(row.n),
    k: num(row.k),
    troubled: num(row.troubled),
    since: num(row.since),
  }));
  const step = findStep(bins, random, true);
  if (step === null || step.p >= 0.01 || step.after.k < leastDrops) return { onset: null, step: null };
  const before = step.before.k / step.before.n;
  const after = step.after.k / step.after.n;
  const all = step.before.n + step.after.n;
  // A burst at the very end or beginning is no step.
  if (after < leastRatio * before || step.after.n < all * 0.03 || step.before.n < all * 0.03)
    return { onset: null, step: null };
  const amongTroubled = bins.map(({ troubled, k }) => ({ n: troubled, k }));
  const kept =
    amongTroubled.some(({ n, k }) => n > k) && amongTroubled.reduce((sum, { n, k }) => sum + n - k, 0) >= 20;
  if (kept) {
    const again = findStep(amongTroubled, random, true);
    if (again === null || again.p >= 0.05) return { onset: null, step: null };
  }
  return {
    onset: {
      at: new Date(bins[step.at]!.since).toISOString(),
      rate_before: before,
      rate_after: after,
      p_value: step.p,
    },
    step,
  };
}

/** Makes `lost`: what did not arrive, each with its one cause. */
async function attribute(
  database: Database,
  named: readonly Tested[],
  namedGivenUp: readonly Tested[],
  onset: AuditResult['onset'],
): Promise<void> {
  const whens = (tested: readonly Tested[]): string[] =>
    order
      .filter((sign) =>
        tested.some((one) => one.sign === sign || (sign === 'retry_race' && one.sign === 'stale_write')),
      )
      .map((sign) => `when s_${sign}${sign === 'retry_race' ? ' or s_stale_write' : ''} then '${sign}'`);
  const atOnset = onset === null ? [] : [`when first_at >= ${Date.parse(onset.at)} then 'defect_onset'`];
  // A failed request, or an acceptance, after which there was nothing: whatever the reason, the retry was not scheduled.
  const rest = ["when tried = 0 or fails > 0 or promised then 'retry_never_scheduled'"];
  const droppedCase = [...whens(named), ...atOnset, ...rest].join(' ');
  const givenUpCase = whens(namedGivenUp).join(' ');
  await database.run(`create table lost as select *,
      case verdict when 'silently_dropped' then case ${droppedCase} else 'unknown' end
        else ${givenUpCase === '' ? "'unknown'" : `case ${givenUpCase} else 'unknown' end`} end as cause
    from signs where verdict in ('silently_dropped', 'given_up')`);
  // So few that nothing can be said of them, and without a promise that was broken.
  await database.run(`update lost set cause = 'unknown' where verdict = 'silently_dropped' and cause = 'retry_never_scheduled' and not promised
    and (select count(*) from lost where verdict = 'silently_dropped' and cause = 'retry_never_scheduled') < ${leastDrops}`);
}

interface Found {
  readonly named: readonly Tested[];
  readonly namedGivenUp: readonly Tested[];
  readonly pOf: ReadonlyMap<Tested, number>;
  readonly step: Step | null;
  readonly onset: AuditResult['onset'];
  readonly counts: ReadonlyMap<Sign, SignCount>;
}

async function describe(
  database: Database,
  habits: Habits,
  signs: SignFacts,
  found: Found,
): Promise<CauseFinding[]> {
  const significant = new Set([...found.named, ...found.namedGivenUp].map(({ sign }) => sign));
  const joint = order.filter((sign) => significant.has(sign));
  const rows =
    await database.rows(`select cause, count(*) filter (verdict = 'silently_dropped') as dropped, count(*) filter (verdict = 'given_up') as given_up,
      count(*) filter (promised) as promised, count(*) filter (tried = 0) as never_tried, count(*) filter (coalesce(last_open, false)) as left_open,
      min(first_at) as first, max(first_at) as last, count(distinct endpoint) as endpoints, mode(endpoint) as endpoint,
      count(distinct event_type) as types, mode(event_type) as event_type, min(bytes) as least_bytes, mode(status_code) as status_code,
      ${joint
        .map((sign) => `count(*) filter (s_${sign}) as with_${sign}`)
        .concat(['0 as nothing'])
        .join(', ')},
      array_to_string(list(id order by first_at, id)[1:10], chr(1)) as ids
    from lost where not (verdict = 'given_up' and cause = 'unknown') group by cause`);
  const findings = rows.map((row): CauseFinding => {
    const cause = row.cause as Cause;
    const tested = [...found.named, ...found.namedGivenUp]
      .filter(({ sign }) => sign === cause || (cause === 'retry_race' && sign === 'stale_write'))
      .sort((a, b) => a.p - b.p)[0];
    const events = num(row.dropped) + num(row.given_up);
    const jointly = joint
      .filter((sign) => sign !== cause && num(row[`with_${sign}`]) > 0)
      .map((sign) => ({ cause: sign as Cause, events: num(row[`with_${sign}`]) }));
    if (found.onset !== null && cause !== 'defect_onset') jointly.push({ cause: 'defect_onset', events });
    const broken = cause === 'retry_never_scheduled' && num(row.promised) + num(row.never_tried) >= events;
    return {
      cause,
      events,
      silently_dropped: num(row.dropped),
      given_up: num(row.given_up),
      kind: proofs.has(cause) || broken ? 'proof' : 'support',
      p_value:
        tested === undefined
          ? cause === 'defect_onset'
            ? found.onset!.p_value
            : null
          : found.pOf.get(tested)!,
      evidence: words({
        cause,
        events,
        habits,
        table: tested?.table ?? null,
        ratio: tested?.ratio ?? null,
        onset: found.onset,
        markers: signs.markers,
        outages: signs.outages,
        promised: num(row.promised),
        neverTried: num(row.never_tried),
        leftOpen: num(row.left_open),
        endpoint: row.endpoint as string | null,
        endpoints: num(row.endpoints),
        statusCode: row.status_code as number | null,
        eventType: num(row.types) === 1 ? (row.event_type as string) : null,
      }),
      test:
        tested === undefined
          ? null
          : {
              name: tested.name,
              risk_ratio: tested.ratio,
              risk_ratio_interval: tested.interval,
              table: tested.table,
            },
      jointly,
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
  });
  const rank = ({ cause }: CauseFinding): number => (cause === 'unknown' ? 1 : 0);
  return findings.sort(
    (a, b) => rank(a) - rank(b) || b.silently_dropped - a.silently_dropped || b.events - a.events,
  );
}
