import {
  Component,
  type ComponentType,
  type ReactNode,
  Suspense,
  useCallback,
  useEffect,
  useState,
} from 'react';
import { useLocation } from '@tanstack/react-router';
import type { Page } from '../pages.ts';
import { Button } from '../parts/button.tsx';
import { HeadingContext } from '../parts/heading.ts';
import { Loading } from '../parts/panel.tsx';
import { useMe } from '../session.tsx';
import { useQuerySearch } from '../url.ts';
import { NotFound } from './not-found.tsx';

const commonSearch = ['zone', 'wall'];

/** A page with its title, its faults kept to itself, and parameters that it does not know told; one heading in every state. */
export function PageFrame({ page, content: Content }: { page: Page; content: ComponentType }): ReactNode {
  const { pathname } = useLocation();
  const unknown = Object.keys(useQuerySearch()).filter(
    (name) => ![...page.search, ...commonSearch].includes(name),
  );
  // Until the page can say its sentence, and where it cannot, the heading is its title (WCAG 1.3.1).
  const [headings, setHeadings] = useState(0);
  const announce = useCallback(() => {
    setHeadings((count) => count + 1);
    return () => setHeadings((count) => count - 1);
  }, []);
  const hasHeading = headings > 0;
  // What a receiver has nothing to do with is not there for it, rather than forbidden.
  const isThere = useMe().kind !== 'portal' || page.isForTeams !== true;
  useEffect(() => {
    document.title = isThere ? `${page.title} · Posthorn` : 'Posthorn';
  }, [page.title, isThere]);
  if (!isThere) return <NotFound />;
  return (
    <>
      {hasHeading ? null : <h1 className="sr">{page.title}</h1>}
      <Boundary key={pathname}>
        {unknown.length === 0 ? null : (
          <p className="band" role="status">
            This page does not know {unknown.join(', ')}: shown without {unknown.length === 1 ? 'it' : 'them'}
            .
          </p>
        )}
        <Suspense fallback={<Loading height={400} what="Loading the page…" />}>
          <HeadingContext value={announce}>
            <Content />
          </HeadingContext>
        </Suspense>
      </Boundary>
    </>
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
