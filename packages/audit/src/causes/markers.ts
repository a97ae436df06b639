import { count } from 'posthorn/report';
import { createReadStream } from 'node:fs';
import { binomialTail } from 'posthorn/domain';
import { isBlank, readLines } from 'posthorn/logs';
import { AuditError } from '../errors.ts';
import { type Database, num, text } from '../database.ts';
import { splitCells } from '../read/files.ts';
import { looksLikeTime } from '../read/times.ts';
import type { Habits } from '../timeline/sender.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import { thresholds } from '../thresholds.ts';

const { vanishedMs, minWaiting, minWaitingShare } = thresholds.restarts;

/** A time at which the sender was, or seems to have been, deployed or restarted. */
export interface Marker {
  readonly atMs: number;
  readonly label: string;
  readonly from: 'file' | 'log' | 'inferred';
}

const maxMarkers = 10_000;

/** The deploys and restarts in a file. */
export interface Deploys {
  readonly markers: readonly Marker[];
  /** Numbers of the lines without a time, except a header. */
  readonly ignored: readonly number[];
}

/** Reads times, one per line, with optional labels; CSV or JSON lines. */
export async function readDeploys(path: string): Promise<Deploys> {
  const markers: Marker[] = [];
  const ignored: number[] = [];
  try {
    for await (const lines of readLines(createReadStream(path)))
      for (const line of lines) {
        const text = 'text' in line ? line.text : '';
        if ('text' in line && (isBlank(text) || text.startsWith('#'))) continue;
        const marker = parseMarker(text);
        if (marker !== null) markers.push(marker);
        else if (line.number > 1) ignored.push(line.number);
        if (markers.length + ignored.length > maxMarkers)
          throw new AuditError(
            `${path} has more than ${count(maxMarkers)} lines: remove deploys outside the log`,
          );
      }
  } catch (error) {
    if (error instanceof AuditError) throw error;
    throw new AuditError(`cannot read ${path}: ${(error as Error).message}`);
  }
  if (markers.length === 0)
    throw new AuditError(
      `no deploy times in ${path}: write one per line, such as 2026-03-01T12:00:00Z,release 42`,
    );
  return { markers, ignored };
}

function parseMarker(line: string): Marker | null {
  const cells = line.startsWith('{')
    ? parseValues(line)
    : splitCells(line, line.includes(';') ? ';' : line.includes('\t') ? '\t' : ',');
  const time = cells.find((cell) => looksLikeTime(cell));
  const atMs = time === undefined ? Number.NaN : parseTime(time);
  if (!Number.isFinite(atMs)) return null;
  const label = cells
    .filter((cell) => cell !== time)
    .join(' ')
    .slice(0, 100);
  return { atMs, label: label || 'deploy', from: 'file' };
}

function parseValues(line: string): string[] {
  try {
    return Object.values(JSON.parse(line) as Record<string, unknown>).map(String);
  } catch {
    return [];
  }
}

function parseTime(text: string): number {
  const number = Number(text);
  if (Number.isFinite(number)) return number < 1e11 ? number * 1000 : number < 1e14 ? number : number / 1000;
  // Without a zone: UTC, as in the log.
  return Date.parse(/(Z|[+-]\d\d:?\d\d|GMT|UTC)$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);
}

/** Returns the deploys and restarts that the log itself records. */
export async function markersInLog(database: Database): Promise<Marker[]> {
  const rows = await database.rows(
    `select t, any_value(coalesce(phase, state)) as label from screened where marker and in_span group by t order by t limit ${maxMarkers}`,
  );
  return rows.map((row) => ({ atMs: num(row.t), label: text(row.label), from: 'log' }));
}

interface Interval {
  readonly from: number;
  readonly to: number;
  readonly lost: boolean;
}

/**
 * Finds the moments at which everything waiting in memory was lost: many lost events were waiting then (for an answer or
 * for their retry), and nearly no event that waited then was delivered. If requests failed all around, it is an outage.
 */
