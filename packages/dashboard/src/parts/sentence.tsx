import type { ReactNode } from 'react';
import { useHeading } from './heading.ts';
import { type Level, levels } from './state.tsx';

/** The page's heading: one sentence that could be read out in a meeting, and what it is based on. */
export function Sentence({
  level,
  children,
  lead,
  actions,
}: {
  level?: Level;
  children: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
}): ReactNode {
  useHeading();
  const shown = level === undefined ? null : levels[level];
  return (
    <div className="sentence spread">
      <div className="sentence-text">
        <h1>
          {shown === null ? null : (
            <>
              <span className={shown.tone} aria-hidden="true">
                {shown.glyph}
              </span>
              <span className="sr">{shown.word}: </span>{' '}
            </>
          )}
          {children}
        </h1>
        {lead === undefined ? null : <p className="lead">{lead}</p>}
      </div>
      {actions === undefined ? null : <div className="row no-print">{actions}</div>}
    </div>
  );
}
