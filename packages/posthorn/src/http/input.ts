import type { FastifyRequest } from 'fastify';

/** A body that may be left out; where there is one, it is what the schema says. */
export function optionalBody(request: FastifyRequest): unknown {
  return request.body === undefined ? {} : request.body;
}

export function params(request: FastifyRequest): Record<string, string> {
  return request.params as Record<string, string>;
}
