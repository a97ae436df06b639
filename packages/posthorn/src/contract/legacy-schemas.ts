import { z } from 'zod';
import {
  documentName,
  eventId,
  eventTypePattern,
  ownTenant,
  pageIn,
  pageQuery,
  tenantName,
} from './fields.ts';
import { deliverWithinS, retryPolicy as retry, timeoutMs } from './retry.ts';
import { severalInQuery } from './several.ts';

// The wire contract: these schemas validate, and the OpenAPI document is made from them.

export { eventId };

const forbiddenHeader =
  /^(host|content-length|content-type|transfer-encoding|connection|keep-alive|upgrade|expect|te|trailer|proxy-.*|webhook-.*|posthorn-.*|traceparent|tracestate|user-agent)$/i;
const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'a header name')
  .refine((name) => !forbiddenHeader.test(name), 'is set by Posthorn');
const headerValue = z
  .string()
  .max(1024)
  .regex(/^[\t\x20-\x7e]*$/, 'visible ASCII');
const fewHeaders = (all: object): boolean => Object.keys(all).length <= 20;
const headers = z.record(headerName, headerValue).refine(fewHeaders, 'at most 20 headers');
const changedHeaders = z
  .record(headerName, headerValue.nullable())
  .refine(fewHeaders, 'at most 20 headers')
  .describe('values are write-only: answers have null, and null keeps what is stored');

const endpointFields = {
  name: documentName.nullable().describe("the caller's own, unique in its tenant"),
  url: z.string().max(2048),
  event_types: z.array(eventTypePattern).min(1).max(100),
  description: z.string().max(1024).nullable(),
  owner: documentName.nullable().describe('the team that is notified of its dead letters'),
  template: documentName.nullable().describe('the policy that it follows'),
  secret: z.string().max(128),
  headers,
  timeout_ms: timeoutMs.nullable().describe('null: as the template says'),
  max_in_flight: z.int().min(1).max(1024),
  rate_limit_per_s: z.number().min(0.01).max(100_000).nullable(),
  ordering: z.enum(['none', 'key']),
  filter: z
    .record(
      z
        .string()
        .regex(/^(\/.*)?$/, 'a JSON Pointer')
        .max(256),
      z.union([z.string().max(256), z.number(), z.boolean(), z.null()]),
    )
    .refine((filter) => Object.keys(filter).length <= 50, 'at most 50 pointers')
    .nullable(),
  retry: retry.nullable().describe('null: as the template says'),
  deliver_within_s: deliverWithinS.nullable().describe('null: as the template says'),
  enabled: z.boolean(),
};
export const newEndpoint = z
  .strictObject({ tenant: ownTenant.default('default'), ...endpointFields })
  .partial()
  .required({ url: true });
/** By `PUT /v1/endpoints/{name}`: what it does not say has its default. */
export const endpointDocument = z
  .strictObject({ tenant: ownTenant, ...endpointFields, headers: changedHeaders })
  .partial()
  .required({ url: true });
export const ownScope = z.strictObject({ tenant: ownTenant.optional() });
/** Of a call whose path names an endpoint. */
export const endpointScope = z.strictObject({
  tenant: tenantName.optional().describe('of the endpoint, if it is named by its name; default: `default`'),
});
export const endpointChange = z
  .strictObject({ ...endpointFields, headers: changedHeaders })
  .omit({ secret: true })
  .partial();

export const rotate = z.strictObject({
  grace_s: z
    .int()
    .min(0)
    .max(7 * 86_400)
    .default(86_400),
});
export const pause = z.strictObject({ reason: z.string().max(256).optional() });

const tenants = severalInQuery(tenantName).optional();
export { pageQuery };
export const endpointQuery = z.strictObject({ tenant: tenants, ...pageIn('asc') });
