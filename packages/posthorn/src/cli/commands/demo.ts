import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { defaults } from '../../config/defaults.ts';
import { keepDemo } from '../demo/kestrel/keep.ts';
import { runDemo } from '../demo/run.ts';
import { CommandError, print, printJson, table } from '../output.ts';
import { stoppable } from '../stoppable.ts';

interface Options {
  readonly events: string;
  readonly keep?: boolean;
  readonly dataDir: string;
  readonly port: string;
  readonly deliveries: string;
  readonly json?: boolean;
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 1_000_000)
    throw new CommandError(`${option} takes a number from 1 to 1000000`, 2);
  return number;
}

export function demoCommand(): Command {
  return new Command('demo')
    .option('--events <n>', 'number of events', '10000')
    .option(
      '--keep',
      'create five weeks of history instead, and serve it live with the dashboard until Ctrl-C',
    )
    .option(
      '--data-dir <path>',
      'with --keep: directory of the history; continues an existing one',
      './posthorn-demo',
    )
    .option('--port <number>', 'with --keep: port to listen on', String(defaults.port))
    .option('--deliveries <n>', 'with --keep: approximate number of deliveries in the history', '80000')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  posthorn demo\n  posthorn demo --keep')
    .action(async (options: Options) => {
      if (options.keep === true) {
        const deliveries = wholeNumber('--deliveries', options.deliveries);
        const { dataDir, port, json = false } = options;
        await stoppable((signal) => keepDemo({ dataDir, port, deliveries, json, signal }));
        return;
      }
      const events = wholeNumber('--events', options.events);
      const dataDir = await mkdtemp(join(tmpdir(), 'posthorn-demo-'));
      try {
        const result = await runDemo({ events, dataDir });
        if (options.json === true) printJson(result);
        else printResult(result);
        if (!result.agrees) process.exitCode = 1;
      } finally {
        await rm(dataDir, { recursive: true, force: true });
      }
    });
}

function printResult(result: Awaited<ReturnType<typeof runDemo>>): void {
  print(
    table(
      [
        'endpoint',
        'accepted',
        'delivered',
        'pending',
        'dead',
        'cancelled',
        'suppressed',
        'unaccounted',
        '| receiver: verified ids',
        'requests',
        'again',
        'bad signatures',
      ],
      result.endpoints.map((e) => [
        e.name,
        e.accepted,
        e.delivered,
        e.pending,
        e.dead,
        e.cancelled,
        e.suppressed,
        e.unaccounted,
        e.receiver.unique,
        e.receiver.requests,
        e.receiver.repeated,
        e.receiver.unverified,
      ]),
    ),
  );
  print();
  print(
    `${result.events.toLocaleString('en-US')} events, ${result.kills} SIGKILL, ${result.seconds.toFixed(1)} s. Duplicates come from attempts in flight at the kill and from timeouts.`,
  );
  print(
    result.agrees
      ? 'The ledger balances, and the receivers agree.'
      : `DISAGREEMENT: ${result.disagreements.join('; ')}`,
  );
}
