import { ownedShards } from '../domain/shard.ts';
import { iso } from '../domain/time.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers, Of } from './handler.ts';
import { toPage } from './paging.ts';

/** Lists the processes that deliver. */
export function nodeService({ store }: ServiceDependencies): Handlers<Of<'nodes'>> {
  return {
    'nodes.list': async ({ query }) => {
      const nodes = await store.read.nodes();
      const names = nodes.map(({ node }) => node);
      const page = toPage(nodes, query, ({ node }) => [node]);
      return {
        ...page,
        items: page.items.map(({ node, startedAt, heartbeatAt }) => ({
          node,
          started_at: iso(startedAt),
          last_heartbeat_at: iso(heartbeatAt),
          shards: ownedShards(names, node),
        })),
      };
    },
  };
}
