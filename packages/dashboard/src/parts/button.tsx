import type { ButtonHTMLAttributes, ReactNode } from 'react';

interface Properties extends Omit<
  ButtonHTMLAttributes<HTMLButtonElement>,
  'disabled' | 'type' | 'className'
> {
  /** `go`: what the page is for; `danger`: cannot be undone; `plain`: without a border. */
  readonly kind?: 'usual' | 'go' | 'danger' | 'plain';
  /** Why it cannot be pressed: it stays in sight, and says so. */
  readonly forbidden?: string | null | undefined;
  readonly isSubmit?: boolean;
}

/** A button that stays visible where it cannot be pressed, and says why. */
export function Button({
  kind = 'usual',
  forbidden,
  isSubmit,
  onClick,
  children,
  ...rest
}: Properties): ReactNode {
  const isForbidden = forbidden !== undefined && forbidden !== null;
  return (
    <button
      {...rest}
      type={isSubmit === true ? 'submit' : 'button'}
      className={`button button-${kind}`}
      aria-disabled={isForbidden || undefined}
      title={isForbidden ? forbidden : rest.title}
      onClick={(event) => {
        if (isForbidden) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {children}
      {isForbidden ? <span className="sr"> ({forbidden})</span> : null}
    </button>
  );
}
