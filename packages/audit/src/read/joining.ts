import { plainEndpoint } from './lines.ts';
import {
  type Field,
  type FieldSource,
  parsePath,
  type SampleRecord,
  type Unit,
  valuesByName,
} from './spec.ts';
import { looksLikeTime } from './times.ts';
import { toMeaning } from './words.ts';
import { thresholds } from '../thresholds.ts';

const { minJoinedShare, minJoined, minDistinctShare, maxOverlapping } = thresholds.reading;

// The id that joins the attempts of an event is chosen by evidence, not by its name alone: it is the one under which failures are
// followed by further attempts. The id of a row is another one on every line.

type Found = Partial<Record<Field, FieldSource>>;

const notIds =
  /(amount|bytes|size|length|duration|latency|elapsed|_ms|port|pid|offset|seq|line|version|level|signature|nonce|email|phone|zip|agent|method|path|host|ip|price|total)$/i;
const idNames = /(id|uuid|guid|key|ref|reference|hash|token|number|no)$/i;

interface Evidence {
  readonly name: string;
  /** Failures with another line under the same id, as a share and as a number. */
  readonly joinedShare: number;
  readonly joined: number;
  /** Successes that share their id with another success: several events, or several endpoints. */
  readonly mixedShare: number;
}

interface Outcome {
  readonly values: ReadonlyMap<string, string>;
  readonly ok: boolean;
}

const valueOf = (
  values: ReadonlyMap<string, string>,
  source: FieldSource | undefined,
): string | undefined => {
  for (const path of source?.paths ?? []) {
    const text = values.get(path.join('.'));
    if (text !== undefined) return text;
  }
  return undefined;
};

function outcomesOf(sample: readonly SampleRecord[], found: Found): Outcome[] {
  return sample.map(({ values }) => {
    const code = valueOf(values, found.status_code);
    if (code !== undefined && /^[1-5]\d\d/.test(code)) return { values, ok: code.startsWith('2') };
    const words = (['outcome', 'state', 'phase'] as const).flatMap(
      (field) => valueOf(values, found[field]) ?? [],
    );
    return { values, ok: words.some((word) => toMeaning(word) === 'success') };
  });
}

function weigh(name: string, outcomes: readonly Outcome[], endpoint: FieldSource | undefined): Evidence {
  const groups = Map.groupBy(
    outcomes.filter(({ values }) => values.has(name)),
    ({ values }) => `${values.get(name)}\u0000${plainEndpoint(valueOf(values, endpoint) ?? '')}`,
  );
  let joined = 0;
  let failed = 0;
  let mixed = 0;
  let oks = 0;
  for (const lines of groups.values()) {
    const bad = lines.filter(({ ok }) => !ok).length;
    const good = lines.length - bad;
    failed += bad;
    oks += good;
    if (lines.length > 1) joined += bad;
    if (good > 1) mixed += good;
  }
  return {
    name,
    joined,
    joinedShare: failed === 0 ? 0 : joined / failed,
    mixedShare: oks === 0 ? 0 : mixed / oks,
  };
}

/** Names whose values could be ids of events. */
function candidates(sample: readonly SampleRecord[], found: Found): string[] {
  const taken = new Set(
    (Object.entries(found) as [Field, FieldSource][])
      .filter(([field]) => field !== 'event_id' && field !== 'delivery_id')
      .flatMap(([, { paths }]) => paths.map((path) => path.join('.'))),
  );
  return [...valuesByName(sample)].flatMap(([name, list]) => {
    const last = name.split('.').at(-1)!;
    const distinct = new Set(list).size;
    if (taken.has(name) || notIds.test(last) || list.length < sample.length * 0.3) return [];
    if (distinct < Math.max(3, list.length * minDistinctShare)) return [];
    const like = list.every(
      (text) =>
        /^[\w.:|/+=-]{1,128}$/.test(text) &&
        (text.length >= 6 || idNames.test(last)) &&
        !/^-?\d+\.\d+$/.test(text) &&
        !/^https?:/.test(text) &&
        !/^\d{1,3}(\.\d{1,3}){3}$/.test(text) &&
        (idNames.test(last) || !looksLikeTime(text)),
    );
    return like ? [name] : [];
  });
}

