import type { Item } from '../../api.ts';
import { countText, minForRate, percent, plural } from '../../parts/number.ts';

export type ListedEndpoint = Item<'endpoints.list'>;
export type Health = NonNullable<ListedEndpoint['health']>;

/** `99.94%`; of so few that a rate says nothing, `18 of 18`. */
export function inTimeText({ good, due, share }: Health['in_time']): string {
  if (share === null) return 'nothing due';
  return due < minForRate ? `${countText(good)} of ${countText(due)}` : percent(share);
}

export interface ListSummary {
  readonly level: 'act' | 'watch' | 'well';
  readonly sentence: string;
}

/** The sentence over a list of endpoints. `isAll`: the list is complete. */
export function listSummary(all: readonly Health[], isAll: boolean): ListSummary {
  const count = (state: Health['state']): number => all.filter((one) => one.state === state).length;
  const total = `${isAll ? '' : 'the first '}${plural(all.length, 'endpoint')}`;
  const [failing, slowed, paused] = [count('failing'), count('slowed'), count('paused')];
  const dead = all.filter((one) => one.dead > 0 && one.state !== 'failing').length;
  const parts = [
    failing === 0 ? '' : failing === 1 ? '1 fails every attempt' : `${countText(failing)} fail every attempt`,
    dead === 0 ? '' : dead === 1 ? '1 has dead letters' : `${countText(dead)} have dead letters`,
    slowed === 0 ? '' : slowed === 1 ? '1 is slowed down' : `${countText(slowed)} are slowed down`,
    paused === 0 ? '' : paused === 1 ? '1 is paused' : `${countText(paused)} are paused`,
  ].filter((part) => part !== '');
  if (parts.length === 0)
    return {
      level: 'well',
      sentence: `${isAll ? 'All ' : ''}${total} ${all.length === 1 ? 'takes' : 'take'} what ${all.length === 1 ? 'it is' : 'they are'} sent.`,
    };
  return {
    level: failing + dead > 0 ? 'act' : 'watch',
    sentence: `Of ${total}, ${new Intl.ListFormat('en', { type: 'conjunction' }).format(parts)}.`,
  };
}
