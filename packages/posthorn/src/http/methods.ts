import type { FastifyInstance } from 'fastify';

/**
 * Notes every route that is added from now on; answers which methods a path takes, sorted, so that a wrong method can be
 * told from a wrong path.
 */
export function noteMethods(app: FastifyInstance): (path: string) => string[] {
  const routes: { readonly parts: readonly string[]; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ parts: url.split('/'), methods: [method].flat() });
  });
  return (path) => {
    const parts = path.split('/');
    const fitting = routes.filter((route) => fits(route.parts, parts));
    return [...new Set(fitting.flatMap(({ methods }) => methods))].toSorted();
  };
}

/** Part by part; `:id` takes any part that is not empty. */
function fits(pattern: readonly string[], parts: readonly string[]): boolean {
  return (
    pattern.length === parts.length &&
    pattern.every((part, at) => (part.startsWith(':') ? parts[at] !== '' : part === parts[at]))
  );
}
