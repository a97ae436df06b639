import { type FieldSource, from, type SampleRecord } from '../spec.ts';

// Ids in access logs of outgoing proxies. Attempts can be joined only if the proxy logs an id of the webhook.

const idNames = [
  'webhook_id',
  'webhook-id',
  'http_webhook_id',
  'req_webhook_id',
  'svix_id',
  'http_svix_id',
  'event_id',
  'message_id',
  'http_x_event_id',
  'http_x_webhook_id',
  'http_idempotency_key',
  'x_event_id',
  'x-event-id',
  'x_webhook_id',
  'x-webhook-id',
  'idempotency_key',
  'idempotency-key',
  // Traefik and Caddy write headers as they came.
  ...['Webhook-Id', 'Svix-Id', 'X-Webhook-Id', 'X-Event-Id', 'Idempotency-Key'].flatMap((header) => [
    `request_${header}`,
    `request.headers.${header}`,
  ]),
];
const requestIds = [
  'request_id',
  'x_request_id',
  'x-request-id',
  'http_x_request_id',
  'request_X-Request-Id',
  'request.headers.X-Request-Id',
];

/** Returns the id that joins attempts, and a note if it is only the request's own. */
export function detectId(
  sample: readonly SampleRecord[],
  more: readonly string[] = [],
): { source: FieldSource; note: string | null } {
  const has = (name: string): boolean =>
    sample.filter(({ values }) => values.has(name)).length >= Math.max(1, sample.length / 10);
  const named = [...idNames, ...more].filter(has);
  if (named.length > 0) return { source: from(...named), note: null };
  return {
    source: from(...requestIds),
    note: 'the log has only ids of requests, not of webhooks: attempts of one event are joined only if the sender repeats the id. Log the webhook-id header',
  };
}
