import { Command } from 'commander';
import { ApiError } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { note, print, printJson } from '../output.ts';
import { clientFrom, failureText, remoteOptions } from '../remote.ts';

export function cancelCommand(): Command {
  return remoteOptions(new Command('cancel'))
    .argument('<ids...>', 'deliveries: dlv_…')
    .requiredOption('--reason <text>', 'reason, stored with each delivery')
    .addHelpText('after', "\nExample:\n  posthorn cancel dlv_… --reason 'booked by hand'")
    .action(async (ids: readonly string[], options: Record<string, unknown>) => {
      const client = clientFrom(options);
      const reason = options['reason'] as string;
      for (const id of ids) {
        try {
          const delivery = await client.deliveries.cancel(id, { reason });
          if (options['json'] === true) printJson(wireAnswer('deliveries.cancel', delivery));
          else print(`${delivery.id} is ${delivery.state}`);
        } catch (error) {
          // One that cannot be cancelled does not stop the others; but the exit code says that not everything was done
          // (G5).
          if (!(error instanceof ApiError) || error.status === 0) throw error;
          note(`posthorn: ${id}: ${failureText(error)}`);
          process.exitCode = 1;
        }
      }
    });
}
