import { Link } from '@tanstack/react-router';
import { type ReactNode, useId } from 'react';
import { type Preferences, setPreferences, usePreferences } from '../preferences.ts';
import { signOut, useMe } from '../session.tsx';

const themes: readonly (readonly [Preferences['theme'], string])[] = [
  ['system', 'System'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

/** Theme, keys, settings, sign out; the platform's own popover, so that Escape and a click beside it close it. */
export function Menu({
  onKeys,
  name = 'Menu',
  extra = [],
}: {
  onKeys: () => void;
  name?: string;
  extra?: readonly { readonly path: string; readonly name: string }[];
}): ReactNode {
  const id = useId();
  const me = useMe();
  const close = (): void => document.getElementById(id)?.hidePopover();
  return (
    <>
      <button type="button" className="menu-button" popoverTarget={id}>
        {name}
      </button>
      <div id={id} popover="auto" className="menu" role="group" aria-label={name}>
        {extra.map(({ path, name: its }) => (
          <Link key={path} to={path} onClick={close}>
            {its}
          </Link>
        ))}
        <Link to={'/missed' as string} onClick={close}>
          Missed
        </Link>
        {me.kind === 'portal' ? null : (
          <>
            <Link to={'/settings/keys' as string} onClick={close}>
              Settings
            </Link>
            <Link to={'/portal' as string} onClick={close}>
              Portal links
            </Link>
          </>
        )}
        <a href="/docs">Documentation</a>
        <p className="label">
          {me.name}
          {me.tenant === null ? '' : `, tenant ${me.tenant}`}
        </p>
        <PreferenceFields id={id} />
        <button
          type="button"
          onClick={() => {
            close();
            onKeys();
          }}
        >
          Keyboard <kbd>?</kbd>
        </button>
        <button type="button" onClick={() => void signOut()}>
          Sign out
        </button>
        <p className="label">Posthorn {me.version}</p>
      </div>
    </>
  );
}

function PreferenceFields({ id }: { id: string }): ReactNode {
  const { theme, hasLetterKeys } = usePreferences();
  return (
    <>
      <fieldset className="menu-themes">
        <legend className="label">Theme</legend>
        {themes.map(([value, word]) => (
          <label key={value}>
            <input
              type="radio"
              name={`theme-${id}`}
              checked={theme === value}
              onChange={() => setPreferences({ theme: value })}
            />{' '}
            {word}
          </label>
        ))}
      </fieldset>
      <label>
        <input
          type="checkbox"
          checked={hasLetterKeys}
          onChange={(event) => setPreferences({ hasLetterKeys: event.target.checked })}
        />{' '}
        Single letters act
      </label>
    </>
  );
}
