import Fastify, { type RouteOptions } from 'fastify';
import { expect, test } from 'vitest';
import { refuseOtherRoutes } from './operations.ts';

const handler = async (): Promise<object> => ({});

test.each<[string, RouteOptions]>([
  ['without an operation', { method: 'GET', url: '/healthz', handler }],
  ['at another path', { method: 'GET', url: '/health', config: { operation: 'service.health' }, handler }],
  [
    'by another method',
    { method: 'POST', url: '/healthz', config: { operation: 'service.health' }, handler },
  ],
])('a route %s cannot be registered', (_, route) => {
  const app = Fastify({ exposeHeadRoutes: false });
  refuseOtherRoutes(app);
  expect(() => app.route(route)).toThrow(/is not an operation of the contract/);
  app.get('/healthz', { config: { operation: 'service.health' } }, handler);
});
