import { Command } from 'commander';
import { wireAnswer } from '../answers.ts';
import { everyItem } from '../listing.ts';
import { print, printJson, table } from '../output.ts';
import { clientFrom, remoteOptions } from '../remote.ts';

/** `0-3, 7, 9-12` */
function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const n of numbers) {
    const last = parts.at(-1);
    if (last !== undefined && last[1] === n - 1) last[1] = n;
    else parts.push([n, n]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

export function nodesCommand(): Command {
  return remoteOptions(new Command('nodes'))
    .addHelpText('after', '\nExample:\n  posthorn nodes')
    .action(async (options: Record<string, unknown>) => {
      const client = clientFrom(options);
      const items = await everyItem((page) => client.nodes.list(page));
      if (options['json'] === true) return printJson(wireAnswer('nodes.list', { items }));
      if (items.length === 0) return print('One node on the embedded store: it owns everything.');
      print(
        table(
          ['node', 'shards', 'which', 'started', 'last heartbeat'],
          items.map((n) => [n.node, n.shards.length, ranges(n.shards), n.startedAt, n.lastHeartbeatAt]),
        ),
      );
    });
}
