import { z } from 'zod';
import { operations } from './operation.ts';

export const endpointCheckOperations = operations({
  'endpoints.check': {
    method: 'POST',
    path: '/v1/endpoints/check',
    tag: 'endpoints',
    scope: 'operate',
    summary: 'Check the URL of an endpoint',
    description:
      'Returns whether an endpoint could be created with this URL, and creates nothing. The addresses of a host name are checked when Posthorn connects.',
    body: z.strictObject({ url: z.string().max(2048) }).meta({ id: 'EndpointCheck' }),
    status: 200,
    answer: z
      .strictObject({
        url: z.string().nullable().describe('The URL as it would be stored; null if it is refused.'),
        fault: z.string().nullable().describe('What is wrong with it; null if it is valid.'),
      })
      .meta({ id: 'EndpointCheckAnswer' }),
    errors: [],
    example: {
      body: { url: 'http://169.254.169.254/latest' },
      answer: { url: null, fault: 'must not lead to a link-local address (169.254.169.254)' },
    },
  },
});
