import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { type MouseEvent, type ReactNode, useEffect, useState } from 'react';
import { useNow } from '../clock.ts';
import { listenToKeys, useKeys } from '../keys.ts';
import { useLiveState } from '../live.ts';
import { pages } from '../pages.ts';
import { durationText } from '../parts/time.ts';
import { Toasts } from '../parts/toast.tsx';
import { setPreferences, usePreferences } from '../preferences.ts';
import { useMe } from '../session.tsx';
import { togglePaused, useStream } from '../stream.ts';
import { DeadCount } from './dead-count.tsx';
import { KeyList } from './key-list.tsx';
import { Logo } from './logo.tsx';
import { Menu } from './menu.tsx';
import { SearchBox } from './search.tsx';
import { StoreAway } from './store-away.tsx';

/** Pages of the navigation that this session has. */
function useNavigation(): readonly { path: string; name: string; letter: string }[] {
  const { kind } = useMe();
  return pages
    .filter(({ nav, isForTeams }) => nav !== undefined && (kind !== 'portal' || isForTeams !== true))
    .map(({ path, nav }) => ({ path, ...nav! }));
}

const isHere = (path: string, pathname: string): boolean =>
  path === '/' ? pathname === '/' : pathname === path || pathname.startsWith(`${path}/`);

const switchZone = (zone: 'utc' | 'local'): void =>
  setPreferences({ zone: zone === 'utc' ? 'local' : 'utc' });

/** Keys that act on every page. */
function useShellKeys(navigation: ReturnType<typeof useNavigation>, showKeys: () => void): void {
  const navigate = useNavigate();
  const { zone } = usePreferences();
  useEffect(() => listenToKeys(), []);
  useKeys([
    ...navigation.map(({ path, name, letter }) => ({
      keys: `g ${letter}`,
      text: `Go to ${name}`,
      run: () => void navigate({ to: path }),
    })),
    { keys: 'z', text: 'Switch between UTC and local time', run: () => switchZone(zone) },
    { keys: ' ', text: 'Pause live numbers, or let them go on', run: togglePaused },
    { keys: '?', text: 'Show this list', run: showKeys },
  ]);
}

/** Moves the focus alone: as a step of the history it would draw the page again. */
function toMain(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

/** The frame of every page. */
export function Shell(): ReactNode {
  const { search } = useLocation();
  const navigation = useNavigation();
  const [isKeyListOpen, setKeyListOpen] = useState(false);
  const showKeys = (): void => setKeyListOpen(true);
  useStream(useMe());
  useShellKeys(navigation, showKeys);
  const isWall = (search as { wall?: string }).wall === '1';
  return (
    <div className={isWall ? 'shell shell-wall' : 'shell'}>
      <a href="#main" className="skip" onClick={toMain}>
        Skip to the page
      </a>
      {isWall ? null : <Header navigation={navigation} showKeys={showKeys} />}
      <main id="main" tabIndex={-1}>
        <StoreAway />
        <Outlet />
      </main>
      {isWall ? null : (
        <nav className="shell-bar" aria-label="Pages, short">
          <PageLinks of={navigation.slice(0, 3)} />
          <Menu onKeys={showKeys} name="More" extra={navigation.slice(3)} />
        </nav>
      )}
      {isKeyListOpen ? <KeyList onClose={() => setKeyListOpen(false)} /> : null}
      <Toasts />
    </div>
  );
}

function Header({
  navigation,
  showKeys,
}: {
  navigation: ReturnType<typeof useNavigation>;
  showKeys: () => void;
}): ReactNode {
  const { zone } = usePreferences();
  return (
    <header className="shell-header">
      <Link to="/" className="brand">
        <Logo /> Posthorn
      </Link>
      <nav aria-label="Pages" className="shell-nav">
        <PageLinks of={navigation} />
      </nav>
      <div className="shell-right">
        <SearchBox />
        <Live />
        <button
          type="button"
          className="zone"
          title="Times are in this zone: press to switch"
          onClick={() => switchZone(zone)}
        >
          {zone === 'utc' ? 'UTC' : 'Local'}
        </button>
        <Menu onKeys={showKeys} />
      </div>
    </header>
  );
}

function PageLinks({ of }: { of: ReturnType<typeof useNavigation> }): ReactNode {
  const { pathname } = useLocation();
  return of.map(({ path, name }) => (
    <Link key={path} to={path} aria-current={isHere(path, pathname) ? 'page' : undefined}>
      {name}
      {path === '/dead-letters' ? <DeadCount /> : null}
    </Link>
  ));
}

function Live(): ReactNode {
  const state = useLiveState();
  const nowMs = useNow();
  if (state.kind === 'live')
    return (
      <span className="live">
        <span className="good" aria-hidden="true">
          ●
        </span>{' '}
        live
      </span>
    );
  if (state.kind === 'paused') return <span className="live">‖ paused by you</span>;
  const age = durationText(Math.max(0, nowMs - state.since));
  return (
    <span className="live wait" role="status">
      {state.kind === 'reconnecting' ? `◐ reconnecting, ${age} old` : `▲ stale for ${age}`}
    </span>
  );
}
