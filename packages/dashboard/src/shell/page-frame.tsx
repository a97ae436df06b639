import { Component, type ComponentType, type ReactNode, Suspense, useEffect } from 'react';
import { useLocation } from '@tanstack/react-router';
import type { Page } from '../pages.ts';
import { Button } from '../parts/button.tsx';
import { Loading } from '../parts/panel.tsx';
import { useQuerySearch } from '../url.ts';

const commonSearch = ['zone', 'wall'];

/** A page with its title, its faults kept to itself, and parameters that it does not know told. */
export function PageFrame({ page, content: Content }: { page: Page; content: ComponentType }): ReactNode {
  const { pathname } = useLocation();
  const unknown = Object.keys(useQuerySearch()).filter(
    (name) => ![...page.search, ...commonSearch].includes(name),
  );
  useEffect(() => {
    document.title = `${page.title} · Posthorn`;
  }, [page.title]);
  return (
    <Boundary key={pathname}>
      {unknown.length === 0 ? null : (
        <p className="band" role="status">
          This page does not know {unknown.join(', ')}: shown without {unknown.length === 1 ? 'it' : 'them'}.
        </p>
      )}
      <Suspense fallback={<Loading height={400} what="Loading the page…" />}>
        <Content />
      </Suspense>
    </Boundary>
  );
}

class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    // A new version of the server has other files.
    const isOutdated = /dynamically imported module|module script/i.test(error.message);
    return (
      <div className="refusal" role="alert">
        <p>{isOutdated ? 'The server has another version now.' : `This page failed: ${error.message}`}</p>
        <p>
          <Button onClick={() => location.reload()}>Load it again</Button>
        </p>
      </div>
    );
  }
}
