import { count, percent } from 'posthorn/report';
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

const near = (time: string): string =>
  `exists(select 1 from marker where at_ms between ${time} - ${afterMs} and ${time} + ${beforeMs})`;

const counted = async (database: Database, from: string): Promise<number> =>
  num((await database.row(`select count(*) as n from ${from}`)).n);

/** Far more of them around restarts than of other traffic: lost with the process. */
async function atRestarts(
  database: Database,
  neverSent: number,
  total: number,
): Promise<CauseFinding | null> {
  const usual = await counted(database, `delivery where ${near('first_at')}`);
  const lost = await counted(database, `unsent where ${isLost} and ${near('due_at')}`);
  const share = (usual + lost) / Math.max(1, total + neverSent);
  const p = binomialTail(lost, neverSent, share);
  if (lost < minEvents || p >= significance || lost / neverSent < 2 * share) return null;
  return finding(
    {
      cause: 'restart_loss',
      events: lost,
      evidence: `${count(lost)} of ${count(neverSent)} events that were expected and never sent were due around a restart; only ${percent(share)} of all traffic is.`,
      p_value: p,
      where: {},
      sample_ids: await samples(database, near('due_at')),
    },
    'binomial',
  );
}

/** All of the others after one moment: something was released then. */
async function afterOneMoment(
  database: Database,
  others: string,
  total: number,
): Promise<CauseFinding | null> {
  const rest = await database.row(
    `select count(due_at) as n, min(due_at) as first from unsent where ${isLost} and ${others}`,
  );
  const events = num(rest.n);
  const from = isoOrNull(rest.first);
  if (events < minEvents || from === null) return null;
  const behind = await counted(database, `delivery where first_at >= ${num(rest.first)}`);
  // Given the first of them, the probability that all others fall after it by chance.
  const p = (behind / Math.max(1, total)) ** (events - 1);
  if (p >= stepSignificance) return null;
  return finding(
    {
      cause: 'defect_onset',
      events,
      evidence: `${count(events)} events that were expected and never sent are all from ${from} on: before that, ${count(total - behind)} events were sent and none was missing.`,
      p_value: p,
      where: { from },
      sample_ids: await samples(database, `due_at is not null and ${others}`),
    },
    'all behind one moment',
  );
}

/** Explains events that were expected and never sent by the only known fact, when they were due. */
export async function explainUnsent(database: Database): Promise<CauseFinding[]> {
  const neverSent = await counted(database, `unsent where ${isLost}`);
  if (neverSent === 0) return [];
  const total = await counted(database, 'delivery');
  const restarts = await atRestarts(database, neverSent, total);
  const others = restarts === null ? 'true' : `not ${near('due_at')}`;
  const onset = await afterOneMoment(database, others, total);
  const explained = [restarts, onset].filter((one) => one !== null);
  const left = neverSent - explained.reduce((sum, { events }) => sum + events, 0);
  if (left === 0) return explained;
  const unknown = finding(
    {
      cause: 'unknown',
      events: left,
      evidence: `${count(left)} were expected but have no line in the log: they were lost before the first attempt.`,
      p_value: null,
      where: {},
      sample_ids: await samples(database, others),
    },
    null,
  );
  return [...explained, unknown];
}
