import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { alertTenant } from '../domain/alert.ts';
import { iso } from '../domain/time.ts';
import { parseAttemptLine } from '../logs/attempt-line.ts';
import { isBlank, readLines } from '../logs/lines.ts';
import { backtest, healthyControl, type Incident, trade } from '../reliability/backtest.ts';
import { type BacktestPage, backtestReport, formatDuration } from '../reliability/backtest-report.ts';
import { type EventOutcome, toHistory, OutcomeCollector } from '../reliability/log-history.ts';
import { defaultObjective, defaultRules } from '../reliability/rules.ts';
import { parseRules } from '../reliability/rules-file.ts';
import { SeededRandom } from '../runtime/seeded-random.ts';
import type { Store, StoreRead } from '../store/store.ts';
import { CommandError, note, print, printJson, progress, table } from './output.ts';
import { openToRead } from './read-store.ts';
import { demandWritable } from './writable.ts';

export interface BacktestOptions {
  readonly fromLog?: string;
  readonly dataDir?: string;
  readonly databaseUrl?: string;
  readonly rules?: string;
  readonly target?: number;
  readonly within?: number;
  readonly incident: readonly Incident[];
  readonly html?: string;
  readonly json?: boolean;
}

interface History {
  readonly source: string;
  readonly outcomes: readonly EventOutcome[];
  /** The last moment that the history covers. */
  readonly until: number;
}

async function readLog(path: string): Promise<History> {
  const collector = new OutcomeCollector();
  let lines = 0;
  let unreadable = 0;
  let until = 0;
  for await (const group of readLines(createReadStream(path)))
    for (const input of group) {
      if ('text' in input && isBlank(input.text)) continue;
      const line = 'text' in input ? parseAttemptLine(input.text) : null;
      if (line === null) {
        unreadable++;
        continue;
      }
      lines++;
      until = Math.max(until, line.started_at + (line.durationMs ?? 0));
      collector.add(line);
    }
  if (lines === 0)
    throw new CommandError(
      `${path} does not contain a readable attempt (${unreadable} lines). Give JSON lines with event_id, started_at and status_code`,
      2,
    );
  if (unreadable > 0) {
    note(`${unreadable} of ${lines + unreadable} lines of ${path} cannot be read; the others are used`);
    process.exitCode = 1;
  }
  return { source: path, outcomes: collector.outcomes(), until };
}

/** The deliveries of a live Posthorn are its own history. */
async function readStore(store: Store, source: string): Promise<History> {
  const outcomes: EventOutcome[] = [];
  let until = 0;
  const bar = progress(null);
  for (let before: number | null = null; ;) {
    const page: Awaited<ReturnType<StoreRead['deliveries']>> = await store.read.deliveries(
      { exceptTenant: alertTenant },
      { after: before, limit: 1000 },
    );
    for (const { state, createdAt, settledAt, dueAt } of page) {
      until = Math.max(until, createdAt, settledAt ?? 0);
      // A cancelled delivery was not meant to arrive.
      if (state === 'cancelled') continue;
      outcomes.push({
        acceptedAt: createdAt,
        deliveredAt: state === 'delivered' ? settledAt : null,
        owed: dueAt === null ? [] : [{ from: dueAt, until: Number.POSITIVE_INFINITY }],
      });
    }
    bar.at(outcomes.length, 'deliveries');
    if (page.length < 1000) break;
    before = page.at(-1)!.number;
  }
  bar.end();
  if (outcomes.length === 0) throw new CommandError(`no deliveries in ${source}`, 1);
  return { source, outcomes, until };
}

async function readHistory({ fromLog, dataDir, databaseUrl }: BacktestOptions): Promise<History> {
  if ([fromLog, dataDir, databaseUrl].filter((one) => one !== undefined).length !== 1)
    throw new CommandError('give one of --from-log, --data-dir or --database-url', 2);
  if (fromLog !== undefined) {
    return await readLog(fromLog).catch((error: NodeJS.ErrnoException) => {
      if (error instanceof CommandError) throw error;
      throw new CommandError(`cannot read ${fromLog}: ${error.message}`, error.syscall === undefined ? 1 : 2);
    });
  }
  const store = await openToRead(dataDir, databaseUrl);
  try {
    return await readStore(store, dataDir ?? 'the database');
  } finally {
    await store.close();
  }
}

/** An incident that the history does not cover would count as missed by every rule. */
function demandInside(incidents: readonly Incident[], from: number, until: number, source: string): void {
  for (const incident of incidents)
    if (incident.until <= from || incident.from > until)
      throw new CommandError(
        `--incident ${iso(incident.from)}..${iso(incident.until)} is outside ${source}, which covers ${iso(from)} to ${iso(until)}`,
        2,
      );
}

