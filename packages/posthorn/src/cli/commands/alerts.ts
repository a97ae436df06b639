import { Command, InvalidArgumentError } from 'commander';
import { printable } from '../../domain/printable.ts';
import type { Incident } from '../../reliability/backtest.ts';
import { RulesError } from '../../reliability/rules-file.ts';
import { wireAnswer } from '../answers.ts';
import { type BacktestOptions, runBacktest } from '../backtest.ts';
import { addDefaultList, everyItem } from '../listing.ts';
import { CommandError, print, printJson } from '../output.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';

function parseIncident(text: string, before: readonly Incident[]): Incident[] {
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
  const client = clientFrom(options);
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
  addBacktest(command);
  return command;
}

function addBacktest(command: Command): void {
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
    .option('--incident <from..until>', 'a known incident; repeat for more', parseIncident, [])
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
  const { alerts } = clientFrom(options);
  const alert = undo
    ? await alerts.unacknowledge(id)
    : await alerts.acknowledge(id, {
        ...(note === undefined ? {} : { note }),
        ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
      });
  if (json) printJson(wireAnswer(undo ? 'alerts.unacknowledge' : 'alerts.acknowledge', alert));
  else print(`${undo ? 'no longer acknowledged' : 'acknowledged'}: ${printable(alert.summary)}`);
}
