import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import type { Problem } from '../api.ts';
import { Button } from './button.tsx';
import { Copy } from './copy.tsx';

const silentMs = 150;
const longMs = 2000;

/** What is shown until the first answer: nothing at first, then the shape of what comes, then what is being done. */
export function Loading({ height, what }: { height: number; what: string }): ReactNode {
  const [shown, setShown] = useState<'nothing' | 'shape' | 'words'>('nothing');
  useEffect(() => {
    const shape = setTimeout(() => setShown('shape'), silentMs);
    const words = setTimeout(() => setShown('words'), longMs);
    return () => {
      clearTimeout(shape);
      clearTimeout(words);
    };
  }, []);
  return (
    <div
      className={shown === 'nothing' ? 'loading' : 'loading loading-shape'}
      style={{ minHeight: height }}
      aria-busy="true"
    >
      {shown === 'words' ? <p className="soft">{what}</p> : <span className="sr">{what}</span>}
    </div>
  );
}

/** Why something is not shown, and what to do about it. */
export function Refusal({
  problem,
  onRetry,
}: {
  problem: Problem;
  onRetry?: (() => void) | undefined;
}): ReactNode {
  const isForbidden = problem.status === 403;
  return (
    <div className="refusal" role={isForbidden ? undefined : 'alert'}>
      <p>
        <span aria-hidden="true">{isForbidden ? '⊘' : '✕'}</span>{' '}
        {isForbidden ? `Your key does not show this: ${problem.message}` : problem.message}
      </p>
      {problem.errors.length === 0 ? null : (
        <ul>
          {problem.errors.map(({ path, message }) => (
            <li key={path}>
              <code>{path}</code> {message}
            </li>
          ))}
        </ul>
      )}
      <p className="row soft">
        <code>{problem.code}</code>
        {problem.requestId === null ? null : (
          <>
            <span>
              request <code>{problem.requestId}</code>
            </span>
            <Copy text={problem.requestId} label="Copy request id" />
          </>
        )}
        {onRetry === undefined || isForbidden ? null : <Button onClick={onRetry}>Try again</Button>}
      </p>
    </div>
  );
}

/** The first refused reading of those that a form offers choices from; asks again for all that were refused. */
export function Refused({ of }: { of: readonly UseQueryResult<unknown, Problem>[] }): ReactNode {
  const failed = of.filter(({ data, error }) => data === undefined && error !== null);
  const problem = failed[0]?.error;
  if (problem === undefined || problem === null) return null;
  return <Refusal problem={problem} onRetry={() => failed.forEach(({ refetch }) => void refetch())} />;
}

/** Says why there is nothing, and what next. `height`: of what was there while it loaded, so that what is below stays in its place. */
export function Empty({ children, height }: { children: ReactNode; height?: number }): ReactNode {
  return (
    <p className="empty soft" style={height === undefined ? undefined : { minHeight: height }}>
      {children}
    </p>
  );
}

/**
 * A reading in each of its states: loading at its final height, refused, shown, and shown dimmed while another is asked for. One
 * panel that fails leaves its page alone. The last answer stays when the server goes away.
 */
export function Reading<T>({
  of,
  what,
  height = 120,
  children,
}: {
  of: UseQueryResult<T, Problem>;
  /** What is being done, after two seconds: `Counting the deliveries of 7 days…` */
  what: string;
  height?: number;
  children: (answer: T) => ReactNode;
}): ReactNode {
  const { data, error, isPlaceholderData, refetch } = of;
  if (data === undefined)
    return error === null ? (
      <Loading height={height} what={what} />
    ) : (
      <Refusal problem={error} onRetry={() => void refetch()} />
    );
  return <div className={isPlaceholderData ? 'fades dimmed' : 'fades'}>{children(data)}</div>;
}