/**
 * Returns the id and the endpoint that join attempts, if they are others than those the names suggest. An id of a row never comes
 * twice; an endpoint that is another one for each attempt (a URL with the id in it) does not identify a receiver.
 */
export function chooseId(sample: readonly SampleRecord[], found: Found): Found {
  const outcomes = outcomesOf(sample, found);
  const failed = outcomes.filter(({ ok }) => !ok).length;
  if (failed === 0 || sample.length < 4) return found;
  const named = found.event_id?.paths[0]?.join('.') ?? null;
  const needed = Math.min(minJoined, failed);
  const isEvidence = ({ joined, joinedShare, mixedShare }: Evidence): boolean =>
    joined >= needed && joinedShare >= minJoinedShare && joinedShare - mixedShare >= minJoinedShare;
  if (named !== null) {
    const own = weigh(named, outcomes, found.endpoint);
    if (own.joined > 0) return found;
    // The endpoint may be what differs from attempt to attempt.
    if (found.endpoint !== undefined && isEvidence(weigh(named, outcomes, undefined)))
      return without(found, 'endpoint');
  }
  const best = candidates(sample, found)
    .filter((name) => name !== named)
    .map((name) => weigh(name, outcomes, found.endpoint))
    .filter(isEvidence)
    .sort(
      (a, b) =>
        b.joinedShare - b.mixedShare - (a.joinedShare - a.mixedShare) || nameRank(a.name) - nameRank(b.name),
    )[0];
  // The id of an attempt is not that of a delivery either.
  return best === undefined
    ? found
    : { ...without(found, 'delivery_id'), event_id: { paths: [parsePath(best.name)] } };
}

function without(found: Found, field: Field): Found {
  return Object.fromEntries(Object.entries(found).filter(([name]) => name !== field));
}

const ranks = [
  /event/i,
  /(message|msg|webhook|notification)/i,
  /(delivery|invocation|job)/i,
  /idempotency/i,
  /(trace|span|request|correlation)/i,
];

/** Ids of events come before those of requests; names that say nothing come between. */
function nameRank(name: string): number {
  const at = ranks.findIndex((pattern) => pattern.test(name));
  return at < 0 ? 3.5 : at;
}

const finer: readonly Unit[] = ['s', 'ms', 'us', 'ns'];
const msIn: Readonly<Record<Unit, number>> = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 };

/** Refuses a unit in which attempts last longer than the time until their retry, and takes the next finer one. */
export function fitUnits(sample: readonly SampleRecord[], found: Found): Found {
  const { duration, event_id: id } = found;
  const time = found.started_at ?? found.at ?? found.ended_at;
  if (duration?.unit === undefined || id === undefined || time === undefined) return found;
  const seen = [
    ...Map.groupBy(
      sample.flatMap(({ values }) => {
        const key = valueOf(values, id);
        const at = toMs(valueOf(values, time));
        const took = Number(valueOf(values, duration));
        return key === undefined || at === null || !Number.isFinite(took)
          ? []
          : [{ key: `${key} ${plainEndpoint(valueOf(values, found.endpoint) ?? '')}`, at, took }];
      }),
      ({ key }) => key,
    ).values(),
  ].flatMap((own) => {
    const ordered = own.toSorted((a, b) => a.at - b.at);
    return ordered
      .slice(1)
      .map(({ at }, index) => ({ gap: at - ordered[index]!.at, took: ordered[index]!.took }));
  });
  const gaps = seen.filter(({ gap }) => gap > 0);
  if (gaps.length < 2) return found;
  const units = finer.slice(finer.indexOf(duration.unit));
  const unit = units.find(
    (one) =>
      gaps.filter(({ gap, took }) => took * msIn[one] > gap + 1000).length <= gaps.length * maxOverlapping,
  );
  return unit === undefined || unit === duration.unit ? found : { ...found, duration: { ...duration, unit } };
}

function toMs(text: string | undefined): number | null {
  if (text === undefined) return null;
  const number = Number(text);
  if (Number.isFinite(number))
    return number < 1e11
      ? number * 1000
      : number < 1e14
        ? number
        : number < 1e17
          ? number / 1000
          : number / 1e6;
  const parsed = Date.parse(text.replace(',', '.'));
  return Number.isFinite(parsed) ? parsed : null;
}
