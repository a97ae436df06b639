import { type ReactNode, useSyncExternalStore } from 'react';
import { plural } from '../parts/number.ts';
import { When } from '../parts/when.tsx';
import { askedAgainS, queryClient } from '../query.ts';

interface Away {
  /** When the oldest of what is shown was read; 0: nothing was. */
  readonly since: number;
  readonly againS: number;
}

/** What the server refuses to read because its store is away, as text, so that equal states are one state; null: nothing. */
function awayNow(): string | null {
  const refused = queryClient
    .getQueryCache()
    .getAll()
    .filter((query) => query.getObserversCount() > 0)
    .flatMap(({ state: { error, dataUpdatedAt } }) => {
      const againS = askedAgainS(error);
      return againS === null ? [] : [{ since: dataUpdatedAt, againS }];
    });
  if (refused.length === 0) return null;
  const read = refused.map(({ since }) => since).filter((at) => at > 0);
  const away: Away = {
    since: read.length === 0 ? 0 : Math.min(...read),
    againS: Math.min(...refused.map(({ againS }) => againS)),
  };
  return JSON.stringify(away);
}

const subscribe = (changed: () => void): (() => void) => queryClient.getQueryCache().subscribe(changed);

/** A band while the server is there and its store is not: the last numbers stay, with their time. */
export function StoreAway(): ReactNode {
  const text = useSyncExternalStore(subscribe, awayNow);
  if (text === null) return null;
  const { since, againS } = JSON.parse(text) as Away;
  return (
    <p className="band band-bad store-away" role="status">
      ✕ The server cannot read its database now. Nothing that it has accepted is lost. It is asked again every{' '}
      {againS === 1 ? 'second' : plural(againS, 'second')}.
      {since === 0 ? null : (
        <>
          {' '}
          What is shown is as of <When at={new Date(since).toISOString()} />.
        </>
      )}
    </p>
  );
}
