import { createReadStream } from 'node:fs';
import { type AttemptLine as Line, delivered, isBlank, parseAttemptLine, readLines } from 'posthorn/logs';
import { type NetworkFault, parseScenario, type Scenario, ScenarioError } from './scenario.ts';

const binMs = 600_000;
/** First attempts of ten minutes, and how many of them failed. */
interface Bin {
  all: number;
  bad: number;
}
/** A ten-minute bin is a bad one where it fails so many times as often as all together. */
const badFactor = 4;

/** What a log says of its service, as the settings of a scenario. */
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

/** The network's fault that an outcome stands for; null where it was delivered. */
function faultOf(line: Line): NetworkFault | 'timeout' | null {
  if (delivered(line)) return null;
  const { status_code: status, error, error_class: errorClass } = line;
  const words = `${error ?? ''} ${errorClass ?? ''}`.toLowerCase();
  if (status !== null && status !== undefined && status > 0) {
    return status === 429 ? 'rate_limited' : status === 410 ? 'gone' : status < 500 ? 'http_400' : 'http_500';
  }
  if (/time|abort/.test(words)) return 'timeout';
  if (/dns|notfound|eai_/.test(words)) return 'dns';
  if (/refused|connect(?!ion reset)/.test(words)) return 'refused';
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

/** The same from lines that are read already; `source` is what they are called in what is said. */
export function fit(lines: readonly Line[], unreadable: number, source: string, base: Scenario): Calibration {
  if (lines.length < 100)
    throw new ScenarioError(
      `${source} has ${lines.length} readable attempts (${unreadable} unreadable); at least 100 are needed, as JSON lines with event_id, started_at, ended_at or duration_ms, status_code and error`,
    );
  const byEvent = Map.groupBy(lines, (line) => line.event_id);
  const firsts: Line[] = [];
  // Where a service logs how a request ended that it had given up: whether it had arrived after all.
  const answeredLate = new Set<Line>();
  const cuts: number[] = [];
  const gaps: number[][] = [];
  let amounts = 0;
  let priced = 0;
  for (const list of byEvent.values()) {
    list.sort((a, b) => a.started_at - b.started_at);
    const first = list[0]!;
    firsts.push(first);
    const end = list.find((line) => line !== first && line.started_at === first.started_at);
    if (end !== undefined && faultOf(first) === 'timeout') {
      if (faultOf(end) === null) answeredLate.add(first);
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
  const timeouts = lines
    .filter((line) => faultOf(line) === 'timeout' && line.durationMs !== null)
    .map(({ durationMs }) => durationMs!)
    .toSorted((a, b) => a - b);
  const timeoutS = timeouts.length < 5 ? null : Math.round(quantile(timeouts, 0.5) / 100) / 10;
  const latencies = firsts
    .filter((line) => faultOf(line) === null && line.durationMs !== null)
    .map(({ durationMs }) => durationMs!)
    .toSorted((a, b) => a - b);
  if (latencies.length < 50)
    throw new ScenarioError(
      `${source} has ${latencies.length} delivered attempts with a duration; at least 50 are needed`,
    );

  const begin = firsts.reduce((least, line) => Math.min(least, line.started_at), Number.POSITIVE_INFINITY);
  const end = firsts.reduce((most, line) => Math.max(most, line.started_at), 0);
  const hours = Math.max(0.1, (end - begin) / 3_600_000);
  const binOf = (line: Line): number => Math.floor((line.started_at - begin) / binMs);
  const bins = new Map<number, Bin>();
  for (const line of firsts) {
    const bin = binOf(line);
    const counts = bins.get(bin) ?? { all: 0, bad: 0 };
    counts.all++;
    if (faultOf(line) !== null) counts.bad++;
    bins.set(bin, counts);
  }
  const failed = firsts.filter((line) => faultOf(line) !== null).length;
  const overall = failed / firsts.length;
  const isBad = ({ all, bad }: Bin): boolean => bad >= 3 && bad / all > badFactor * overall;
  const badBins = [...bins.values()].filter(isBad);
  const good = firsts.filter((line) => !isBad(bins.get(binOf(line))!));
  const shares: Partial<Record<NetworkFault, number>> = {};
  for (const line of good) {
    const fault = faultOf(line);
    if (fault === null) continue;
    const named = fault !== 'timeout' ? fault : answeredLate.has(line) ? 'late_answer' : 'hang';
    shares[named] = (shares[named] ?? 0) + 1 / good.length;
  }
  const goodRate = Math.max(
    1 / good.length,
    good.filter((line) => faultOf(line) !== null).length / good.length,
  );
  const inBad = badBins.reduce((sum, { all }) => sum + all, 0);
  const badRate = inBad === 0 ? 0 : badBins.reduce((sum, { bad }) => sum + bad, 0) / inBad;
  // What fails in bad hours only has no share yet: it gets a small one, which the factor brings up.
  if (inBad > 0 && Object.keys(shares).length === 0) shares.hang = goodRate;
  const retries = gaps
    .filter((list) => list.length >= 3)
    .map((list) =>
      Math.max(
        0.1,
        Math.round(
          quantile(
            list.toSorted((a, b) => a - b),
            0.5,
          ) * 10,
        ) / 10,
      ),
    );
  const currency = firsts.find((line) => typeof line.currency === 'string')?.currency?.toUpperCase();
  const scenario = parseScenario({
    ...base,
    name: 'calibrated',
    description: `Calibrated from a delivery log of ${lines.length.toLocaleString('en-US')} attempts: its latencies, failures, timeout, retry delays and amounts.`,
    payments: byEvent.size,
    hours,
    value: {
      mean_minor: priced === 0 ? base.value.mean_minor : Math.max(0.01, amounts / priced),
      currency: currency ?? base.value.currency,
    },
    network: {
      ...base.network,
      latency_ms: Array.from({ length: 101 }, (_, n) => quantile(latencies, n / 101)),
      faults: shares,
      cut_after_s:
        cuts.length < 5
          ? base.network.cut_after_s
          : quantile(
              cuts.toSorted((a, b) => a - b),
              0.98,
            ),
      spells:
        badBins.length === 0
          ? []
          : [
              {
                kind: 'degraded',
                per_day: Math.min(200, (badBins.length / hours) * 24),
                minutes: [10, 10],
                factor: Math.max(1, Math.min(10_000, badRate / goodRate)),
              },
            ],
    },
    naive: {
      timeout_s: timeoutS ?? base.naive?.timeout_s ?? 10,
      retry_after_s: retries.length > 0 ? retries : (base.naive?.retry_after_s ?? [5, 30, 120, 600, 1800]),
    },
  });
  return { lines: lines.length, unreadable, events: byEvent.size, timeoutS, scenario };
}
