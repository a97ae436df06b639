import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type AnyRoute,
} from '@tanstack/react-router';
import { PageFrame } from './shell/page-frame.tsx';
import { NotFound } from './shell/not-found.tsx';
import { Shell } from './shell/shell.tsx';
import { pages } from './pages.ts';
import { parseSearch, stringifySearch } from './url.ts';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const routes: readonly AnyRoute[] = pages.map((page) =>
  createRoute({
    getParentRoute: () => root,
    path: page.path,
    component: () => <PageFrame page={page} content={lazyRouteComponent(page.load)} />,
  }),
);

/** Every page with its URL. */
export const router = createRouter({
  routeTree: root.addChildren(routes as AnyRoute[]),
  parseSearch,
  stringifySearch,
  scrollRestoration: true,
  defaultPreload: 'intent',
});
