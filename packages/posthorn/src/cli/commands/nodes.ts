import { Command } from 'commander';
import { listOf, number, shapeOf, text } from '../answers.ts';
import { everyItem } from '../listing.ts';
import { print, printJson, table } from '../output.ts';
import { clientOf, remoteOptions } from '../remote.ts';

interface Node {
  node: string;
  started_at: string;
  last_heartbeat_at: string;
  shards: number[];
}

const isNode = shapeOf<Node>({
  node: text,
  started_at: text,
  last_heartbeat_at: text,
  shards: listOf(number),
});

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
      const items = await everyItem(clientOf(options), '/v1/nodes', isNode);
      if (options['json'] === true) return printJson({ items });
      if (items.length === 0) return print('One node on the embedded store: it owns everything.');
      print(
        table(
          ['node', 'shards', 'which', 'started', 'last heartbeat'],
          items.map((n) => [n.node, n.shards.length, ranges(n.shards), n.started_at, n.last_heartbeat_at]),
        ),
      );
    });
}
