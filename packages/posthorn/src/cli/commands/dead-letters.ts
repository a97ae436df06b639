import { Command } from 'commander';
import { formatValue } from '../../domain/money.ts';
import { wireAnswer } from '../answers.ts';
import { listed, listOptions } from '../listing.ts';
import { print, printJson, table } from '../output.ts';
import { clientOf, remoteOptions } from '../remote.ts';

export function deadLettersCommand(): Command {
  return listOptions(remoteOptions(new Command('dead-letters')))
    .option('--tenant <tenants>', 'only these tenants, separated by commas')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn dead-letters && posthorn redrive --endpoint-id ep_… --dry-run',
    )
    .action(async (options: Record<string, unknown>) => {
      const { tenant } = options as { readonly tenant?: string };
      const client = clientOf(options);
      const { answer, items, noteMore } = await listed(
        (page) => client.deadLetters.list({ ...page, tenant }),
        options,
      );
      if (options['json'] === true) return printJson(wireAnswer('deadLetters.list', answer));
      if (items.length === 0) return print('There are no dead letters.');
      print(
        table(
          ['endpoint', 'owner', 'failure', 'dead letters', 'oldest', 'value at risk'],
          items.map((g) => [
            g.endpointId,
            g.owner ?? '',
            g.errorClass ?? '',
            g.count,
            g.oldestAt,
            g.valueAtRisk
              .map(({ amountMinor, currency }) => formatValue({ amountMinor: BigInt(amountMinor), currency }))
              .join(', '),
          ]),
        ),
      );
      noteMore();
    });
}
