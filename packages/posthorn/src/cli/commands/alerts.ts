import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { parseAttemptLine } from '../../logs/attempt-line.ts';
import { isBlank, readLines } from '../../logs/lines.ts';
import { alertTenant } from '../../domain/alert.ts';
import { iso } from '../../domain/time.ts';
import { backtest, healthyControl, type Incident, trade } from '../../reliability/backtest.ts';
import { backtestReport, formatDuration } from '../../reliability/backtest-report.ts';
import { type EventOutcome, historyOf, OutcomeCollector } from '../../reliability/log-history.ts';
import { defaultObjective, defaultRules } from '../../reliability/rules.ts';
import { parseRules, RulesError } from '../../reliability/rules-file.ts';
import { printable } from '../../domain/printable.ts';
import { SeededRandom } from '../../runtime/seeded-random.ts';
import type { Store, StoreRead } from '../../store/store.ts';
import { wireAnswer } from '../answers.ts';
import { addDefaultList, everyItem } from '../listing.ts';
import { CommandError, note, print, printJson, progress, table } from '../output.ts';
import { openToRead } from '../read-store.ts';
import { demandWritable } from '../writable.ts';
import { clientOf, type RemoteOptions, remoteOptions } from '../remote.ts';

interface BacktestOptions {
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

async function runBacktest(options: BacktestOptions): Promise<void> {
  demandWritable([options.html], [options.fromLog, options.rules]);
  const file =
    options.rules === undefined
      ? { objective: defaultObjective, rules: defaultRules }
      : parseRules(readFileSync(options.rules, 'utf8'));
  const { rules } = file;
  const objective = {
    ...file.objective,
    ...(options.target === undefined ? {} : { target: options.target }),
    ...(options.within === undefined ? {} : { withinMs: options.within * 1000 }),
  };
  const { source, outcomes, until } = await readHistory(options);
  const history = historyOf(outcomes, objective, rules, until);
  demandInside(options.incident, history.minutes.from, until, source);
  const control = healthyControl(history.minutes, objective, new SeededRandom(1, 'control'));
  const results = backtest(history, rules, objective, options.incident);
  const points = trade(history, control, rules, objective, options.incident);
  const { minutes } = history;
  const counts = minutes.all;
  if (options.html !== undefined) {
    writeFileSync(
      options.html,
      backtestReport({
        source,
        objective,
        counts,
        outcomes: results,
        trade: points,
        from: minutes.from,
        until,
      }),
    );
    note(`the report is in ${options.html}`);
  }
  if (options.json === true) {
    printJson({
      source,
      from: iso(minutes.from),
      until: iso(until),
      events_due: counts.due,
      events_bad: counts.bad,
      objective: { target: objective.target, within_s: objective.withinMs / 1000 },
      rules: results.map(({ rule, firings, detectedAfterMs, missed, falsePerWeek }) => ({
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
    });
    return;
  }
  const share = ((counts.bad / Math.max(1, counts.due)) * 100).toFixed(3);
  print(
    `${source}: ${counts.due.toLocaleString('en-US')} events past their deadline from ${iso(minutes.from)} to ${iso(until)}, ${counts.bad.toLocaleString('en-US')} late or lost (${share} %)\nobjective: ${(objective.target * 100).toFixed(3)} % within ${objective.withinMs / 1000} s\n`,
  );
  print(
    table(
      ['rule', 'severity', 'fired', 'first', 'after the incident began', 'missed', 'false per week'],
      results.map(({ rule, firings, detectedAfterMs, missed, falsePerWeek }) => [
        rule.name,
        rule.severity,
        firings.length,
        firings[0] === undefined ? '-' : iso(firings[0].from).slice(0, 16),
        detectedAfterMs === null ? '-' : formatDuration(detectedAfterMs),
        options.incident.length === 0 ? '-' : `${missed}`,
        falsePerWeek.toFixed(2),
      ]),
    ),
  );
  if (options.incident.length === 0) {
    print(
      '\nNo --incident was given, so every alarm counts as false. Name the known ones: --incident 2026-01-04T00:00Z..2026-01-18T00:00Z',
    );
    return;
  }
  print(
    '\nThe trade-off between noise and silence: burn rates and the leak rule with other gates.\nHealthy: the same traffic, late by chance at half the budget.',
  );
  print(
    table(
      ['gate', 'false per week on a healthy service', 'time to notice'],
      points.map(({ pValue, falsePerWeek, detectedAfterMs }) => [
        pValue === null ? 'none' : `p < ${pValue}`,
        falsePerWeek.toFixed(2),
        detectedAfterMs === null ? 'missed' : formatDuration(detectedAfterMs),
      ]),
    ),
  );
}

function incidentOf(text: string, before: readonly Incident[]): Incident[] {
  const [from, until] = text.split('..').map((part) => Date.parse(part));
  if (from === undefined || until === undefined || !(from < until))
    throw new InvalidArgumentError('takes two times, such as 2026-01-04T00:00Z..2026-01-18T00:00Z');
  return [...before, { from, until }];
}

const between = (lo: number, hi: number) => (text: string) => {
  const value = Number(text);
  if (!(value >= lo && value <= hi)) throw new InvalidArgumentError(`takes a number from ${lo} to ${hi}`);
  return value;
};

async function listAlerts(options: Record<string, unknown>): Promise<void> {
  const client = clientOf(options);
  const filter = options['all'] === true ? {} : ({ state: 'firing' } as const);
  const items = await everyItem((page) => client.alerts.list({ ...filter, ...page }));
  if (options['json'] === true) printJson(wireAnswer('alerts.list', { items }));
  else if (items.length === 0) print('No alert is firing.');
  else {
    for (const {
      id,
      rule,
      severity,
      state,
      since,
      acknowledgedAt: seen,
      acknowledgedBy: by,
      note: said,
      notified,
      summary,
      evidence,
      owner,
    } of printable(items)) {
      print(
        `${severity.toUpperCase()} ${rule} (${state} since ${since}${seen === null ? '' : `, acknowledged by ${by ?? 'an unknown caller'}`}), owner ${owner ?? 'none'}, ${id}`,
      );
      print(`  ${summary}`);
      if (said !== null) print(`  note: ${said}`);
      const last = notified.at(-1);
      if (last !== undefined)
        print(
          `  notified: ${last.team ?? 'every channel'} through ${last.channel} at ${last.at} (${last.state ?? 'deleted'})`,
        );
      for (const [name, value] of Object.entries(evidence))
        print(`  ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
    }
  }
  // A script that monitors this needs only the exit code.
  if (items.some(({ state, severity }) => state === 'firing' && severity === 'page')) process.exitCode = 1;
}

export function alertsCommand(): Command {
  const command = new Command('alerts').addHelpText(
    'after',
    '\nEvery command takes --json.\n\nExample:\n  posthorn alerts\n  posthorn alerts backtest --help',
  );
  const list = remoteOptions(new Command('list'))
    .description('List firing alerts (exit code 1 if one of them is a page)')
    .option('--all', 'also list pending and resolved alerts')
    .addHelpText('after', '\nExample:\n  posthorn alerts')
    .action(listAlerts);
  addDefaultList(command, list);
  command.addCommand(acknowledgeCommand());
  command
    .command('backtest')
    .description('Replay a history through alert rules: what would have fired and when, and at what cost')
    .option(
      '--from-log <attempts.jsonl>',
      'a delivery log: JSON lines with event_id, started_at, ended_at or duration_ms, status_code, error',
    )
    .option('--data-dir <path>', 'the history of an embedded Posthorn')
    .option('--database-url <url>', 'the history of a Posthorn on PostgreSQL')
    .option('--rules <rules.yaml>', 'YAML file with rules and objective (default: the built-in ones)')
    .option('--target <share>', 'the objective, 0.999 for 99.9%', between(0.5, 0.999999))
    .option('--within <seconds>', 'deadline after acceptance, in seconds', between(1, 2_592_000))
    .option('--incident <from..until>', 'a known incident; repeat for more', incidentOf, [])
    .option('--html <report.html>', 'write an HTML report with plots')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn lab incident --payments 100000 --log attempts.jsonl\n  posthorn alerts backtest --from-log attempts.jsonl --incident 2026-01-04T00:00Z..2026-01-18T00:00Z --html backtest.html',
    )
    .exitOverride()
    .action(async (options: BacktestOptions) => {
      try {
        await runBacktest(options);
      } catch (error) {
        if (error instanceof RulesError) throw new CommandError(error.message, 2);
        if ((error as NodeJS.ErrnoException).syscall !== undefined)
          throw new CommandError((error as Error).message, 2);
        throw error;
      }
    });
  return command;
}

function acknowledgeCommand(): Command {
  return remoteOptions(new Command('ack'))
    .argument('<id>')
    .description('Acknowledge an alert (stops repeat notifications until it gets worse)')
    .option('--note <text>', 'what is known, for the next person who handles it')
    .option(
      '--until <time>',
      'notify again at this time, such as 2026-11-26T18:00Z (default: not until it is resolved)',
    )
    .option('--undo', 'withdraw the acknowledgement instead: notifications are repeated as before')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn alerts ack alr_01kb3r5v0h2m9q4w7x8y6z5t3s --note "disk full, ordered"',
    )
    .exitOverride()
    .action(acknowledge);
}

interface AcknowledgeOptions extends RemoteOptions {
  readonly note?: string;
  readonly until?: string;
  readonly undo?: boolean;
  readonly json?: boolean;
}

async function acknowledge(id: string, options: AcknowledgeOptions): Promise<void> {
  const { note, until, undo = false, json = false } = options;
  if (undo && (note !== undefined || until !== undefined))
    throw new CommandError('--undo takes neither --note nor --until', 2);
  if (until !== undefined && Number.isNaN(Date.parse(until)))
    throw new CommandError('--until takes a time, such as 2026-11-26T18:00Z', 2);
  const { alerts } = clientOf(options);
  const alert = undo
    ? await alerts.unacknowledge(id)
    : await alerts.acknowledge(id, {
        ...(note === undefined ? {} : { note }),
        ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
      });
  if (json) printJson(wireAnswer(undo ? 'alerts.unacknowledge' : 'alerts.acknowledge', alert));
  else print(`${undo ? 'no longer acknowledged' : 'acknowledged'}: ${printable(alert.summary)}`);
}
