import { count } from 'posthorn/report';
import { binomialTail } from 'posthorn/domain';
import { type Database, isoOrNull, num, text } from '../database.ts';
import type { CauseFinding } from '../result.ts';
import { thresholds } from '../thresholds.ts';

const { beforeMs, afterMs, significance, stepSignificance } = thresholds.restarts;
const { minEvents } = thresholds.causes;

function finding(
  fields: Pick<CauseFinding, 'cause' | 'events' | 'evidence' | 'p_value' | 'where' | 'sample_ids'>,
  test: string | null,
): CauseFinding {
  return {
    ...fields,
    silently_dropped: fields.events,
    given_up: 0,
    kind: 'support',
    test: test === null ? null : { name: test, risk_ratio: null, risk_ratio_interval: null, table: null },
    jointly: [],
  };
}

/** SQL of the events in `unsent` that were never sent. */
const isLost = "verdict = 'silently_dropped'";

async function samples(database: Database, where: string): Promise<string[]> {
  const rows = await database.rows(
    `select id from unsent where ${isLost} and ${where} order by due_at, id limit 10`,
  );
  return rows.map((row) => text(row.id));
}

/**
 * Explains events that were expected and never sent by the only known fact, when they were due. Far more often around
 * restarts than other traffic: lost with the process. All after one moment: something was released then.
 */
export async function explainUnsent(database: Database): Promise<CauseFinding[]> {
  const neverSent = num((await database.row(`select count(*) as n from unsent where ${isLost}`)).n);
  if (neverSent === 0) return [];
  const total = num((await database.row('select count(*) as n from delivery')).n);
  const found: CauseFinding[] = [];
  const near = (time: string): string =>
    `exists(select 1 from marker where at_ms between ${time} - ${afterMs} and ${time} + ${beforeMs})`;
  const usual = num((await database.row(`select count(*) as n from delivery where ${near('first_at')}`)).n);
  const lost = num(
    (await database.row(`select count(*) as n from unsent where ${isLost} and ${near('due_at')}`)).n,
  );
  const share = (usual + lost) / Math.max(1, total + neverSent);
  const p = binomialTail(lost, neverSent, share);
  const atMarkers = lost >= minEvents && p < significance && lost / neverSent >= 2 * share ? lost : 0;
  if (atMarkers > 0)
    found.push(
      finding(
        {
          cause: 'restart_loss',
          events: atMarkers,
          evidence: `${count(atMarkers)} of ${count(neverSent)} events that were expected and never sent were due around a restart; only ${(share * 100).toPrecision(2)}% of all traffic is.`,
          p_value: p,
          where: {},
          sample_ids: await samples(database, near('due_at')),
        },
        'binomial',
      ),
    );
  const others = atMarkers > 0 ? `not ${near('due_at')}` : 'true';
  const rest = await database.row(
    `select count(due_at) as n, min(due_at) as first from unsent where ${isLost} and ${others}`,
  );
  const behind = num(
    (await database.row(`select count(*) as n from delivery where first_at >= ${num(rest.first)}`)).n,
  );
  // Given the first of them, the probability that all others fall after it by chance.
  const pStep = (behind / Math.max(1, total)) ** (num(rest.n) - 1);
  const from = isoOrNull(rest.first);
  let left = neverSent - atMarkers;
  if (num(rest.n) >= minEvents && pStep < stepSignificance && from !== null) {
    found.push(
      finding(
        {
          cause: 'defect_onset',
          events: num(rest.n),
          evidence: `${count(num(rest.n))} events that were expected and never sent are all from ${from} on: before that, ${count(total - behind)} events were sent and none was missing.`,
          p_value: pStep,
          where: { from },
          sample_ids: await samples(database, `due_at is not null and ${others}`),
        },
        'all behind one moment',
      ),
    );
    left -= num(rest.n);
  }
  if (left > 0)
    found.push(
      finding(
        {
          cause: 'unknown',
          events: left,
          evidence: `${count(left)} were expected but have no line in the log: they were lost before the first attempt.`,
          p_value: null,
          where: {},
          sample_ids: await samples(database, others),
        },
        null,
      ),
    );
  return found;
}
