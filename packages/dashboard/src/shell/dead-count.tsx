import type { ReactNode } from 'react';
import { countText, shortCount } from '../parts/number.ts';
import { useRead } from '../query.ts';
import { useMe } from '../session.tsx';

/** How many dead letters there are, of whatever age: the overview says it, which the stream keeps. Nothing where there are none. */
export function DeadCount(): ReactNode {
  const { kind, scopes } = useMe();
  const isReader = kind === 'portal' || scopes.includes('read') || scopes.includes('admin');
  const { data } = useRead('now.get', { query: { last: '24h' } }, { enabled: isReader });
  const count = data === undefined ? 0 : data.ledger.dead + data.earlier.dead;
  if (count === 0) return null;
  return (
    <>
      <span className="bad" aria-hidden="true" title={countText(count)}>
        ·{shortCount(count)}
      </span>
      <span className="sr">, {countText(count)} of them</span>
    </>
  );
}
