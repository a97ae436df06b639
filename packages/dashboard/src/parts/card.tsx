import { type ReactNode, useId } from 'react';

/** A region of a page with its heading. */
export function Card({
  title,
  children,
  actions,
  isFlush,
}: {
  title?: ReactNode;
  children: ReactNode;
  actions?: ReactNode;
  /** A table reaches the card's edges. */
  isFlush?: boolean;
}): ReactNode {
  const id = useId();
  return (
    <section
      className={isFlush === true ? 'card card-flush' : 'card'}
      {...(title === undefined ? {} : { 'aria-labelledby': id })}
    >
      {title === undefined ? null : (
        <div className="card-head spread">
          <h2 id={id}>{title}</h2>
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}
