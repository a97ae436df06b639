import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useWidth } from '../../parts/chart/size.ts';
import { countText, percent, shortCount } from '../../parts/number.ts';
import { states } from '../../parts/state.tsx';
import { parseSearch } from '../../url.ts';
import {
  deliveriesPath,
  isLost,
  type LensPart,
  lensParts,
  type Now,
  type Term,
  terms,
  termTones,
} from './words.ts';

/** A link to a path with its query. */
export function PathLink({
  path,
  className,
  children,
  title,
}: {
  path: string;
  className?: string;
  title?: string;
  children: ReactNode;
}): ReactNode {
  const [to = '/', query = ''] = path.split('?');
  return (
    <Link to={to} search={parseSearch(query) as never} className={className} title={title}>
      {children}
    </Link>
  );
}

function Number({ count, path, label }: { count: number; path: string | null; label: string }): ReactNode {
  const shown = shortCount(count);
  if (path === null) return <span title={countText(count)}>{shown}</span>;
  return (
    <PathLink path={path} title={`${countText(count)} ${label}: show them`}>
      {shown}
    </PathLink>
  );
}

/** Accepted is the sum of its states, and what is in none of them stands at the end. */
export function Equation({ now, isPlain = false }: { now: Now; isPlain?: boolean }): ReactNode {
  const { ledger } = now;
  const path = (state?: string): string | null => (isPlain ? null : deliveriesPath(now, state));
  const termNames: Readonly<Record<Term, string>> = {
    delivered: 'delivered',
    pending: 'pending',
    dead: 'dead',
    cancelled: 'cancelled',
    suppressed: 'suppressed',
  };
  return (
    <dl className="equation">
      <div>
        <dt>accepted</dt>
        <dd>
          <Number count={ledger.accepted} path={path()} label="accepted" />
        </dd>
      </div>
      {terms.map((term, index) => (
        <div key={term} className={ledger[term] === 0 ? 'is-zero' : termTones[term]}>
          <span className="operator" aria-hidden="true">
            {index === 0 ? '=' : '+'}
          </span>
          <dt>
            <span className={termTones[term]} aria-hidden="true">
              {states[term].glyph}
            </span>{' '}
            {termNames[term]}
          </dt>
          <dd>
            <Number count={ledger[term]} path={path(term)} label={termNames[term]} />
          </dd>
        </div>
      ))}
      <div className={isLost(now) ? 'is-lost' : now.reconciled === null ? 'is-zero' : 'is-zero is-checked'}>
        <dt>unaccounted</dt>
        <dd>
          <Number
            count={ledger.unaccounted === 0 ? (now.reconciled?.unaccounted ?? 0) : ledger.unaccounted}
            path={null}
            label="unaccounted"
          />
        </dd>
      </div>
    </dl>
  );
}

const barPx = 8;
const beamPx = 18;
const enlargedPx = 14;

function Bar({ parts, y, height }: { parts: readonly LensPart[]; y: number; height: number }): ReactNode {
  let x = 0;
  return parts.map(({ term, width }) => {
    const at = x;
    x += width;
    return (
      <rect
        key={term}
        className={`lens-${term}`}
        x={at}
        y={y}
        width={Math.max(1, width - 1)}
        height={height}
      />
    );
  });
}

/** All of it as a bar, and beneath what is not delivered, enlarged. Not there if everything is delivered. */
export function Lens({ now }: { now: Now }): ReactNode {
  const [ref, width] = useWidth(1100);
  const { ledger } = now;
  const counts = [
    ...terms.map((term) => ({ term, count: ledger[term] })),
    { term: 'unaccounted' as const, count: Math.max(0, ledger.unaccounted) },
  ];
  const others = counts.filter(({ term, count }) => term !== 'delivered' && count > 0);
  const rest = others.reduce((sum, { count }) => sum + count, 0);
  if (rest === 0 || ledger.accepted === 0) return null;
  const whole = lensParts(counts, width);
  const enlarged = lensParts(others, width);
  const from = whole.find(({ term }) => term === 'delivered')?.width ?? 0;
  const height = barPx + beamPx + enlargedPx;
  const named = others.map(({ term, count }) =>
    term === 'pending'
      ? `${countText(count)} pending, all with a time at which they come due by themselves`
      : `${countText(count)} ${term === 'dead' ? 'dead' : term}`,
  );
  return (
    <div className="lens" ref={ref}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={`Of the ${percent(rest / ledger.accepted)} that is not delivered: ${named.join('; ')}`}
      >
        <Bar parts={whole} y={0} height={barPx} />
        {from === 0 ? null : (
          <polygon
            className="lens-beam"
            points={`${from},${barPx} ${width},${barPx} ${width},${barPx + beamPx} 0,${barPx + beamPx}`}
          />
        )}
        <Bar parts={enlarged} y={barPx + beamPx} height={enlargedPx} />
      </svg>
      <p className="label lens-termNames">
        {from === 0 ? '' : `the other ${percent(rest / ledger.accepted)}, enlarged: `}
        {named.join('; ')}
      </p>
    </div>
  );
}
