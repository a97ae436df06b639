import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

/** Pages beside each other: links, so that each has its URL. */
export function Tabs({
  label,
  tabs,
}: {
  label: string;
  tabs: readonly {
    readonly to: string;
    readonly search?: Readonly<Record<string, string>>;
    readonly name: ReactNode;
    readonly isHere: boolean;
  }[];
}): ReactNode {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(({ to, search, name, isHere }) => (
        <Link
          key={`${to}${JSON.stringify(search ?? {})}`}
          to={to}
          search={search ?? {}}
          aria-current={isHere ? 'page' : undefined}
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}
