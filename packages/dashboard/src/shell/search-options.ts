import { useMemo } from 'react';
import { useLiveState } from '../live.ts';
import { pages } from '../pages.ts';
import { setPreferences, usePreferences } from '../preferences.ts';
import { useForbidden, useMe } from '../session.tsx';
import { togglePaused } from '../stream.ts';
import { actionsOn, type ActionName, asksFor, matching, type Found, pathOf } from './search-words.ts';

/** One line of the search: where it leads, or what it does. */
export interface Option {
  readonly key: string;
  readonly kind: string;
  readonly title: string;
  readonly detail: string | null;
  readonly go: { readonly path: string } | { readonly run: () => void };
}

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

const foundOption = (one: Found): Option => ({
  key: `${one.kind} ${one.tenant} ${one.id}`,
  kind: kinds[one.kind],
  title: one.title,
  detail: one.detail,
  go: { path: pathOf(one) },
});

/** Pages that need no id, by their titles. */
function usePlaces(): readonly Option[] {
  const { kind } = useMe();
  return useMemo(
    () =>
      pages
        .filter(({ path, isForTeams }) => !path.includes('$') && (kind !== 'portal' || isForTeams !== true))
        .map(({ path, title }) => ({ key: path, kind: 'page', title, detail: null, go: { path } })),
    [kind],
  );
}

/** What can be done from anywhere. */
function useCommands(): readonly Option[] {
  const { zone, theme } = usePreferences();
  const isPaused = useLiveState().kind === 'paused';
  const command = (title: string, run: () => void): Option => ({
    key: title,
    kind: 'action',
    title,
    detail: null,
    go: { run },
  });
  return [
    command(zone === 'utc' ? 'Show times in local time' : 'Show times in UTC', () =>
      setPreferences({ zone: zone === 'utc' ? 'local' : 'utc' }),
    ),
    command(isPaused ? 'Let live numbers go on' : 'Pause live numbers', togglePaused),
    ...(['light', 'dark', 'system'] as const)
      .filter((one) => one !== theme)
      .map((one) => command(`Theme: ${one}`, () => setPreferences({ theme: one }))),
  ];
}

/** What may be done with an endpoint by this session; a link of a receiver redrives only. */
function useActions(): readonly ActionName[] {
  const isPortal = useMe().kind === 'portal';
  const allowed: Readonly<Record<ActionName, boolean>> = {
    pause: useForbidden('operate') === null && !isPortal,
    rotate: useForbidden('rotate') === null,
    redrive: useForbidden('redrive') === null,
  };
  return (Object.keys(allowed) as ActionName[]).filter((name) => allowed[name]);
}

/** What was found for what is typed: things, pages, and what can be done with them. */
export function useOptions(text: string, items: readonly Found[] | undefined): readonly Option[] {
  const places = usePlaces();
  const commands = useCommands();
  const allowed = useActions();
  const { action, rest } = asksFor(text);
  const found = rest === '' ? [] : (items ?? []);
  const names = action === null ? allowed : allowed.filter((name) => name === action);
  const actions = found
    .flatMap((one) => actionsOn(one, names))
    .map(({ title, path }) => ({ key: title + path, kind: 'action', title, detail: null, go: { path } }));
  if (action !== null) return [...actions, ...matching(commands, text)];
  return [
    ...found.map(foundOption),
    ...matching(places, text),
    ...actions,
    ...(text.trim() === '' ? [] : matching(commands, text)),
  ];
}
