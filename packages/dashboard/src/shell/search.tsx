import '../styles/shell-search.css';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { Answer } from '../api.ts';
import { useKeys } from '../keys.ts';
import { pages } from '../pages.ts';
import { Untrusted } from '../parts/untrusted.tsx';
import { useRead } from '../query.ts';
import { useMe } from '../session.tsx';

type Found = Answer<'search.find'>['items'][number];

/** So long after the last letter it is asked for. */
const quietMs = 120;

const kinds: Readonly<Record<Found['kind'], string>> = {
  delivery: 'delivery',
  event: 'event',
  endpoint: 'endpoint',
  redrive: 'redrive',
  alert: 'alert',
  event_type: 'event type',
  team: 'team',
  objective: 'objective',
  channel: 'channel',
  template: 'template',
};

/** Where a result leads. */
export function pathOf({ kind, id, tenant }: Pick<Found, 'kind' | 'id' | 'tenant'>): string {
  const name = encodeURIComponent(id);
  switch (kind) {
    case 'delivery':
      return `/deliveries/${name}`;
    case 'event':
      return `/events/${encodeURIComponent(tenant ?? 'default')}/${name}`;
    case 'endpoint':
      return `/endpoints/${name}`;
    case 'redrive':
      return `/redrives/${name}`;
    case 'alert':
      return '/objectives';
    case 'event_type':
      return `/deliveries?event_type=${name}`;
    case 'team':
      return `/teams/${name}`;
    case 'objective':
      return `/objectives/${name}`;
    case 'channel':
      return '/settings/channels';
    case 'template':
      return '/settings/templates';
  }
}

interface Option {
  readonly key: string;
  readonly kind: string;
  readonly title: string;
  readonly detail: string | null;
  readonly path: string;
}

/** A button that opens the search, and the keys that do. */
export function SearchBox(): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const open = (): void => setOpen(true);
  useKeys([
    { keys: 'mod+k', text: 'Search: any id, URL or name', run: open },
    { keys: '/', text: 'Search', run: open },
  ]);
  const isMac = navigator.platform.startsWith('Mac');
  return (
    <>
      <button type="button" className="search-button" onClick={open}>
        Search <kbd className="desktop-only">{isMac ? '⌘K' : 'Ctrl K'}</kbd>
      </button>
      {isOpen ? <SearchDialog onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function useQuiet(text: string): string {
  const [quiet, setQuiet] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setQuiet(text), quietMs);
    return () => clearTimeout(timer);
  }, [text]);
  return quiet;
}

/** What was found, and the pages whose titles match. */
function useOptions(
  text: string,
  asked: string,
  items: Answer<'search.find'>['items'] | undefined,
): readonly Option[] {
  const { kind } = useMe();
  return useMemo((): readonly Option[] => {
    const piece = text.trim().toLowerCase();
    const places = pages
      .filter(
        ({ nav, isForTeams, title }) =>
          nav !== undefined &&
          (kind !== 'portal' || isForTeams !== true) &&
          (piece === '' || title.toLowerCase().includes(piece)),
      )
      .map(({ path, title }) => ({ key: path, kind: 'page', title, detail: null, path }));
    const found = asked === '' ? [] : (items ?? []);
    return [
      ...found.map((one) => ({
        key: `${one.kind} ${one.tenant} ${one.id}`,
        kind: kinds[one.kind],
        title: one.title,
        detail: one.detail,
        path: pathOf(one),
      })),
      ...places,
    ];
  }, [items, asked, text, kind]);
}

function Results({
  id,
  options,
  chosen,
  onPoint,
  onGo,
}: {
  id: string;
  options: readonly Option[];
  chosen: number;
  onPoint: (index: number) => void;
  onGo: (path: string) => void;
}): ReactNode {
  return (
    <ul id={`${id}-list`} role="listbox" aria-label="Results" className="search-list">
      {options.map(({ key, kind: of, title, detail, path }, index) => (
        <li
          key={key}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === chosen}
          onPointerMove={() => onPoint(index)}
          onClick={() => onGo(path)}
        >
          <span className="search-title">
            <Untrusted text={title} max={90} />
          </span>
          {detail === null ? null : (
            <span className="soft">
              <Untrusted text={detail} max={40} />
            </span>
          )}
          <span className="search-kind soft">{of}</span>
        </li>
      ))}
    </ul>
  );
}

function SearchDialog({ onClose }: { onClose: () => void }): ReactNode {
  const navigate = useNavigate();
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const asked = useQuiet(text).trim();
  const read = useRead('search.find', { query: { q: asked } }, { enabled: asked !== '', keepsOld: false });
  useEffect(() => {
    const opener = document.activeElement;
    element.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  const options = useOptions(text, asked, read.data?.items);
  const chosen = Math.min(at, options.length - 1);
  const go = (path: string): void => {
    onClose();
    void navigate({ href: path });
  };
  const onKey = (event: KeyboardEvent): void => {
    const moves: Readonly<Record<string, number>> = { ArrowDown: chosen + 1, ArrowUp: chosen - 1 };
    const next = moves[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setAt((next + options.length) % Math.max(1, options.length));
    } else if (event.key === 'Enter' && options[chosen] !== undefined) {
      event.preventDefault();
      go(options[chosen].path);
    }
  };
  const isNothing = asked !== '' && read.data !== undefined && read.data.items.length === 0;
  return (
    <dialog
      ref={element}
      className="dialog search"
      aria-label="Search"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === element.current) onClose();
      }}
    >
      <div className="search-body">
        <input
          className="search-input"
          type="text"
          role="combobox"
          aria-label="Any id, URL, host or name"
          aria-expanded={options.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={options[chosen] === undefined ? undefined : `${id}-${chosen}`}
          aria-autocomplete="list"
          placeholder="Paste any id, URL or name"
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKey}
        />
        <Results id={id} options={options} chosen={chosen} onPoint={setAt} onGo={go} />
        <p className="label search-said" role="status">
          {read.error !== null && asked !== ''
            ? read.error.message
            : isNothing
              ? 'Nothing has that id or name. Ids are found whole; URLs and names by a piece of them.'
              : asked === ''
                ? 'Ids of deliveries, events, endpoints, redrives and alerts; URLs, teams, types, objectives.'
                : ''}
        </p>
      </div>
    </dialog>
  );
}
