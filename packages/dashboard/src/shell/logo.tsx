import type { ReactNode } from 'react';

export function Logo(): ReactNode {
  return (
    <svg width="20" height="20" viewBox="0 0 24 24" aria-hidden="true" className="logo">
      <circle cx="8" cy="12" r="5" />
      <path d="M8 7h6l7-2.5v15L14 17H8M8 12h4" />
    </svg>
  );
}
