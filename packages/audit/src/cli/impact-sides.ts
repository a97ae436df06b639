import { printable, count } from 'posthorn/report';
import {
  type TimeToDetect,
  detectedByAlert,
  sideFromStore,
  type Side,
  ledgerBegin,
  type Window,
  ledgerWindow,
  windowsAround,
  firstRuleOn,
} from 'posthorn/impact';
import { existsSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { audit } from '../audit.ts';
import { AuditError, AuditStopped } from '../errors.ts';
import type { AuditOptions, AuditResult } from '../result.ts';
import { sideFromAudit } from '../impact/from-audit.ts';
import type { Store } from 'posthorn/store';
import { firstAlertIn } from './audit-history.ts';
import { CommandError, interrupted, openToRead, progress } from 'posthorn/cli';
import { noteUnread } from './unread.ts';

/** One side of the comparison, and how soon its first loss was noticed or would have been. */
export interface Found {
  readonly side: Side;
  readonly detected: TimeToDetect | null;
}

export interface BothSides {
  readonly before: Found;
  readonly after: Found;
}

/** Where the data of both sides comes from. */
export interface SidesAsked {
  /** One log that covers both times. */
  readonly log: string | undefined;
  readonly before?: string;
  readonly after?: string;
  /** ms since the epoch. */
  readonly deploy?: number;
  readonly dataDir?: string;
  readonly databaseUrl?: string;
  /** How logs are read. */
  readonly reading: Pick<
    AuditOptions,
    'format' | 'mapping' | 'timezone' | 'pattern' | 'timeFormat' | 'signal'
  >;
}

const iso = (at: number): string => new Date(at).toISOString();

/** Parses `2026-10-01..2026-10-14` as a window of whole days, the last one included. */
function parseWindow(text: string): Window | null {
  const parts = text.split('..');
  if (parts.length !== 2 || existsSync(text)) return null;
  const [from, until] = parts.map((part) => Date.parse(part));
  if (from === undefined || until === undefined || !Number.isFinite(from) || !Number.isFinite(until))
    return null;
  const end = /^\d{4}-\d{2}-\d{2}$/.test(parts[1]!) ? until + 86_400_000 : until;
  if (!(from < end)) throw new CommandError(`${text}: the first time must be earlier than the second`, 2);
  return { from, until: end };
}

async function sideOfLog(
  path: string,
  label: string,
  window: AuditOptions['window'],
  reading: SidesAsked['reading'],
): Promise<Found> {
  const bar = progress(100);
  try {
    const options: AuditOptions = {
      ...reading,
      files: path.split(','),
      ...(window === undefined ? {} : { window }),
      onProgress: ({ stage, done }) => bar.at(Math.round(done * 100), `% of ${label}: ${stage}`),
    };
    const result = await audit(options);
    bar.end();
    demandConclusive(result, label);
    if (noteUnread(result, label)) process.exitCode = 1;
    const side = sideFromAudit(result, label);
    return {
      side,
      detected: side.firstLostAt === null ? null : await firstAlertIn(options, side.firstLostAt),
    };
  } catch (error) {
    if (error instanceof AuditError) throw new CommandError(printable(`${label}: ${error.message}`), 2);
    if (error instanceof AuditStopped) throw new CommandError(error.message, interrupted);
    throw error;
  } finally {
    bar.end();
  }
}

/** Throws if a log cannot show what was lost: there is nothing to compare then. */
function demandConclusive({ quality }: AuditResult, label: string): void {
  const [first] = quality.problems;
  if (quality.conclusive || first === undefined) return;
  throw new CommandError(
    printable(`${label}: cannot tell what was lost. ${first.message} ${first.next_step}`),
    2,
  );
}

/** Splits a log at a time that has to be inside it. */
async function sidesOfOneLog(
  log: string,
  deploy: number,
  reading: SidesAsked['reading'],
): Promise<BothSides> {
  const name = basename(log);
  const [before, after] = [
    await sideOfLog(log, `${name} until ${iso(deploy)}`, { until: iso(deploy) }, reading),
    await sideOfLog(log, `${name} from ${iso(deploy)}`, { from: iso(deploy) }, reading),
  ];
  for (const [side, other, where] of [
    [before.side, after.side, 'before'],
    [after.side, before.side, 'from'],
  ] as const)
    if (side.decided + side.unresolved === 0)
      throw new CommandError(
        `no event of ${name} is ${where === 'before' ? 'before' : 'at or after'} ${iso(deploy)}: the log covers ${iso(other.from)} to ${iso(other.until)}, and --deploy must be inside that time`,
        2,
      );
  demandDecided(before.side);
  demandDecided(after.side);
  return { before, after };
}

/** Throws if none of a side's events is decided yet. */
function demandDecided({ decided, unresolved, label, from, until }: Side): void {
  if (decided > 0) return;
  throw new CommandError(
    printable(
      `no event of ${label} is decided (${count(unresolved)} are still being retried): the log covers ${iso(from)} to ${iso(until)}; choose a longer time`,
    ),
    2,
  );
}

/** When a loss was noticed: by an alert in the store, or else by the first rule that would have fired on its counters. */
async function detectedIn(store: Store, side: Side, now: number): Promise<TimeToDetect | null> {
  if (side.firstLostAt === null) return null;
  const { alerts } = await store.read.alerts();
  const after = detectedByAlert(alerts, side.firstLostAt);
  if (after !== null)
    return { after_s: Math.round(after / 1000), by: 'the alert unaccounted, from the store' };
  const rule = await firstRuleOn(store.read, side, side.firstLostAt, now);
  return rule === null
    ? null
    : {
        after_s: Math.round(rule.afterMs / 1000),
        by: `alert rule ${rule.rule}, replayed over the counters; the store does not have an alert about it`,
      };
}

async function sideOfPosthorn(store: Store, asked: Window, begin: number, now: number): Promise<Found> {
  const label = `${iso(asked.from)}..${iso(asked.until)}`;
  const window = ledgerWindow(asked, begin, now);
  if (window === null)
    throw new CommandError(
      asked.from >= now
        ? `${label} is in the future: it is ${iso(now)} now`
        : `the history of this Posthorn begins at ${iso(begin)} and does not cover ${label}: for the time before, give the log of the previous sender`,
      2,
    );
  const side = await sideFromStore(store.read, window, label, now);
  if (side.decided === 0)
    throw new CommandError(`no delivery was decided in ${label}: choose a window with traffic`, 2);
  return { side, detected: await detectedIn(store, side, now) };
}

/** Opens the store that windows refer to while `work` runs. */
async function withHistory<T>(
  { dataDir, databaseUrl }: SidesAsked,
  what: string,
  work: (store: Store, begin: number, now: number) => Promise<T>,
): Promise<T> {
  if ((dataDir === undefined) === (databaseUrl === undefined))
    throw new CommandError(
      `${what} refers to Posthorn's own history: give its --data-dir or --database-url`,
      2,
    );
  const store = await openToRead(dataDir, databaseUrl);
  try {
    const now = Date.now();
    const begin = await ledgerBegin(store.read, now);
    if (begin === null) throw new CommandError('this Posthorn has accepted nothing yet', 2);
    return await work(store, begin, now);
  } finally {
    await store.close();
  }
}

async function readSide(text: string, asked: SidesAsked): Promise<Found> {
  const window = parseWindow(text);
  return window === null
    ? await sideOfLog(text, basename(text), undefined, asked.reading)
    : await withHistory(asked, text, (store, begin, now) => sideOfPosthorn(store, window, begin, now));
}

/** Adds a note if the windows overlap: history that is counted by the day may be in both. */
function withOverlap({ before, after }: BothSides): BothSides {
  const from = Math.max(before.side.from, after.side.from);
  const until = Math.min(before.side.until, after.side.until);
  if (from >= until) return { before, after };
  const note = `both windows contain ${iso(from)} to ${iso(until)}: leave that time out of one of them`;
  return { before, after: { ...after, side: { ...after.side, notes: [...after.side.notes, note] } } };
}

/** Rejects a store next to logs: it would not be read. */
function demandNoStore({ dataDir, databaseUrl }: SidesAsked, logs: string): void {
  if (dataDir !== undefined || databaseUrl !== undefined)
    throw new CommandError(`--data-dir and --database-url cannot be used with ${logs}`, 2);
}

/** Throws if both sides are the same files: a comparison of a log with itself shows no difference. */
function demandDifferent(before: string, after: string): void {
  const real = (paths: string): string[] =>
    paths.split(',').map((path) => (existsSync(path) ? realpathSync(path) : path));
  const both = real(before).filter((path) => real(after).includes(path));
  if (both.length > 0)
    throw new CommandError(
      `${both.join(', ')} is on both sides: give the logs of two times, or one log with --deploy TIME`,
      2,
    );
}

/** Reads both sides of the comparison. Throws CommandError with a message for the user. */
export async function readSides(asked: SidesAsked): Promise<BothSides> {
  const { log, before, after, deploy, reading } = asked;
  if (log !== undefined) {
    if (deploy === undefined || before !== undefined || after !== undefined)
      throw new CommandError('one log takes --deploy TIME, without --before or --after', 2);
    demandNoStore(asked, 'a log');
    return await sidesOfOneLog(log, deploy, reading);
  }
  if (deploy !== undefined) {
    if (before !== undefined || after !== undefined)
      throw new CommandError('give either --before and --after, or --deploy', 2);
    return await withHistory(asked, '--deploy without a log', async (store, begin, now) => {
      const windows = windowsAround(deploy, begin, now);
      if (windows === null)
        throw new CommandError(
          `a whole hour on each side of ${iso(deploy)} is needed: the history of this Posthorn begins at ${iso(begin)}, and it is ${iso(now)} now`,
          2,
        );
      return {
        before: await sideOfPosthorn(store, windows.before, begin, now),
        after: await sideOfPosthorn(store, windows.after, begin, now),
      };
    });
  }
  if (before === undefined || after === undefined)
    throw new CommandError(
      'give --before and --after, or a log and --deploy TIME, or --data-dir (or --database-url) and --deploy TIME',
      2,
    );
  if (parseWindow(before) === null && parseWindow(after) === null) {
    demandNoStore(asked, 'two logs');
    demandDifferent(before, after);
  }
  const both = { before: await readSide(before, asked), after: await readSide(after, asked) };
  demandDecided(both.before.side);
  demandDecided(both.after.side);
  return parseWindow(before) === null || parseWindow(after) === null ? both : withOverlap(both);
}