export async function inferRestarts(
  database: Database,
  facts: LineFacts,
  { waits }: Habits,
): Promise<Marker[]> {
  // Without a promised time, a retry was due when retries of that number usually come.
  const usual = waits.map(({ after, usualMs }) => `when attempts = ${after} then ${Math.round(usualMs)}`);
  const due = `coalesce(case when last_has_next then last_owed_at when tried > 0 and not coalesce(last_open, false) then last_ended + ${usual.length === 0 ? '0' : `case ${usual.join(' ')} end`} end, 0)`;
  const rows =
    await database.rows(`select last_at as "from", greatest(last_at + ${vanishedMs}, ${due}) as "to", true as lost
      from fate where verdict = 'silently_dropped'
        and not exists (select 1 from outage where outage.endpoint = coalesce(fate.endpoint, '') and last_at between outage.begins and outage.ends)
    union all select coalesce(ended_first, started_at), next_started, false
      from attempt semi join (select key from fate where ok) using (key)
      where next_started > coalesce(ended_first, started_at) using sample reservoir(100000 rows) repeatable (1)`);
  let left: Interval[] = rows.map((row) => ({
    from: num(row.from),
    to: num(row.to),
    lost: row.lost === true,
  }));
  const all = left.filter(({ lost }) => lost).length;
  const recovered = left.length - all;
  const share = recovered < 20 ? null : all / left.length;
  const found: Marker[] = [];
  while (found.length < 40) {
    const best = bestCovered(left);
    if (best === null || best.lost < minWaiting || best.lost < minWaitingShare * (best.lost + best.waiting))
      break;
    const span = Math.max(1, facts.to - facts.from);
    // Only events that no moment explains yet.
    const unexplained = left.filter((one) => one.lost);
    const mean =
      unexplained.reduce((sum, { from, to }) => sum + to - from, 0) / Math.max(1, unexplained.length);
    const byTime =
      binomialTail(best.lost, unexplained.length, Math.min(1, mean / span)) * (span / Math.max(1, mean));
    const byShare = share === null ? 0 : binomialTail(best.lost, best.lost + best.waiting, share) * 10;
    if (byTime > 0.001 || byShare > 0.01) break;
    if (!(await quietAround(database, best.at)))
      left = left.filter(({ from, to }) => from > best.at || to < best.at);
    else {
      found.push({
        atMs: best.at,
        label: `${best.lost} waiting events were lost at once`,
        from: 'inferred',
      });
      left = left.filter(({ from, to }) => from > best.at || to < best.at);
    }
  }
  return found.sort((a, b) => a.atMs - b.atMs);
}

/** Returns the moment at which most lost events were waiting, and how many others were waiting and were delivered. */
function bestCovered(intervals: readonly Interval[]): { at: number; lost: number; waiting: number } | null {
  const edges = intervals
    .flatMap(({ from, to, lost }) => [
      { at: from, step: 1, lost },
      { at: to, step: -1, lost },
    ])
    .sort((a, b) => a.at - b.at || b.step - a.step);
  let lost = 0;
  let waiting = 0;
  let best: { at: number; lost: number; waiting: number } | null = null;
  for (const edge of edges) {
    if (edge.lost) lost += edge.step;
    else waiting += edge.step;
    // Only a moment with more lost or fewer delivered events can be better than the one before.
    if (edge.lost === (edge.step === 1) && lost - waiting > (best === null ? 0 : best.lost - best.waiting))
      best = { at: edge.at, lost, waiting };
  }
  return best;
}

/** Whether most requests in the minutes around a moment succeeded. */
async function quietAround(database: Database, at: number): Promise<boolean> {
  const row = await database.row(`select count(*) as n, count(*) filter (not ok) as failed from line
    where kind = 'end' and t between ${at - 120_000} and ${at + 120_000}`);
  return num(row.n) < 5 || num(row.failed) < num(row.n) * 0.5;
}
