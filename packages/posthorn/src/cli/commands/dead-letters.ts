import { Command, Option } from 'commander';
import { printable } from '../../domain/printable.ts';
import { amountsText } from '../amounts.ts';
import { wireAnswer } from '../answers.ts';
import { listed, listOptions } from '../listing.ts';
import { print, printJson, table } from '../output.ts';
import { clientFrom, remoteOptions } from '../remote.ts';

export function deadLettersCommand(): Command {
  return listOptions(remoteOptions(new Command('dead-letters')))
    .option('--tenant <tenants>', 'only these tenants, comma-separated')
    .option('--owner <teams>', 'only endpoints that these teams own')
    .option('--endpoint-id <ids>', 'only these endpoints')
    .addOption(
      new Option('--state <state>', 'the states to list (default: dead)').choices(['dead', 'suppressed']),
    )
    .addHelpText(
      'after',
      '\nExample:\n  posthorn dead-letters && posthorn redrive --endpoint-id ep_… --dry-run',
    )
    .action(async (options: Record<string, unknown>) => {
      const { tenant, owner, endpointId } = options as Readonly<Record<string, string | undefined>>;
      const { state } = options as { readonly state?: 'dead' | 'suppressed' };
      const client = clientFrom(options);
      const { answer, items, noteMore } = await listed(
        (page) => client.deadLetters.list({ ...page, tenant, owner, endpointId, state }),
        options,
      );
      if (options['json'] === true) return printJson(wireAnswer('deadLetters.list', answer));
      if (items.length === 0) return print('No dead letters.');
      print(
        table(
          [
            'endpoint',
            'host',
            'owner',
            'failure',
            'dead letters',
            'newest',
            'value at risk',
            'works again',
            'says',
          ],
          printable(items).map((g) => [
            g.endpointId,
            g.host,
            g.owner ?? '',
            [g.errorClass ?? g.state, g.statusCode ?? ''].join(' ').trim(),
            g.partial ? `≥ ${g.count}` : g.count,
            g.newestAt,
            amountsText(g.valueAtRisk),
            g.recovered === null ? '' : `${g.recovered.successes} delivered since`,
            g.message ?? '',
          ]),
        ),
      );
      noteMore();
    });
}