/** The rules and the objective of the file, with what the options change. */
function readRules({ rules, target, within }: BacktestOptions): ReturnType<typeof parseRules> {
  const file =
    rules === undefined
      ? { objective: defaultObjective, rules: defaultRules }
      : parseRules(readFileSync(rules, 'utf8'));
  return {
    rules: file.rules,
    objective: {
      ...file.objective,
      ...(target === undefined ? {} : { target }),
      ...(within === undefined ? {} : { withinMs: within * 1000 }),
    },
  };
}

/** Replays a history through the rules, and prints what they would have done. */
export async function runBacktest(options: BacktestOptions): Promise<void> {
  demandWritable([options.html], [options.fromLog, options.rules]);
  const { rules, objective } = readRules(options);
  const { source, outcomes, until } = await readHistory(options);
  const history = toHistory(outcomes, objective, rules, until);
  const { from, all: counts } = history.minutes;
  demandInside(options.incident, from, until, source);
  const control = healthyControl(history.minutes, objective, new SeededRandom(1, 'control'));
  const result: BacktestPage = {
    source,
    objective,
    counts,
    outcomes: backtest(history, rules, objective, options.incident),
    trade: trade(history, control, rules, objective, options.incident),
    from,
    until,
  };
  if (options.html !== undefined) {
    writeFileSync(options.html, backtestReport(result));
    note(`the report is in ${options.html}`);
  }
  if (options.json === true) printJson(wireBacktest(result));
  else printBacktest(result, options.incident.length > 0);
}

function wireBacktest({
  source,
  objective,
  counts,
  outcomes,
  trade: points,
  from,
  until,
}: BacktestPage): unknown {
  return {
    source,
    from: iso(from),
    until: iso(until),
    events_due: counts.due,
    events_bad: counts.bad,
    objective: { target: objective.target, within_s: objective.withinMs / 1000 },
    rules: outcomes.map(({ rule, firings, detectedAfterMs, missed, falsePerWeek }) => ({
      rule: rule.name,
      severity: rule.severity,
      firings: firings.map((firing) => ({
        from: iso(firing.from),
        until: firing.until === null ? null : iso(firing.until),
        real: firing.real,
        due: firing.evidence.due,
        bad: firing.evidence.bad,
        burn: firing.evidence.burn,
        p_value: firing.evidence.pValue,
      })),
      detected_after_s: detectedAfterMs === null ? null : detectedAfterMs / 1000,
      missed,
      false_per_week: falsePerWeek,
    })),
    trade: points.map((point) => ({
      p_value: point.pValue,
      false_per_week: point.falsePerWeek,
      detected_after_s: point.detectedAfterMs === null ? null : point.detectedAfterMs / 1000,
    })),
  };
}

function printBacktest(result: BacktestPage, hasIncidents: boolean): void {
  const { source, objective, counts, from, until } = result;
  const share = ((counts.bad / Math.max(1, counts.due)) * 100).toFixed(3);
  print(
    `${source}: ${counts.due.toLocaleString('en-US')} events past their deadline from ${iso(from)} to ${iso(until)}, ${counts.bad.toLocaleString('en-US')} late or lost (${share}%)\nobjective: ${(objective.target * 100).toFixed(3)}% within ${objective.withinMs / 1000} s\n`,
  );
  print(outcomesTable(result.outcomes, hasIncidents));
  if (!hasIncidents) {
    print(
      '\nNo --incident was given, so every alarm counts as false. Name the known ones: --incident 2026-01-04T00:00Z..2026-01-18T00:00Z',
    );
    return;
  }
  print(
    '\nThe trade-off between noise and silence: burn rates and the leak rule with other gates.\nHealthy: the same traffic, late by chance at half the budget.',
  );
  print(tradeTable(result.trade));
}

function outcomesTable(outcomes: BacktestPage['outcomes'], hasIncidents: boolean): string {
  return table(
    ['rule', 'severity', 'fired', 'first', 'after the incident began', 'missed', 'false per week'],
    outcomes.map(({ rule, firings, detectedAfterMs, missed, falsePerWeek }) => [
      rule.name,
      rule.severity,
      firings.length,
      firings[0] === undefined ? '-' : iso(firings[0].from).slice(0, 16),
      detectedAfterMs === null ? '-' : formatDuration(detectedAfterMs),
      hasIncidents ? `${missed}` : '-',
      falsePerWeek.toFixed(2),
    ]),
  );
}

function tradeTable(points: BacktestPage['trade']): string {
  return table(
    ['gate', 'false per week on a healthy service', 'time to notice'],
    points.map(({ pValue, falsePerWeek, detectedAfterMs }) => [
      pValue === null ? 'none' : `p < ${pValue}`,
      falsePerWeek.toFixed(2),
      detectedAfterMs === null ? 'missed' : formatDuration(detectedAfterMs),
    ]),
  );
}
