import { type ComponentProps, type ReactNode, useState } from 'react';
import type { Item } from '../../api.ts';
import { useNow } from '../../clock.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { plural } from '../../parts/number.ts';
import { Empty, Reading } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Chip } from '../../parts/state.tsx';
import { Table } from '../../parts/table.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { Ago, When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { SettingsFrame } from './frame.tsx';
import { NewKey, RevokeKey, RotateKey, type ShownKey, ShownOnce } from './key-dialogs.tsx';

type Key = Item<'keys.list'>;

const soonMs = 7 * 86_400_000;

const tones = { active: 'good', expired: 'off', revoked: 'off' } as const;
const glyphs = { active: '●', expired: '○', revoked: '⊘' } as const;

function Rights({ of: { scopes, tenant, endpoint_ids: endpointIds, payloads } }: { of: Key }): ReactNode {
  return (
    <>
      {scopes.join(', ')}
      <br />
      <span className="soft">
        {tenant === null ? 'every tenant' : `tenant ${tenant}`}
        {endpointIds === null ? '' : `, ${plural(endpointIds.length, 'endpoint')}`}
        {`, payloads ${payloads}`}
      </span>
    </>
  );
}

/** Keys: what each may see and do, when it was used last, and when it ends. */
export default function KeysPage(): ReactNode {
  const forbidden = useForbidden('admin');
  const keys = useRead('keys.list', { query: { limit: 1000 } }, { enabled: forbidden === null });
  const [dialog, setDialog] = useState<{ kind: 'new' } | { kind: 'rotate' | 'revoke'; of: Key } | null>(null);
  const [shown, setShown] = useState<ShownKey | null>(null);
  const close = (): void => setDialog(null);
  return (
    <SettingsFrame part="keys">
      {forbidden === null ? (
        <Reading of={keys} what="Reading the keys…" height={320}>
          {({ items }) => (
            <KeyList
              keys={items}
              onNew={() => setDialog({ kind: 'new' })}
              onAct={(kind, of) => setDialog({ kind, of })}
            />
          )}
        </Reading>
      ) : (
        <>
          <Sentence>Keys are shown to admins only.</Sentence>
          <Empty>{forbidden}</Empty>
        </>
      )}
      {dialog?.kind === 'new' ? <NewKey onClose={close} onMade={setShown} /> : null}
      {dialog?.kind === 'rotate' ? <RotateKey of={dialog.of} onClose={close} onMade={setShown} /> : null}
      {dialog?.kind === 'revoke' ? <RevokeKey of={dialog.of} onClose={close} /> : null}
      {shown === null ? null : <ShownOnce of={shown} onClose={() => setShown(null)} />}
    </SettingsFrame>
  );
}

function LastUse({ of: { last_used_at: at, last_used_from: from } }: { of: Key }): ReactNode {
  return at === null ? (
    <span className="soft">never used</span>
  ) : (
    <>
      <Ago at={at} />
      {from === null ? null : <span className="soft"> from {from}</span>}
    </>
  );
}

function End({ of: { expires_at: at, former_until: former } }: { of: Key }): ReactNode {
  return (
    <>
      {at === null ? <span className="soft">does not end</span> : <When at={at} precision="minute" />}
      {former === null ? null : (
        <span className="wait">
          <br />
          the key before works until <When at={former} precision="minute" />
        </span>
      )}
    </>
  );
}

function keyColumns(
  forbidden: string | null,
  onAct: (kind: 'rotate' | 'revoke', of: Key) => void,
): ComponentProps<typeof Table<Key>>['columns'] {
  return [
    {
      key: 'name',
      head: 'Key',
      phone: 'first',
      cell: ({ name, id }) => (
        <>
          <strong>
            <Untrusted text={name} max={60} />
          </strong>
          <br />
          <code className="soft">{id}</code>
        </>
      ),
    },
    {
      key: 'state',
      head: 'State',
      phone: 'end',
      cell: ({ state }) => (
        <Chip tone={tones[state]} glyph={glyphs[state]}>
          {state}
        </Chip>
      ),
    },
    { key: 'rights', head: 'May', cell: (key) => <Rights of={key} /> },
    { key: 'used', head: 'Last used', cell: (key) => <LastUse of={key} /> },
    { key: 'ends', head: 'Ends', cell: (key) => <End of={key} /> },
    {
      key: 'actions',
      head: <span className="sr">Actions</span>,
      cell: (key) =>
        key.state === 'active' ? (
          <span className="row">
            <Button forbidden={forbidden} onClick={() => onAct('rotate', key)}>
              Rotate…
            </Button>
            <Button kind="danger" forbidden={forbidden} onClick={() => onAct('revoke', key)}>
              Revoke…
            </Button>
          </span>
        ) : null,
    },
  ];
}

function keysText(active: number, ending: number): string {
  if (active === 0) return 'No key was made yet.';
  const working = `${plural(active, 'key')} ${active === 1 ? 'works' : 'work'}`;
  return ending === 0
    ? `${working}; none ends this week.`
    : `${working}; ${ending} ${ending === 1 ? 'ends' : 'end'} this week.`;
}

function KeyList({
  keys,
  onNew,
  onAct,
}: {
  keys: readonly Key[];
  onNew: () => void;
  onAct: (kind: 'rotate' | 'revoke', of: Key) => void;
}): ReactNode {
  const forbidden = useForbidden('admin');
  const showsEnded = useQuerySearch()['ended'] === '1';
  const setSearch = useSetSearch();
  const now = useNow();
  const active = keys.filter(({ state }) => state === 'active');
  const ending = active.filter(({ expires_at: at }) => at !== null && Date.parse(at) - now < soonMs);
  const ended = keys.length - active.length;
  const rows = showsEnded ? keys : active;
  return (
    <div className="stack">
      <Sentence
        level={ending.length > 0 ? 'watch' : 'well'}
        lead="The first admin key, of the first start or of POSTHORN_API_KEY, is not among them."
        actions={
          <Button kind="go" forbidden={forbidden} onClick={onNew}>
            New key…
          </Button>
        }
      >
        {keysText(active.length, ending.length)}
      </Sentence>
      <Card
        title="Keys"
        actions={
          ended === 0 ? null : (
            <Button kind="plain" onClick={() => setSearch({ ended: showsEnded ? null : '1' })}>
              {showsEnded ? 'Hide' : 'Show'} {plural(ended, 'key')} that ended
            </Button>
          )
        }
      >
        {rows.length === 0 ? (
          <Empty>
            Make one for each program and person: then each can be revoked by itself, and the log names it.
          </Empty>
        ) : (
          <Table
            caption="API keys"
            rows={rows}
            keyOf={({ id }) => id}
            columns={keyColumns(forbidden, onAct)}
          />
        )}
      </Card>
    </div>
  );
}
