import { createReadStream } from 'node:fs';
import { type AttemptLine as Line, delivered, isBlank, parseAttemptLine, readLines } from 'posthorn/logs';
import { type NetworkFault, parseScenario, type Scenario, ScenarioError } from './scenario.ts';

const binMs = 600_000;
/** First attempts of ten minutes, and how many of them failed. */
interface Bin {
  all: number;
  bad: number;
}
/** A ten-minute bin is bad if it fails this many times as often as all together. */
const badFactor = 4;

/** A service's delivery log as the settings of a scenario. */
export interface Calibration {
  readonly lines: number;
  readonly unreadable: number;
  readonly events: number;
  readonly timeoutS: number | null;
  readonly scenario: Scenario;
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

/** Returns the network fault behind an outcome; null if it was delivered. */
function toFault(line: Line): NetworkFault | 'timeout' | null {
  if (delivered(line)) return null;
  const { status_code: status, error, error_class: errorClass } = line;
  const text = `${error ?? ''} ${errorClass ?? ''}`.toLowerCase();
  if (status !== null && status !== undefined && status > 0) {
    return status === 429 ? 'rate_limited' : status === 410 ? 'gone' : status < 500 ? 'http_400' : 'http_500';
  }
  if (/time|abort/.test(text)) return 'timeout';
  if (/dns|notfound|eai_/.test(text)) return 'dns';
  if (/refused|connect(?!ion reset)/.test(text)) return 'refused';
  return 'reset_before';
}

/**
 * Fits a scenario to a delivery log of JSON lines (`event_id`, `started_at`, `ended_at` or `duration_ms`, `status_code`,
 * `error`, and where there are any `attempt`, `amount_minor`, `currency`): latencies, failures by kind, bad hours,
 * the client's timeout, its retry delays, amounts and traffic.
 */
export async function calibrate(path: string, base: Scenario): Promise<Calibration> {
  const lines: Line[] = [];
  let unreadable = 0;
  try {
    for await (const group of readLines(createReadStream(path)))
      for (const input of group) {
        if ('text' in input && isBlank(input.text)) continue;
        const line = 'text' in input ? parseAttemptLine(input.text) : null;
        if (line === null) unreadable++;
        else lines.push(line);
      }
  } catch (error) {
    throw new ScenarioError(`cannot read ${path}: ${(error as Error).message}`);
  }
  return fit(lines, unreadable, path, base);
}

/** Fits a scenario to lines that are read already; `source` names them in messages. */
export function fit(lines: readonly Line[], unreadable: number, source: string, base: Scenario): Calibration {
  if (lines.length < 100)
    throw new ScenarioError(
      `${source} has ${lines.length} readable attempts (${unreadable} unreadable); at least 100 are needed, as JSON lines with event_id, started_at, ended_at or duration_ms, status_code and error`,
    );
  const seen = seenIn(lines);
  const timeouts = sortedDurations(lines.filter((line) => toFault(line) === 'timeout'));
  const timeoutS = timeouts.length < 5 ? null : Math.round(quantile(timeouts, 0.5) / 100) / 10;
  const latencies = sortedDurations(seen.firsts.filter((line) => toFault(line) === null));
  if (latencies.length < 50)
    throw new ScenarioError(
      `${source} has ${latencies.length} delivered attempts with a duration; at least 50 are needed`,
    );
  const { hours, shares, spells } = failuresIn(seen);
  const currency = seen.firsts.find((line) => typeof line.currency === 'string')?.currency?.toUpperCase();
  const retries = retryDelays(seen.gaps);
  const scenario = parseScenario({
    ...base,
    name: 'calibrated',
    description: `Calibrated from a delivery log of ${lines.length.toLocaleString('en-US')} attempts: its latencies, failures, timeout, retry delays and amounts.`,
    payments: seen.firsts.length,
    hours,
    value: {
      mean_minor: seen.priced === 0 ? base.value.mean_minor : Math.max(0.01, seen.amounts / seen.priced),
      currency: currency ?? base.value.currency,
    },
    network: {
      ...base.network,
      latency_ms: Array.from({ length: 101 }, (_, n) => quantile(latencies, n / 101)),
      faults: shares,
      cut_after_s:
        seen.cuts.length < 5 ? base.network.cut_after_s : quantile(seen.cuts.toSorted(ascending), 0.98),
      spells,
    },
    naive: {
      timeout_s: timeoutS ?? base.naive?.timeout_s ?? 10,
      retry_after_s: retries.length > 0 ? retries : (base.naive?.retry_after_s ?? [5, 30, 120, 600, 1800]),
    },
  });
  return { lines: lines.length, unreadable, events: seen.firsts.length, timeoutS, scenario };
}

const ascending = (a: number, b: number): number => a - b;

function sortedDurations(lines: readonly Line[]): number[] {
  return lines
    .map(({ durationMs }) => durationMs)
    .filter((durationMs) => durationMs !== null)
    .toSorted(ascending);
}

/** The attempts of a log, event by event. */
interface SeenAttempts {
  /** The first attempt of each event. */
  readonly firsts: readonly Line[];
  /** First attempts that timed out and had arrived after all, if the service logs how an abandoned request ended. */
  readonly answeredLate: ReadonlySet<Line>;
  /** When abandoned requests were cut, in seconds. */
  readonly cuts: readonly number[];
  /** By attempt: seconds until the next one. */
  readonly gaps: readonly (readonly number[])[];
  /** Sum of the amounts, and how many events have one. */
  readonly amounts: number;
  readonly priced: number;
}

function seenIn(lines: readonly Line[]): SeenAttempts {
  const firsts: Line[] = [];
  const answeredLate = new Set<Line>();
  const cuts: number[] = [];
  const gaps: number[][] = [];
  let amounts = 0;
  let priced = 0;
  for (const list of Map.groupBy(lines, (line) => line.event_id).values()) {
    list.sort((a, b) => a.started_at - b.started_at);
    const first = list[0]!;
    firsts.push(first);
    const end = list.find((line) => line !== first && line.started_at === first.started_at);
    if (end !== undefined && toFault(first) === 'timeout') {
      if (toFault(end) === null) answeredLate.add(first);
      else if (end.durationMs !== null) cuts.push(end.durationMs / 1000);
    }
    if (typeof first.amount_minor === 'number') {
      amounts += first.amount_minor;
      priced++;
    }
    const distinct = list.filter(
      (line, index) => index === 0 || line.started_at > list[index - 1]!.started_at,
    );
    for (const [index, line] of distinct.slice(1).entries()) {
      const before = distinct[index]!;
      if (before.durationMs !== null)
        (gaps[index] ??= []).push((line.started_at - before.started_at - before.durationMs) / 1000);
    }
  }
  return { firsts, answeredLate, cuts, gaps, amounts, priced };
}

/** The failures of first attempts: their shares in good times, and how much worse bad times are. */
function failuresIn({ firsts, answeredLate }: SeenAttempts): {
  readonly hours: number;
  readonly shares: Partial<Record<NetworkFault, number>>;
  readonly spells: Scenario['network']['spells'];
} {
  const begin = firsts.reduce((min, line) => Math.min(min, line.started_at), Number.POSITIVE_INFINITY);
  const end = firsts.reduce((max, line) => Math.max(max, line.started_at), 0);
  const hours = Math.max(0.1, (end - begin) / 3_600_000);
  const binOf = (line: Line): number => Math.floor((line.started_at - begin) / binMs);
  const bins = new Map<number, Bin>();
  for (const line of firsts) {
    const bin = binOf(line);
    const counts = bins.get(bin) ?? { all: 0, bad: 0 };
    counts.all++;
    if (toFault(line) !== null) counts.bad++;
    bins.set(bin, counts);
  }
  const isFailed = (line: Line): boolean => toFault(line) !== null;
  const overall = firsts.filter(isFailed).length / firsts.length;
  const isBad = ({ all, bad }: Bin): boolean => bad >= 3 && bad / all > badFactor * overall;
  const badBins = [...bins.values()].filter(isBad);
  const good = firsts.filter((line) => !isBad(bins.get(binOf(line))!));
  const shares: Partial<Record<NetworkFault, number>> = {};
  for (const line of good) {
    const fault = toFault(line);
    if (fault === null) continue;
    const named = fault !== 'timeout' ? fault : answeredLate.has(line) ? 'late_answer' : 'hang';
    shares[named] = (shares[named] ?? 0) + 1 / good.length;
  }
  if (badBins.length === 0) return { hours, shares, spells: [] };
  const goodRate = Math.max(1 / good.length, good.filter(isFailed).length / good.length);
  const sum = (of: (bin: Bin) => number): number => badBins.reduce((total, bin) => total + of(bin), 0);
  const badRate = sum(({ bad }) => bad) / sum(({ all }) => all);
  // A log that fails in bad hours only does not have a share yet: it gets a small one, which the factor raises.
  if (Object.keys(shares).length === 0) shares.hang = goodRate;
  const spell: Scenario['network']['spells'][number] = {
    kind: 'degraded',
    per_day: Math.min(200, (badBins.length / hours) * 24),
    minutes: [10, 10],
    factor: Math.max(1, Math.min(10_000, badRate / goodRate)),
  };
  return { hours, shares, spells: [spell] };
}

/** The delays before the second attempt, the third and so on, in seconds; each from at least three events. */
function retryDelays(gaps: readonly (readonly number[])[]): number[] {
  return gaps
    .filter((list) => list.length >= 3)
    .map((list) => Math.max(0.1, Math.round(quantile(list.toSorted(ascending), 0.5) * 10) / 10));
}
