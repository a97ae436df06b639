import { type ReactNode, useState } from 'react';
import { type Answer, call, type Item, newIdempotencyKey, Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { plural } from '../../parts/number.ts';
import { Empty, Reading, Refusal } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { State } from '../../parts/state.tsx';
import { Table } from '../../parts/table.tsx';
import { durationText } from '../../parts/time.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { Ago } from '../../parts/when.tsx';
import { refresh, useRead } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { SettingsFrame } from './frame.tsx';

type Channel = Item<'channels.list'>;
type Test = Answer<'channels.test'>;

/** Channels: where notifications go, whether the last one arrived, and a test. */
export default function ChannelsPage(): ReactNode {
  const channels = useRead('channels.list', { query: { limit: 1000 } });
  return (
    <SettingsFrame part="channels">
      <Reading of={channels} what="Reading the channels…" height={240}>
        {({ items }) => (
          <div className="stack">
            <Sentence lead="Declared as code: posthorn apply, under channels. Their URLs and keys are write-only.">
              {items.length === 0
                ? 'No team is notified: no channel is declared.'
                : `Notifications go to ${plural(items.length, 'channel')}.`}
            </Sentence>
            <Card title="Channels">
              {items.length === 0 ? (
                <Empty>
                  Declare one in <code>posthorn.yaml</code>, name it in a team, and run{' '}
                  <code>posthorn apply -f posthorn.yaml</code>: alerts then reach the team that owns what is
                  wrong.
                </Empty>
              ) : (
                <ChannelTable channels={items} />
              )}
            </Card>
          </div>
        )}
      </Reading>
    </SettingsFrame>
  );
}

function ChannelTable({ channels }: { channels: readonly Channel[] }): ReactNode {
  return (
    <Table
      caption="Channels"
      rows={channels}
      keyOf={({ name }) => name}
      columns={[
        { key: 'name', head: 'Channel', phone: 'first', cell: ({ name }) => <strong>{name}</strong> },
        { key: 'kind', head: 'Kind', phone: 'end', cell: ({ kind }) => kind },
        {
          key: 'to',
          head: 'To',
          cell: ({ host, to }) => <Untrusted text={to?.join(', ') ?? host ?? ''} max={60} />,
        },
        { key: 'last', head: 'Last notified', cell: (channel) => <LastNotification of={channel} /> },
        {
          key: 'test',
          head: <span className="sr">Test</span>,
          cell: (channel) => <ChannelTest of={channel} />,
        },
      ]}
    />
  );
}

/** The newest notification that went there, and what became of it. */
function LastNotification({ of: { endpoint_id: id } }: { of: Channel }): ReactNode {
  const { data, error } = useRead('deliveries.list', {
    query: { tenant: 'posthorn', endpoint_id: id, limit: 1 },
  });
  if (error !== null) return <span className="soft">not known: {error.code}</span>;
  if (data === undefined) return <span className="soft">…</span>;
  const [last] = data.items;
  if (last === undefined) return <span className="soft">never notified</span>;
  return (
    <>
      <Ago at={last.created_at} /> <State name={last.state} />
    </>
  );
}

const words = { delivered: 'It was delivered', failed: 'It failed', no_answer: 'No answer yet' } as const;
const marks = { delivered: 'delivered', failed: 'failing', no_answer: 'pending' } as const;

function ChannelTest({ of: { name } }: { of: Channel }): ReactNode {
  const forbidden = useForbidden('operate');
  const [isAsking, setAsking] = useState(false);
  const [outcome, setOutcome] = useState<Test | Problem | null>(null);
  const test = async (): Promise<void> => {
    setAsking(true);
    setOutcome(null);
    try {
      setOutcome(await call('channels.test', { params: { name }, idempotencyKey: newIdempotencyKey() }));
      await refresh('deliveries.list');
    } catch (error) {
      setOutcome(error instanceof Problem ? error : new Problem(0, 'internal', (error as Error).message));
    }
    setAsking(false);
  };
  return (
    <div aria-live="polite">
      <Button
        forbidden={forbidden ?? (isAsking ? 'Sending…' : null)}
        aria-label={`Send a test to ${name}`}
        onClick={() => void test()}
      >
        {isAsking ? 'Sending…' : 'Send a test'}
      </Button>
      {outcome === null ? null : outcome instanceof Problem ? (
        <Refusal problem={outcome} />
      ) : (
        <p>
          <State
            name={marks[outcome.result]}
            word={`${words[outcome.result]}${outcome.status_code === null ? '' : `: ${outcome.status_code}`}${outcome.duration_ms === null ? '' : ` in ${durationText(outcome.duration_ms)}`}`}
          />
          {outcome.message === null ? null : (
            <>
              <br />
              <Untrusted text={outcome.message} max={200} />
            </>
          )}
        </p>
      )}
    </div>
  );
}
