import { z } from 'zod';
import type { ErrorCode } from '../domain/errors.ts';

interface ErrorKind {
  readonly status: number;
  readonly title: string;
  /** What an error means, and what to do: the page that the problem's `type` names. */
  readonly meaning: string;
  readonly remedy: string;
}

/** Every code that a response can have. */
export const errorKinds: Readonly<Record<ErrorCode, ErrorKind>> = {
  bad_request: {
    status: 400,
    title: 'Bad request',
    meaning: 'The request is not valid HTTP, or ended before it was complete.',
    remedy: 'Send the whole request again with a standard HTTP client.',
  },
  bad_url: {
    status: 400,
    title: 'Bad URL',
    meaning: 'The path or query is not validly encoded.',
    remedy: 'Percent-encode every part of the path and query as UTF-8; NUL is not allowed.',
  },
  invalid_json: {
    status: 400,
    title: 'Invalid JSON',
    meaning: 'The body is not JSON.',
    remedy: 'Send one JSON value as the body; the detail names the position of the fault.',
  },
  invalid_utf8: {
    status: 400,
    title: 'Invalid UTF-8',
    meaning: 'The body is not UTF-8.',
    remedy: 'Encode the body as UTF-8.',
  },
  too_deep: {
    status: 400,
    title: 'Nested too deeply',
    meaning: 'The body is nested deeper than 64 levels.',
    remedy: 'Flatten the data, or carry the deep part as a string.',
  },
  unauthorized: {
    status: 401,
    title: 'Unauthorized',
    meaning: 'The request lacks a valid API key: it is missing, unknown, expired or revoked.',
    remedy: 'Send the header `Authorization: Bearer phk_…` with a key of this server.',
  },
  forbidden: {
    status: 403,
    title: 'Forbidden',
    meaning:
      'The key is valid but may not do this: it lacks the scope that the call needs, or it is bound to a tenant or to endpoints and the call is about everything.',
    remedy: 'Use a key with that scope, or ask the administrator of this server for one.',
  },
  cross_site: {
    status: 403,
    title: 'Cross-site request',
    meaning: 'A browser sent a changing request with a session cookie, but not from a page of this server.',
    remedy:
      'Send `Content-Type: application/json` from a page of this server; from elsewhere, send `Authorization` and no cookie.',
  },
  insecure_connection: {
    status: 403,
    title: 'Insecure connection',
    meaning: 'Browsers may sign in only over HTTPS: over plain HTTP the key can be read in transit.',
    remedy:
      "Start the server with `--public-url` set to the `https` URL of the proxy in front of it, or open the dashboard on the server's own machine. `--insecure-dashboard` allows plain HTTP.",
  },
  not_found: {
    status: 404,
    title: 'Not found',
    meaning: 'Nothing has that id or name, or no operation has that path.',
    remedy: 'Check the id, the tenant and the path; the lists show what exists.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists but does not allow this method.',
    remedy: 'Use a method from the header `Allow`.',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    meaning: 'The request took too long to arrive.',
    remedy: 'Send it again; check the connection if it happens often.',
  },
  endpoint_deleted: {
    status: 409,
    title: 'Endpoint deleted',
    meaning: 'The endpoint of the delivery was deleted, so the delivery cannot be made.',
    remedy: 'Replay the event to another endpoint.',
  },
  event_corrupt: {
    status: 409,
    title: 'Event corrupt',
    meaning: 'The stored event does not match its digest: it was changed in the database, and is never sent.',
    remedy: 'Restore the database from a backup, or publish the event again under a new id.',
  },
  event_data_deleted: {
    status: 409,
    title: 'Event data deleted',
    meaning: 'The data of the event were deleted, so it cannot be sent again.',
    remedy: 'Publish the event again under a new id if its receiver still has to get it.',
  },
  event_id_conflict: {
    status: 409,
    title: 'Event id conflict',
    meaning: 'The event id was already accepted with a different body.',
    remedy: 'Use a new id for a new event; send the same body to repeat a publish.',
  },
  event_unfinished: {
    status: 409,
    title: 'Event not finished',
    meaning: 'The event still has pending deliveries, or a dead letter of it blocks its ordering key.',
    remedy: 'Wait until its deliveries have ended, or cancel them; then delete its data.',
  },
  idempotency_conflict: {
    status: 409,
    title: 'Idempotency-Key reused',
    meaning: 'The Idempotency-Key was used for another method, path, query or body. Nothing was done.',
    remedy: 'Generate a new key for each operation, and repeat it only with the same request.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'Request in progress',
    meaning: 'The first request with this Idempotency-Key is still being processed.',
    remedy: 'Repeat the same request after `Retry-After`: it gets the answer of the first one.',
  },
  idempotency_answer_not_kept: {
    status: 409,
    title: 'Answer not stored',
    meaning:
      'The request with this Idempotency-Key was carried out, but its answer was too long to store (over 1 MiB).',
    remedy:
      'Do not send it under another key: read what it has created. Find the events of a batch by their ids.',
  },
  name_taken: {
    status: 409,
    title: 'Name taken',
    meaning: 'Another endpoint of the tenant has this name.',
    remedy: 'Choose another name, or change the endpoint that has it.',
  },
  in_use: {
    status: 409,
    title: 'In use',
    meaning: 'Something else refers to it.',
    remedy: 'Change what the detail names first, then delete again.',
  },
  resolved: {
    status: 409,
    title: 'Resolved',
    meaning: 'The alert is already resolved, so it cannot be acknowledged.',
    remedy: 'Nothing to do: the alert is over.',
  },
  tenant_limit: {
    status: 409,
    title: 'Tenant limit reached',
    meaning: 'The tenant has as many endpoints as its declaration allows.',
    remedy: 'Delete an endpoint of the tenant, or declare the tenant with a higher limit.',
  },
  too_many_keys: {
    status: 409,
    title: 'Too many keys',
    meaning: 'The limit of working keys is reached, in total or for the tenant.',
    remedy: 'Revoke unused keys: each shows when it was last used.',
  },
  too_many_redrives: {
    status: 409,
    title: 'Too many redrives',
    meaning: 'The limit of concurrent redrives is reached.',
    remedy: 'Wait until one is done, or stop one.',
  },
  too_many_secrets: {
    status: 409,
    title: 'Too many secrets',
    meaning: "The endpoint's limit of previous secrets that still sign is reached.",
    remedy: 'Wait until the first grace period ends, or rotate with `grace_s` 0.',
  },
  wrong_state: {
    status: 409,
    title: 'Wrong state',
    meaning: 'The call is not possible in the current state.',
    remedy: 'Read the resource again; the detail says what is possible.',
  },
  too_large: {
    status: 413,
    title: 'Too large',
    meaning: 'The body, or the data of an event, exceeds the limit.',
    remedy: 'Send less: at most 256 KiB of data per event and 8 MiB per batch.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'The type, charset or encoding of the body is not supported.',
    remedy: 'Send UTF-8 with `Content-Type: application/json` and without `Content-Encoding`.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    meaning: 'The header `Expect` asks for something other than `100-continue`.',
    remedy: 'Send the request without `Expect`, or with `Expect: 100-continue`.',
  },
  invalid_request: {
    status: 422,
    title: 'Invalid request',
    meaning: 'Fields are missing, unknown or invalid.',
    remedy: '`errors` names each field by its JSON Pointer: correct all of them.',
  },
  invalid_data: {
    status: 422,
    title: 'Invalid data',
    meaning: "The data does not match the event type's schema.",
    remedy: '`errors` names each fault by its JSON Pointer: correct the data, or the declared schema.',
  },
  schema_too_expensive: {
    status: 422,
    title: 'Schema too expensive',
    meaning: 'Validation against the schema takes too much time or memory.',
    remedy: 'Simplify the schema, or send smaller data.',
  },
  schema_unusable: {
    status: 422,
    title: 'Schema unusable',
    meaning: 'The declared schema cannot run.',
    remedy: 'Declare the event type again with a valid schema.',
  },
  too_many_failures: {
    status: 429,
    title: 'Too many failures',
    meaning: 'Too many requests without a valid key came from this address.',
    remedy: 'Wait for `Retry-After`, and send a valid key.',
  },
  too_many_events: {
    status: 429,
    title: 'Too many events',
    meaning: 'The tenant publishes more events per second than its declaration allows. Nothing was stored.',
    remedy: 'Publish again after `Retry-After`, or declare the tenant with a higher `events_per_s`.',
  },
  too_many_pending: {
    status: 429,
    title: 'Too many pending deliveries',
    meaning: 'The tenant has as many pending deliveries as its declaration allows. Nothing was stored.',
    remedy:
      'Publish again after `Retry-After`, when some are delivered; check which of its endpoints fail; or declare the tenant with a higher `pending_deliveries`.',
  },
  rate_limited: {
    status: 429,
    title: 'Rate limited',
    meaning: 'The key sends more requests per second than it may.',
    remedy: 'Wait for `Retry-After`; publish several events in one request.',
  },
  headers_too_large: {
    status: 431,
    title: 'Headers too large',
    meaning: 'The request line and headers are larger than 16 KiB.',
    remedy: 'Send fewer or shorter headers.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    meaning: 'An error in the server; it was logged with the request id.',
    remedy:
      'Report it with the request id. It is safe to repeat a read, and a write with an idempotency key.',
  },
  not_implemented: {
    status: 501,
    title: 'Not implemented',
    meaning:
      'The request uses a part of HTTP that the server does not support: CONNECT, or a transfer encoding.',
    remedy: 'Send the request directly, with `Content-Length` or `Transfer-Encoding: chunked`.',
  },
  busy: {
    status: 503,
    title: 'Busy',
    meaning: 'Too many requests of this kind are waiting. Nothing was stored.',
    remedy: 'Try again after `Retry-After`.',
  },
  schema_suspended: {
    status: 503,
    title: 'Schema suspended',
    meaning: 'The schema repeatedly exceeded its time or memory limit. Nothing was stored.',
    remedy: 'Simplify the schema; it runs again after `Retry-After`.',
  },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    meaning: 'The store cannot accept it now. Nothing was stored.',
    remedy: 'Try again after `Retry-After`; `/readyz` reports when the server is ready.',
  },
};

/** An RFC 9457 problem document. */
export const problemAnswer = z
  .strictObject({
    type: z.string().describe('A page of this server that explains the code.'),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stable; make decisions by it.'),
    detail: z.string().describe('Human-readable.'),
    request_id: z.string(),
    errors: z
      .array(z.strictObject({ path: z.string().describe('A JSON Pointer.'), message: z.string() }))
      .optional(),
  })
  .meta({ id: 'Problem' });
