import { type ReactNode, useState } from 'react';
import { call, type Item, Problem } from '../../api.ts';
import { now } from '../../clock.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { countText, plural } from '../../parts/number.ts';
import { Empty, Loading, Refusal } from '../../parts/panel.tsx';
import { RangePicker } from '../../parts/range-picker.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { toast } from '../../parts/toast.tsx';
import { Untrusted, visible } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { useReadPages } from '../../query.ts';
import { rangeFrom } from '../../range.ts';
import { useForbidden } from '../../session.tsx';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { SettingsFrame } from './frame.tsx';

type Entry = Item<'auditLog.list'>;

const filters = [
  ['action', 'Action', 'endpoints.pause'],
  ['actor', 'Who (id)', 'key_…'],
  ['target_kind', 'Kind', 'endpoint'],
  ['target', 'What (id or name)', 'ep_…'],
] as const;
/** Entries that an export reads at most: beyond, the command line does it. */
const maxExported = 100_000;

/** The audit log: who changed what, when, from where, and how it was before. */
export default function LogPage(): ReactNode {
  const forbidden = useForbidden('admin');
  return (
    <SettingsFrame part="log">
      {forbidden === null ? (
        <Log />
      ) : (
        <>
          <Sentence>The audit log is shown to admins only.</Sentence>
          <Empty>{forbidden}</Empty>
        </>
      )}
    </SettingsFrame>
  );
}

function Log(): ReactNode {
  const search = useQuerySearch();
  const range = rangeFrom(search, now(), '7d');
  const query = {
    since: range.since,
    until: range.until,
    ...Object.fromEntries(filters.map(([name]) => [name, search[name]])),
  };
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useReadPages(
    'auditLog.list',
    {
      query: { ...query, limit: 100 },
    },
  );
  const entries = data?.pages.flatMap(({ items }) => items) ?? [];
  const people = new Set(entries.map(({ actor }) => actor.id)).size;
  return (
    <>
      <Sentence
        lead="Every change is in it, in the transaction that made it; each entry has the hash of the one before."
        actions={<Export query={query} />}
      >
        {data === undefined
          ? 'Who changed what.'
          : entries.length === 0
            ? 'Nothing was changed in this time.'
            : `${plural(entries.length, 'change')}${hasNextPage ? ' and more' : ''}, by ${plural(people, 'actor')}.`}
      </Sentence>
      <Filters search={search} />
      <RangePicker range={range} />
      <Card title="Changes">
        {data === undefined ? (
          error === null ? (
            <Loading height={320} what="Reading the audit log…" />
          ) : (
            <Refusal problem={error} onRetry={() => void refetch()} />
          )
        ) : entries.length === 0 ? (
          <Empty>No entry of this time matches. Choose a longer one, or take out a filter.</Empty>
        ) : (
          <>
            {entries.map((entry) => (
              <EntryDetails key={entry.sequence} of={entry} />
            ))}
            {hasNextPage ? (
              <p className="row">
                <Button
                  forbidden={isFetchingNextPage ? 'Reading…' : null}
                  onClick={() => void fetchNextPage()}
                >
                  Show earlier ones
                </Button>
              </p>
            ) : null}
          </>
        )}
      </Card>
    </>
  );
}

/** Filters, applied with Enter or when a field is left. */
function Filters({ search }: { search: Readonly<Record<string, string>> }): ReactNode {
  const setSearch = useSetSearch();
  return (
    <div className="row settings-filters">
      {filters.map(([name, title, example]) => (
        <div className="field" key={name}>
          <label htmlFor={`log-${name}`}>{title}</label>
          <input
            id={`log-${name}`}
            key={search[name] ?? ''}
            className="input"
            placeholder={example}
            defaultValue={search[name] ?? ''}
            onBlur={(event) => setSearch({ [name]: event.target.value.trim() })}
            onKeyDown={(event) => {
              if (event.key === 'Enter') setSearch({ [name]: event.currentTarget.value.trim() });
            }}
          />
        </div>
      ))}
    </div>
  );
}

const json = (value: unknown): string => visible(JSON.stringify(value, null, 2) ?? 'null');

function EntryDetails({ of: entry }: { of: Entry }): ReactNode {
  const {
    at,
    actor,
    action,
    target,
    tenant,
    from,
    request_id: requestId,
    before,
    after,
    sequence,
    hash,
  } = entry;
  return (
    <details className="settings-document">
      <summary>
        <When at={at} />
        <strong>{action}</strong>
        <span className="grow">
          {target.kind} <Untrusted text={target.id} max={48} />
        </span>
        <span className="soft">
          by <Untrusted text={actor.name} max={40} />
        </span>
      </summary>
      <div className="stack">
        <dl className="facts">
          <div>
            <dt>Who</dt>
            <dd>
              {actor.kind} <code>{actor.id}</code>
            </dd>
          </div>
          <div>
            <dt>From</dt>
            <dd>{from ?? 'this process'}</dd>
          </div>
          <div>
            <dt>Tenant</dt>
            <dd>{tenant ?? 'none, or several'}</dd>
          </div>
          <div>
            <dt>Request</dt>
            <dd>{requestId === null ? '–' : <code>{requestId}</code>}</dd>
          </div>
          <div>
            <dt>Entry</dt>
            <dd title={hash}>
              {countText(sequence)} <code>{hash.slice(0, 12)}…</code>
            </dd>
          </div>
        </dl>
        <div className="log-diff">
          <div>
            <p className="label">Before</p>
            <pre tabIndex={0}>{json(before)}</pre>
          </div>
          <div>
            <p className="label">After</p>
            <pre tabIndex={0}>{json(after)}</pre>
          </div>
        </div>
      </div>
    </details>
  );
}

/** Writes what matches into a file, as JSON lines. */
function Export({ query }: { query: Readonly<Record<string, string | undefined>> }): ReactNode {
  const [count, setCount] = useState<number | null>(null);
  const run = async (): Promise<void> => {
    const parts: string[] = [];
    let read = 0;
    let cursor: string | undefined;
    try {
      do {
        const page = await call('auditLog.list', { query: { ...query, limit: 1000, cursor } });
        parts.push(...page.items.map((entry) => `${JSON.stringify(entry)}\n`));
        read += page.items.length;
        setCount(read);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined && read < maxExported);
      save(parts);
      toast(
        cursor === undefined
          ? `${plural(read, 'entry', 'entries')} exported.`
          : `The newest ${countText(read)} entries are exported; posthorn audit-log export writes all of them.`,
        cursor === undefined ? 'good' : 'wait',
      );
    } catch (error) {
      toast(error instanceof Problem ? error.message : 'The export failed.', 'bad');
    }
    setCount(null);
  };
  return (
    <Button forbidden={count === null ? null : `${countText(count)} read…`} onClick={() => void run()}>
      Export as JSON lines
    </Button>
  );
}

function save(parts: readonly string[]): void {
  const url = URL.createObjectURL(new Blob([...parts], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'audit-log.jsonl';
  link.click();
  URL.revokeObjectURL(url);
}
