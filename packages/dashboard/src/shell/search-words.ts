import type { Answer } from '../api.ts';

// What is typed into the search, and where its results lead.

export type Found = Answer<'search.find'>['items'][number];

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

/** What can be done with an endpoint that was found: each opens what asks first, none acts by itself. */
const actions = {
  pause: (title: string, id: string) => ({ title: `Pause ${title}…`, path: `/endpoints/${id}?do=pause` }),
  redrive: (title: string, id: string) => ({
    title: `Redrive dead letters at ${title}…`,
    path: `/dead-letters?endpoint_id=${id}`,
  }),
  rotate: (title: string, id: string) => ({
    title: `Rotate the secret of ${title}…`,
    path: `/endpoints/${id}?do=rotate`,
  }),
} as const;
export type ActionName = keyof typeof actions;

const isAction = (word: string): word is ActionName => Object.hasOwn(actions, word);

/** `pause orders`: the action that is asked for, and what it is to be done with. */
export function asksFor(text: string): { readonly action: ActionName | null; readonly rest: string } {
  const [first = '', ...others] = text.trim().split(/\s+/);
  const word = first.toLowerCase();
  return isAction(word) ? { action: word, rest: others.join(' ') } : { action: null, rest: text.trim() };
}

/** What can be done with what was found; nothing if it is not an endpoint. */
export function actionsOn(
  { kind, id, title }: Pick<Found, 'kind' | 'id' | 'title'>,
  names: readonly ActionName[],
): readonly { readonly title: string; readonly path: string }[] {
  if (kind !== 'endpoint') return [];
  return names.map((name) => actions[name](title, encodeURIComponent(id)));
}

/** Those whose title has every word that is typed. */
export function matching<T extends { readonly title: string }>(
  all: readonly T[],
  text: string,
): readonly T[] {
  const words = text.trim().toLowerCase().split(/\s+/);
  return all.filter(({ title }) => words.every((word) => title.toLowerCase().includes(word)));
}
