import type { Answer, Input } from '../contract/table.ts';
import { invalid } from '../domain/errors.ts';
import { iso, secondMs } from '../domain/time.ts';
import { compare, type ImpactResult, type TimeToDetect } from '../impact/compare.ts';
import { firstRuleOn } from '../impact/first-rule.ts';
import { detectedByAlert, sideFromStore } from '../impact/from-store.ts';
import { impactPage } from '../impact/page.ts';
import type { Side } from '../impact/side.ts';
import { ledgerBegin, type Window, ledgerWindow, windowsAround } from '../impact/store-window.ts';
import { impactMarkdown } from '../impact/words.ts';
import type { StoreRead } from '../store/store.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers, Of } from './handler.ts';

type Query = Input<'impact.get'>['query'];

/** Counters change slowly, and the comparison reads all of them: within this time all callers get the same answer. */
const keptMs = 30 * secondMs;
const maxKept = 20;

/** Compares before and after a change, from this Posthorn's own counters. */
export function impactService({
  store,
  clock,
}: Pick<ServiceDependencies, 'store' | 'clock'>): Handlers<Of<'impact'>> {
  const kept = new Map<string, { readonly at: number; readonly result: Promise<ImpactResult> }>();

  return {
    'impact.get': async ({ query }) => {
      const { format, ...what } = query;
      const now = clock.now();
      const key = JSON.stringify(what);
      for (const [other, { at }] of kept) if (now - at >= keptMs || at > now) kept.delete(other);
      let entry = kept.get(key);
      if (entry === undefined) {
        entry = { at: now, result: compareSides(store.read, query, now) };
        // A failure is not cached.
        entry.result.catch(() => kept.delete(key));
        if (kept.size >= maxKept) kept.delete(kept.keys().next().value!);
        kept.set(key, entry);
      }
      const result = await entry.result;
      const command = `posthorn impact --data-dir DIR ${commandOptions(query)}`;
      return {
        ...wireImpact(result),
        markdown: format === 'markdown' ? impactMarkdown(result, command) : null,
        html: format === 'html' ? impactPage(result, command) : null,
      };
    },
  };
}

/** When the comparison is made, and for whom; null: for all tenants. */
interface Moment {
  readonly now: number;
  readonly tenant: string | null;
}

/** After how long the change was noticed: by an alert that fired, or by the first rule that would have. */
async function detection(read: StoreRead, side: Side, { now, tenant }: Moment): Promise<TimeToDetect | null> {
  if (side.firstLostAt === null) return null;
  const { alerts } = await read.alerts();
  const after = detectedByAlert(alerts, side.firstLostAt);
  if (after !== null)
    return { after_s: Math.round(after / secondMs), by: 'the alert unaccounted, from the store' };
  const rule = await firstRuleOn(read, side, side.firstLostAt, now, tenant);
  return rule === null
    ? null
    : {
        after_s: Math.round(rule.afterMs / secondMs),
        by: `alert rule ${rule.rule}, replayed over the counters`,
      };
}

/** One side of the comparison; refuses a window that the counters do not cover, by the path of what asked for it. */
async function readSide(
  read: StoreRead,
  path: string,
  asked: Window,
  begin: number,
  { now, tenant }: Moment,
): Promise<Side> {
  const window = ledgerWindow(asked, begin, now);
  const label = `${iso(asked.from)}..${iso(asked.until)}`;
  if (window === null)
    throw invalid(
      path,
      asked.from >= now
        ? `is in the future: it is ${iso(now)}`
        : `is before ${iso(begin)}, when the ledger of this Posthorn begins. For earlier times, use posthorn audit and posthorn impact with a log`,
    );
  const side = await sideFromStore(read, window, label, now, tenant);
  if (side.decided === 0) throw invalid(path, 'no delivery ended in this time. Choose a window with traffic');
  return side;
}

async function compareSides(read: StoreRead, query: Query, now: number): Promise<ImpactResult> {
  const { tenant = null } = query;
  const begin = await ledgerBegin(read, now, tenant);
  if (begin === null)
    throw invalid(
      tenant === null ? '/at' : '/tenant',
      `nothing has been accepted${tenant === null ? '' : ' for this tenant'} yet, so there is nothing to compare`,
    );
  const of = { now, tenant };
  const windows = windowsFrom(query, begin, now);
  const before = await readSide(
    read,
    query.at === undefined ? '/before_since' : '/at',
    windows.before,
    begin,
    of,
  );
  const after = await readSide(
    read,
    query.at === undefined ? '/after_since' : '/at',
    windows.after,
    begin,
    of,
  );
  return compare(before, after, {
    target: query.target,
    detectedBefore: await detection(read, before, of),
    detectedAfter: await detection(read, after, of),
  });
}

const wireImpact = (result: ImpactResult): Omit<Answer<'impact.get'>, 'markdown' | 'html'> => result;

const commandOptions = ({
  at,
  before_since: bs,
  before_until: bu,
  after_since: as,
  after_until: au,
}: Query): string => (at === undefined ? `--before ${bs}..${bu} --after ${as}..${au}` : `--deploy ${at}`);

function windowsFrom(
  query: Query,
  begin: number,
  now: number,
): { readonly before: Window; readonly after: Window } {
  const { at, before_since, before_until, after_since, after_until } = query;
  const ends = [before_since, before_until, after_since, after_until];
  if (at !== undefined) {
    if (ends.some((end) => end !== undefined)) throw invalid('/at', 'replaces the windows: give either');
    const windows = windowsAround(Date.parse(at), begin, now);
    if (windows === null)
      throw invalid(
        '/at',
        `is too close: there is not a whole hour on both sides. The ledger begins at ${iso(begin)}, and it is ${iso(now)}`,
      );
    return windows;
  }
  if (ends.includes(undefined))
    throw invalid('/at', 'is required, or all of before_since, before_until, after_since and after_until');
  const [bs, bu, as, au] = ends.map((end) => Date.parse(end!)) as [number, number, number, number];
  if (!(bs < bu)) throw invalid('/before_until', 'must be after before_since');
  if (!(as < au)) throw invalid('/after_until', 'must be after after_since');
  return { before: { from: bs, until: bu }, after: { from: as, until: au } };
}
