import { Command } from 'commander';
import { wireAnswer } from '../answers.ts';
import { jsonArgument } from '../json-argument.ts';
import { CommandError, printExact, printJson } from '../output.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';

interface DryRunOptions extends RemoteOptions {
  readonly data?: unknown;
  readonly event?: string;
  readonly tenant?: string;
  readonly json?: true;
}

export function transformationsCommand(): Command {
  const dryRun = remoteOptions(new Command('dry-run'))
    .description('Show the result of an expression on data (exit code 1 if an attempt would fail)')
    .argument('<expression>', 'the JSONata expression')
    .option('--data <json>', 'JSON to try it on', jsonArgument)
    .option('--event <id>', 'id of a stored event to try it on, instead of data')
    .option('--tenant <tenant>', 'tenant of the event (default: default)')
    .addHelpText(
      'after',
      `\nExample:\n  posthorn transformations dry-run 'object.id' --data '{"object": {"id": "pi_17"}}'`,
    )
    .action(async (expression: string, options: DryRunOptions) => {
      const { data, event: eventId, tenant, json } = options;
      if ((data === undefined) === (eventId === undefined))
        throw new CommandError('give either --data or --event', 2);
      const transformation = { language: 'jsonata', expression } as const;
      const input = eventId === undefined ? { transformation, data } : { transformation, eventId, tenant };
      const answer = await clientFrom(options).transformations.dryRun(input);
      if (json === true) printJson(wireAnswer('transformations.dryRun', answer));
      else if (answer.error === null) printExact(JSON.stringify(answer.result, null, 2));
      if (answer.error !== null) throw new CommandError(answer.error);
    });
  return new Command('transformations')
    .description('Try endpoint transformations')
    .addHelpText('after', `\nExample:\n  posthorn transformations dry-run 'object.id' --event evt_… --json`)
    .addCommand(dryRun);
}
