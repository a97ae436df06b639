import { applicationRoutes } from './applications.ts';
import { attemptRoutes } from './attempts.ts';
import { endpointRoutes } from './endpoints.ts';
import { eventTypeRoutes } from './event-types.ts';
import { exampleRoutes } from './example.ts';
import { messageRoutes } from './messages.ts';
import { portalRoutes } from './portal.ts';
import type { Parameters, Route } from './request.ts';
import { statisticsRoutes } from './statistics.ts';
import { taskRoutes } from './tasks.ts';

export const routes: readonly Route[] = [
  ...applicationRoutes,
  ...endpointRoutes,
  ...exampleRoutes,
  ...messageRoutes,
  ...attemptRoutes,
  ...taskRoutes,
  ...statisticsRoutes,
  ...eventTypeRoutes,
  ...portalRoutes,
];

interface Pattern {
  readonly route: Route;
  readonly parts: readonly string[];
}

/** By method and number of parts. */
const patterns: ReadonlyMap<string, readonly Pattern[]> = Map.groupBy(
  routes.map((route) => ({ route, parts: route.path.split('/') })),
  ({ route, parts }) => `${route.method} ${parts.length}`,
);

const parameterIn = (part: string): string | null => /^\{(\w+)\}$/.exec(part)?.[1] ?? null;

/** The parts of a path below `/api/v1/`, decoded; slashes at its end and doubled ones at its beginning do not count. */
export function partsOf(url: string): readonly string[] {
  const path = url
    .split('?', 1)[0]!
    .replace(/^\/+api\/v1\/?/, '')
    .replace(/\/+$/, '');
  return path.split('/').map((part) => decodeURIComponent(part));
}

/** The route of a request, and the parameters in its path; a literal part goes before a parameter. */
export function routeOf(
  method: string,
  parts: readonly string[],
): { readonly route: Route; readonly params: Parameters } | null {
  const fitting = (patterns.get(`${method} ${parts.length}`) ?? []).filter((pattern) =>
    pattern.parts.every((part, at) => (parameterIn(part) === null ? part === parts[at] : parts[at] !== '')),
  );
  const literals = ({ parts: own }: Pattern): number =>
    own.filter((part) => parameterIn(part) === null).length;
  const [best] = fitting.toSorted((a, b) => literals(b) - literals(a));
  if (best === undefined) return null;
  const params = Object.fromEntries(
    best.parts.flatMap((part, at) => {
      const name = parameterIn(part);
      return name === null ? [] : [[name, parts[at]!]];
    }),
  );
  return { route: best.route, params };
}
