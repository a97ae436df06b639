import { Command } from 'commander';
import { formatValue } from '../../domain/money.ts';
import { money, number, orNull, shapeOf, text } from '../answers.ts';
import { listed, listOptions } from '../listing.ts';
import { print, printJson, table } from '../output.ts';
import { clientOf, remoteOptions } from '../remote.ts';

interface Group {
  endpoint_id: string;
  owner: string | null;
  error_class: string | null;
  count: number;
  oldest_at: string;
  value_at_risk: { currency: string; amount_minor: number | string }[];
}

const isGroup = shapeOf<Group>({
  endpoint_id: text,
  owner: orNull(text),
  error_class: orNull(text),
  count: number,
  oldest_at: text,
  value_at_risk: money,
});

export function deadLettersCommand(): Command {
  return listOptions(remoteOptions(new Command('dead-letters')))
    .option('--tenant <tenants>', 'only these tenants, separated by commas')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn dead-letters && posthorn redrive --endpoint-id ep_… --dry-run',
    )
    .action(async (options: Record<string, unknown>) => {
      const tenant = options['tenant'];
      const filter: Record<string, string> = typeof tenant === 'string' ? { tenant } : {};
      const { answer, items, noteMore } = await listed(
        clientOf(options),
        '/v1/dead-letters',
        filter,
        options,
        isGroup,
      );
      if (options['json'] === true) return printJson(answer);
      if (items.length === 0) return print('There are no dead letters.');
      print(
        table(
          ['endpoint', 'owner', 'failure', 'dead letters', 'oldest', 'value at risk'],
          items.map((g) => [
            g.endpoint_id,
            g.owner ?? '',
            g.error_class ?? '',
            g.count,
            g.oldest_at,
            g.value_at_risk
              .map(({ amount_minor, currency }) =>
                formatValue({ amountMinor: BigInt(amount_minor), currency }),
              )
              .join(', '),
          ]),
        ),
      );
      noteMore();
    });
}
