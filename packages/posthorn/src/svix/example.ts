import { z } from 'zod';
import { endpointPlace } from './endpoints.ts';
import { parseBody, type Route } from './request.ts';

const exampleIn = z.object({ eventType: z.string().min(1).max(256), exampleIndex: z.int().nullish() });

/** Sends a test event to one endpoint, whatever type is asked for: Posthorn does not make up data of other types. */
export const exampleRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: 'app/{app}/endpoint/{endpoint}/send-example',
    scope: 'operate',
    handle: async (context) => {
      parseBody(exampleIn, context);
      const { params, tenant } = await endpointPlace(context);
      const {
        id,
        type,
        accepted_at: timestamp,
      } = await context.own('endpoints.test', {
        params,
        query: { tenant, wait_s: 0 },
      });
      return { status: 200, body: { id, eventType: type, timestamp, payload: {} } };
    },
  },
];
