import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { notFound, PosthornError } from '../domain/errors.ts';

/** Refuses requests without a route: 405 with `Allow` if the path has other methods, else 404. */
export function refuseUnknown(app: FastifyInstance): void {
  const methodsOf = noteMethods(app);
  const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<never> => {
    const { method } = request;
    const path = request.url.split('?')[0]!;
    const allowed = methodsOf(path);
    if (allowed.length === 0) throw notFound(`${method} ${path}`);
    const list = allowed.join(', ');
    void reply.header('allow', list);
    throw new PosthornError('method_not_allowed', `${method} is not allowed on ${path}. Allowed: ${list}.`);
  };
  // In a hook, because handlers come after the body was read.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) await refuse(request, reply);
  });
  app.setNotFoundHandler(refuse);
}

/** Records every route that is added from now on; returns which methods a path allows, sorted. */
function noteMethods(app: FastifyInstance): (path: string) => string[] {
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

/** Part by part; `:id` matches any part that is not empty. */
function fits(pattern: readonly string[], parts: readonly string[]): boolean {
  return (
    pattern.length === parts.length &&
    pattern.every((part, at) => (part.startsWith(':') ? parts[at] !== '' : part === parts[at]))
  );
}
