import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { runDemo } from '../demo/run.ts';
import { CommandError, note, print, printJson, table } from '../output.ts';

export function demoCommand(): Command {
  return new Command('demo')
    .option('--events <n>', 'how many events', '10000')
    .option('--keep', 'keep the data directory')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  posthorn demo')
    .action(async (options: { events: string; keep?: boolean; json?: boolean }) => {
      const events = Number(options.events);
      if (!Number.isInteger(events) || events < 1 || events > 1_000_000)
        throw new CommandError('--events takes a number from 1 to 1000000', 2);
      const dataDir = await mkdtemp(join(tmpdir(), 'posthorn-demo-'));
      try {
        const result = await runDemo({ events, dataDir });
        if (options.json === true) printJson(result);
        else {
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
                'residue',
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
                e.residue,
                e.receiver.unique,
                e.receiver.requests,
                e.receiver.repeated,
                e.receiver.unverified,
              ]),
            ),
          );
          print();
          print(
            `${result.events.toLocaleString('en-US')} events, ${result.kills} SIGKILL, ${result.seconds.toFixed(1)} s. Duplicates come from attempts in flight at the kill and from time-outs.`,
          );
          print(
            result.agrees
              ? 'The books balance, and the receivers agree.'
              : `DISAGREEMENT: ${result.disagreements.join('; ')}`,
          );
        }
        if (!result.agrees) process.exitCode = 1;
      } finally {
        if (options.keep === true) note(`kept ${dataDir}`);
        else await rm(dataDir, { recursive: true, force: true });
      }
    });
}
