import type { ReactNode } from 'react';
import type { Item } from '../../api.ts';
import { useNow } from '../../clock.ts';
import { Card } from '../../parts/card.tsx';
import { plural } from '../../parts/number.ts';
import { Empty, Reading } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { State } from '../../parts/state.tsx';
import { Table } from '../../parts/table.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { Ago, When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { useMe } from '../../session.tsx';
import { SettingsFrame } from './frame.tsx';

type Node = Item<'nodes.list'>;

const shardCount = 64;
/** A node that is silent for longer is about to be taken for dead. */
const lateMs = 10_000;

/** What a node owns of the 64 shards. */
function Shards({ of: { node, shards } }: { of: Node }): ReactNode {
  const owned = new Set(shards);
  return (
    <div
      className="shards"
      role="img"
      aria-label={`${node} owns ${plural(shards.length, 'shard')} of ${shardCount}`}
    >
      {Array.from({ length: shardCount }, (_, shard) => (
        <span key={shard} className={owned.has(shard) ? 'is-owned' : undefined} title={`shard ${shard}`} />
      ))}
    </div>
  );
}

const isLate = ({ last_heartbeat_at: at }: Node, now: number): boolean => now - Date.parse(at) > lateMs;

/** Nodes: the processes that deliver, and what each of them owns. */
export default function NodesPage(): ReactNode {
  const nodes = useRead('nodes.list', { query: { limit: 1000 } }, { everyMs: 5000 });
  return (
    <SettingsFrame part="nodes">
      <Reading of={nodes} what="Reading the nodes…" height={240}>
        {({ items }) => (
          <div className="stack">
            <Summary nodes={items} />
            <Card title="Nodes">
              {items.length === 0 ? (
                <Empty>
                  The embedded store belongs to one process. With PostgreSQL any number of nodes share the
                  work, and are listed here with their shards.
                </Empty>
              ) : (
                <NodeTable nodes={items} />
              )}
            </Card>
          </div>
        )}
      </Reading>
    </SettingsFrame>
  );
}

function Summary({ nodes }: { nodes: readonly Node[] }): ReactNode {
  const { version } = useMe();
  const now = useNow();
  const late = nodes.filter((node) => isLate(node, now)).length;
  return (
    <Sentence level={late > 0 ? 'watch' : 'well'} lead={`The server of this page is Posthorn ${version}.`}>
      {nodes.length === 0
        ? 'One process delivers: this one.'
        : `${plural(nodes.length, 'node')} ${nodes.length === 1 ? 'delivers' : 'deliver'}${late === 0 ? '.' : `; ${late} sent no heartbeat for 10 seconds.`}`}
    </Sentence>
  );
}

function NodeTable({ nodes }: { nodes: readonly Node[] }): ReactNode {
  const now = useNow();
  return (
    <Table
      caption="Nodes"
      rows={nodes}
      keyOf={({ node }) => node}
      columns={[
        {
          key: 'node',
          head: 'Node',
          phone: 'first',
          cell: ({ node }) => (
            <strong>
              <Untrusted text={node} />
            </strong>
          ),
        },
        {
          key: 'state',
          head: 'State',
          phone: 'end',
          cell: (node) =>
            isLate(node, now) ? <State name="failing" word="silent" /> : <State name="healthy" />,
        },
        {
          key: 'heartbeat',
          head: 'Last heartbeat',
          cell: ({ last_heartbeat_at: at }) => <Ago at={at} />,
        },
        {
          key: 'started',
          head: 'Started',
          cell: ({ started_at: at }) => <When at={at} />,
        },
        {
          key: 'shards',
          head: 'Shards',
          width: '45%',
          cell: (node) => (
            <>
              <Shards of={node} />
              <span className="label">{plural(node.shards.length, 'shard')}</span>
            </>
          ),
        },
      ]}
    />
  );
}
