import { type ReactNode, useState } from 'react';
import type { Item } from '../../api.ts';
import { Empty, Reading } from '../../parts/panel.tsx';
import { Untrusted, visible } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { lineDiff } from './line-diff.ts';
import { toYaml } from './yaml.ts';

type Entry = Item<'auditLog.list'>;

const maxShown = 20;

/** What each version of a template has changed, from the audit log, which has both sides of every change. Read when it is opened. */
export function Versions({ name }: { name: string }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const forbidden = useForbidden('admin');
  return (
    <details className="settings-versions" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>What its versions have changed</summary>
      {!isOpen ? null : forbidden === null ? (
        <Changes name={name} />
      ) : (
        <Empty>The audit log shows it. {forbidden}</Empty>
      )}
    </details>
  );
}

function Changes({ name }: { name: string }): ReactNode {
  const query = { target_kind: 'template', target: name, limit: maxShown };
  const entries = useRead('auditLog.list', { query });
  return (
    <Reading of={entries} what="Reading the audit log…">
      {({ items, next_cursor: next }) =>
        items.length === 0 ? (
          <Empty>It was not changed in the time that the audit log is kept.</Empty>
        ) : (
          <>
            {items.map((entry) => (
              <Change key={entry.sequence} name={name} entry={entry} />
            ))}
            {next === null ? null : <p className="soft">The newest {maxShown} changes.</p>}
          </>
        )
      }
    </Reading>
  );
}

const signWords = { ' ': '', '+': 'added: ', '-': 'taken out: ' } as const;

function Change({ name, entry: { at, actor, before, after } }: { name: string; entry: Entry }): ReactNode {
  const version = (after as { version?: number } | null)?.version;
  return (
    <section className="stack">
      <p>
        <strong>{version === undefined ? 'Deleted' : `Version ${version}`}</strong>{' '}
        <span className="soft">
          <When at={at} precision="minute" />, by <Untrusted text={actor.name} max={40} />
        </span>
      </p>
      <pre tabIndex={0} className="version-diff">
        {lineDiff(documentText(name, before), documentText(name, after)).map(({ sign, text }, index) => (
          // Lines repeat, and never change places.
          // oxlint-disable-next-line react/no-array-index-key
          <span key={index} className={sign === '+' ? 'good' : sign === '-' ? 'bad' : 'soft'}>
            <span aria-hidden="true">{sign} </span>
            <span className="sr">{signWords[sign]}</span>
            {visible(text)}
            {'\n'}
          </span>
        ))}
      </pre>
    </section>
  );
}

/** As in `posthorn.yaml`; nothing, if the document did not exist. */
function documentText(name: string, shown: unknown): string {
  if (typeof shown !== 'object' || shown === null) return '';
  const {
    name: _,
    version: __,
    built_in: ___,
    fingerprint: ____,
    ...document
  } = shown as Record<string, unknown>;
  return toYaml('templates', name, document).trimEnd();
}
