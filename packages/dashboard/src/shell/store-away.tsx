import { type ReactNode, useSyncExternalStore } from 'react';
import { Problem } from '../api.ts';
import { When } from '../parts/when.tsx';
import { queryClient } from '../query.ts';

/** When the oldest of what is shown was read, if the server refuses to read it again because its store is away; null: it does not. */
function awaySince(): number | null {
  const refused = queryClient
    .getQueryCache()
    .getAll()
    .filter((query) => {
      const { error } = query.state;
      return error instanceof Problem && error.status === 503 && query.getObserversCount() > 0;
    });
  if (refused.length === 0) return null;
  const read = refused.map(({ state }) => state.dataUpdatedAt).filter((at) => at > 0);
  return read.length === 0 ? 0 : Math.min(...read);
}

const subscribe = (changed: () => void): (() => void) => queryClient.getQueryCache().subscribe(changed);

/** A band while the server is there and its store is not: the last numbers stay, with their time. */
export function StoreAway(): ReactNode {
  const since = useSyncExternalStore(subscribe, awaySince);
  if (since === null) return null;
  return (
    <p className="band band-bad store-away" role="status">
      ✕ The server cannot read its database now. Nothing that it has accepted is lost.
      {since === 0 ? null : (
        <>
          {' '}
          What is shown is as of <When at={new Date(since).toISOString()} />.
        </>
      )}
    </p>
  );
}
