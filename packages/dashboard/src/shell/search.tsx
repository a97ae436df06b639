import '../styles/shell-search.css';
import type { UseQueryResult } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { Answer, Problem } from '../api.ts';
import { useKeys } from '../keys.ts';
import { Untrusted } from '../parts/untrusted.tsx';
import { useRead } from '../query.ts';
import { type Option, useOptions } from './search-options.ts';
import { asksFor } from './search-words.ts';

/** So long after the last letter it is asked for. */
const quietMs = 120;

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
  onGo: (option: Option) => void;
}): ReactNode {
  return (
    <ul id={`${id}-list`} role="listbox" aria-label="Results" className="search-list">
      {options.map((option, index) => (
        <li
          key={option.key}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === chosen}
          onPointerMove={() => onPoint(index)}
          onClick={() => onGo(option)}
        >
          <span className="search-title">
            <Untrusted text={option.title} max={90} />
          </span>
          {option.detail === null ? null : (
            <span className="soft">
              <Untrusted text={option.detail} max={40} />
            </span>
          )}
          <span className="search-kind soft">{option.kind}</span>
        </li>
      ))}
    </ul>
  );
}

/** A dialog that is open while its component is there; the focus returns to where it was opened. */
function useModal() {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    element.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return element;
}

function SearchDialog({ onClose }: { onClose: () => void }): ReactNode {
  const navigate = useNavigate();
  const element = useModal();
  const id = useId();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const asked = asksFor(useQuiet(text)).rest;
  const read = useRead('search.find', { query: { q: asked } }, { enabled: asked !== '', keepsOld: false });
  const options = useOptions(text, asked === '' ? undefined : read.data?.items);
  const chosen = Math.min(at, options.length - 1);
  const go = ({ go: to }: Option): void => {
    onClose();
    if ('path' in to) void navigate({ href: to.path });
    else to.run();
  };
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
        <SearchField
          id={id}
          text={text}
          onText={(next) => {
            setText(next);
            setAt(0);
          }}
          options={options}
          chosen={chosen}
          onMove={setAt}
          onGo={go}
        />
        <Results id={id} options={options} chosen={chosen} onPoint={setAt} onGo={go} />
        <p className="label search-said" role="status">
          {said(asked, read)}
        </p>
      </div>
    </dialog>
  );
}

function said(asked: string, { error, data }: UseQueryResult<Answer<'search.find'>, Problem>): string {
  if (asked === '')
    return 'Ids of deliveries, events, endpoints, redrives and alerts; URLs, teams, types, objectives; actions, such as pause and a name.';
  if (error !== null) return error.message;
  return data?.items.length === 0
    ? 'Nothing has that id or name. Ids are found whole; URLs and names by a piece of them.'
    : '';
}

/** Where it is typed, and the keys that choose from the list beneath. */
function SearchField({
  id,
  text,
  onText,
  options,
  chosen,
  onMove,
  onGo,
}: {
  id: string;
  text: string;
  onText: (text: string) => void;
  options: readonly Option[];
  chosen: number;
  onMove: (index: number) => void;
  onGo: (option: Option) => void;
}): ReactNode {
  const here = options[chosen];
  const onKey = (event: KeyboardEvent): void => {
    const moves: Readonly<Record<string, number>> = { ArrowDown: chosen + 1, ArrowUp: chosen - 1 };
    const next = moves[event.key];
    if (next !== undefined) {
      event.preventDefault();
      onMove((next + options.length) % Math.max(1, options.length));
    } else if (event.key === 'Enter' && here !== undefined) {
      event.preventDefault();
      onGo(here);
    }
  };
  return (
    <input
      className="search-input"
      type="text"
      role="combobox"
      aria-label="Any id, URL, host or name"
      aria-expanded={options.length > 0}
      aria-controls={`${id}-list`}
      aria-activedescendant={here === undefined ? undefined : `${id}-${chosen}`}
      aria-autocomplete="list"
      placeholder="Paste any id, URL or name"
      autoComplete="off"
      spellCheck={false}
      value={text}
      onChange={(event) => onText(event.target.value)}
      onKeyDown={onKey}
    />
  );
}
