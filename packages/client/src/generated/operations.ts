// Generated from the operations table by `npm run generate`: do not edit.

import type { Operation } from '../operation.ts';
import {
  amount,
  anything,
  either,
  flag,
  list,
  nothing,
  nullable,
  number,
  object,
  optional,
  record,
  text,
} from '../shape.ts';
import type { OperationId } from './api.ts';

const intervalShape = list(number);
const accountingGroupShape = object({
  endpoint: optional(text),
  event_type: optional(text),
  owner: optional(nullable(text)),
  tenant: optional(text),
  hour: optional(text),
  day: optional(text),
  accepted: number,
  delivered: number,
  dead: number,
  cancelled: number,
  suppressed: number,
  late: number,
  superseded_attempts: number,
  drop_rate: number,
  drop_rate_interval: intervalShape,
  first_attempt_success_rate: nullable(number),
});
const moneyShape = object({ currency: text, amount_minor: amount, events: number });
const accountingShape = object({
  window: object({ since: nullable(text), until: nullable(text), resolution: text }),
  events: number,
  unmatched: number,
  accepted: number,
  delivered: number,
  dead: number,
  cancelled: number,
  suppressed: number,
  late: number,
  superseded_attempts: number,
  drop_rate: number,
  drop_rate_interval: intervalShape,
  first_attempt_success_rate: nullable(number),
  pending: number,
  unaccounted: number,
  overdue: number,
  failures: object({ by_class: record(number), by_fault_domain: object({ ours: number, receiver: number }) }),
  latency_ms: object({ p50: nullable(number), p95: nullable(number), p99: nullable(number) }),
  value_at_risk: list(moneyShape),
  groups: optional(list(accountingGroupShape)),
  next_cursor: optional(nullable(text)),
});
const alertShape = object({
  id: text,
  rule: text,
  severity: text,
  state: text,
  group: text,
  since: text,
  resolved_at: nullable(text),
  acknowledged_at: nullable(text),
  summary: text,
  evidence: record(anything),
  owner: nullable(text),
});
const alertListShape = object({ items: list(alertShape), next_cursor: nullable(text) });
const attemptShape = object({
  n: number,
  started_at: text,
  duration_ms: number,
  status_code: nullable(number),
  outcome: text,
  error_class: nullable(text),
  message: nullable(text),
  response_excerpt: nullable(text),
  trigger: text,
  node: text,
});
const receiptShape = object({
  id: text,
  tenant: text,
  type: text,
  accepted_at: text,
  deliveries: number,
  suppressed: number,
  duplicate: flag,
});
const batchReceiptShape = object({ accepted: list(receiptShape) });
const burnRateShape = object({
  rule: text,
  severity: text,
  long: text,
  short: text,
  factor: number,
  rate_long: number,
  rate_short: number,
  firing: flag,
});
const cancelRequestShape = object({ reason: text });
const channelShape = object({
  name: text,
  kind: text,
  endpoint_id: text,
  fingerprint: text,
  host: optional(text),
  from: optional(text),
  to: optional(list(text)),
});
const channelDocumentShape = either(
  object({ kind: text, url: text }),
  object({ kind: text, routing_key: text, url: text }),
  object({ kind: text, server: text, from: text, to: list(text) }),
);
const channelListShape = object({ items: list(channelShape), next_cursor: nullable(text) });
const clockShape = object({
  state: text,
  jumped_at: optional(text),
  jumped_by_s: optional(number),
  ahead_of_lived_time_s: optional(number),
  believed_in_s: optional(number),
});
const nonConformingShape = object({
  kind: text,
  id: text,
  tenant: nullable(text),
  owner: nullable(text),
  missing: list(text),
});
const conformanceShape = object({
  total: number,
  conforming: number,
  items: list(nonConformingShape),
  next_cursor: nullable(text),
});
const deadLetterGroupShape = object({
  endpoint_id: text,
  owner: nullable(text),
  error_class: nullable(text),
  count: number,
  oldest_at: text,
  value_at_risk: list(moneyShape),
});
const deadLetterListShape = object({ items: list(deadLetterGroupShape), next_cursor: nullable(text) });
const deliveryShape = object({
  id: text,
  event_id: text,
  event_type: text,
  tenant: text,
  endpoint_id: text,
  state: text,
  attempt_count: number,
  due_at: nullable(text),
  created_at: text,
  settled_at: nullable(text),
  reason: nullable(text),
  last_error: nullable(object({ class: text, status_code: nullable(number), message: nullable(text) })),
});
const deliveryDetailsShape = object({
  id: text,
  event_id: text,
  event_type: text,
  tenant: text,
  endpoint_id: text,
  state: text,
  attempt_count: number,
  due_at: nullable(text),
  created_at: text,
  settled_at: nullable(text),
  reason: nullable(text),
  last_error: nullable(object({ class: text, status_code: nullable(number), message: nullable(text) })),
  attempts: list(attemptShape),
});
const deliveryListShape = object({ items: list(deliveryShape), next_cursor: nullable(text) });
const valueShape = object({ amount_minor: amount, currency: text });
const eventShape = object({
  id: text,
  tenant: text,
  type: text,
  accepted_at: text,
  occurred_at: nullable(text),
  ordering_key: nullable(text),
  value: nullable(valueShape),
  integrity: text,
  deliveries: list(deliveryShape),
  deliveries_next_cursor: nullable(text),
  data: anything,
});
const eventTypeShape = object({
  name: text,
  fingerprint: text,
  description: text,
  owner: nullable(text),
  template: nullable(text),
  schema: optional(record(anything)),
  value: optional(object({ amount: text, currency: text })),
});
const eventTypeDocumentShape = object({
  description: text,
  owner: nullable(text),
  template: nullable(text),
  schema: record(anything),
  value: object({ amount: text, currency: text }),
});
const eventTypeListShape = object({ items: list(eventTypeShape), next_cursor: nullable(text) });
const healthShape = object({ status: text, version: text });
const sloShape = object({
  name: text,
  built_in: flag,
  fingerprint: text,
  description: text,
  objective: text,
  target: number,
  window_days: number,
  event_types: list(text),
  tenant: optional(text),
  endpoint_ids: list(text),
  producer: text,
  consumer: text,
});
const templateSloShape = object({
  name: text,
  built_in: flag,
  template: text,
  objective: text,
  target: number,
  window_days: number,
  event_types: list(text),
  endpoint_ids: list(text),
  producer: nothing,
  consumer: nullable(text),
});
const listedSloShape = either(sloShape, templateSloShape);
const newValueShape = object({ amount_minor: number, currency: text });
const newEventShape = object({
  type: text,
  data: anything,
  tenant: text,
  id: text,
  ordering_key: text,
  occurred_at: text,
  value: newValueShape,
});
const newEventBatchShape = object({ events: list(newEventShape) });
const nodeShape = object({ node: text, started_at: text, last_heartbeat_at: text, shards: list(number) });
const nodeListShape = object({ items: list(nodeShape), next_cursor: nullable(text) });
const openApiDocumentShape = object({ openapi: text });
const readinessShape = object({
  status: text,
  in_flight: number,
  buffered: number,
  store_fault: optional(text),
  clock: clockShape,
});
const redriveShape = object({
  id: text,
  name: nullable(text),
  state: text,
  matched: number,
  redriven: number,
  skipped: number,
  value: list(moneyShape),
  oldest_at: nullable(text),
  newest_at: nullable(text),
  filter: object({
    tenant: optional(list(text)),
    endpoint_id: optional(list(text)),
    event_id: optional(list(text)),
    event_type: optional(list(text)),
    state: optional(list(text)),
    error_class: optional(list(text)),
    since: optional(text),
    until: optional(text),
  }),
  dry_run: flag,
  rate_per_s: nullable(number),
  created_at: text,
  finished_at: nullable(text),
});
const redriveChangeShape = object({ rate_per_s: nullable(number), name: nullable(text) });
const redriveListShape = object({ items: list(redriveShape), next_cursor: nullable(text) });
const redriveRequestShape = object({
  filter: object({
    tenant: either(text, list(text)),
    endpoint_id: either(text, list(text)),
    event_id: either(text, list(text)),
    event_type: either(text, list(text)),
    state: either(text, list(text)),
    error_class: either(text, list(text)),
    since: text,
    until: text,
  }),
  rate_per_s: nullable(number),
  name: text,
  dry_run: flag,
});
const replayShape = object({
  id: text,
  tenant: text,
  type: text,
  accepted_at: text,
  deliveries: number,
  suppressed: number,
  duplicate: flag,
  delivery_ids: list(text),
  filtered: number,
  overridden: list(text),
});
const replayRequestShape = object({ endpoint_id: text });
const retryPolicyShape = object({
  schedule_s: optional(list(number)),
  exponential: optional(object({ base_s: number, factor: number, max_s: number, attempts: number })),
  jitter: number,
  give_up_after_s: number,
});
const retryPolicyInputShape = object({
  schedule_s: list(number),
  exponential: object({ base_s: number, factor: number, max_s: number, attempts: number }),
  jitter: number,
  give_up_after_s: number,
});
const sloDocumentShape = object({
  description: text,
  objective: text,
  target: number,
  window_days: number,
  event_types: list(text),
  tenant: text,
  endpoint_ids: list(text),
  producer: text,
  consumer: text,
});
const sloListShape = object({ items: list(listedSloShape), next_cursor: nullable(text) });
const sloSideShape = object({
  team: nullable(text),
  bad: number,
  sli: nullable(number),
  budget_remaining: nullable(number),
  burn: list(burnRateShape),
  slow_leak: flag,
  endpoints: list(object({ endpoint_id: text, bad: number, total: number })),
});
const sloStatusShape = object({
  name: text,
  objective: text,
  target: number,
  window_days: number,
  template: nullable(text),
  endpoints: number,
  kept: flag,
  sli: nullable(number),
  sli_interval: intervalShape,
  good: number,
  total: number,
  sides: object({ sender: sloSideShape, receiver: sloSideShape }),
});
const teamShape = object({ name: text, fingerprint: text, description: text, channels: list(text) });
const teamDocumentShape = object({ description: text, channels: list(text) });
const teamListShape = object({ items: list(teamShape), next_cursor: nullable(text) });
const templateShape = object({
  name: text,
  version: number,
  built_in: flag,
  fingerprint: text,
  description: text,
  timeout_ms: number,
  deliver_within_s: number,
  retry: optional(retryPolicyShape),
  dead_letter_alert: object({ severity: text }),
  slo: nullable(object({ target: number, window_days: number })),
});
const templateDocumentShape = object({
  description: text,
  timeout_ms: number,
  deliver_within_s: number,
  retry: retryPolicyInputShape,
  dead_letter_alert: object({ severity: text }),
  slo: nullable(object({ target: number, window_days: number })),
});
const templateListShape = object({ items: list(templateShape), next_cursor: nullable(text) });
export const operations: Readonly<Record<OperationId, Operation>> = {
  'events.publish': { method: 'POST', path: '/v1/events', body: newEventShape, answer: receiptShape },
  'events.publishBatch': {
    method: 'POST',
    path: '/v1/events/batch',
    body: newEventBatchShape,
    answer: batchReceiptShape,
  },
  'events.get': {
    method: 'GET',
    path: '/v1/events/{id}',
    query: object({ tenant: text }),
    answer: eventShape,
  },
  'events.replay': {
    method: 'POST',
    path: '/v1/events/{id}/replay',
    query: object({ tenant: text }),
    body: replayRequestShape,
    answer: replayShape,
  },
  'deliveries.list': {
    method: 'GET',
    path: '/v1/deliveries',
    query: object({
      tenant: either(text, list(text)),
      endpoint_id: either(text, list(text)),
      event_id: either(text, list(text)),
      event_type: either(text, list(text)),
      state: either(text, list(text)),
      error_class: either(text, list(text)),
      since: text,
      until: text,
      limit: number,
      cursor: text,
      order: text,
    }),
    answer: deliveryListShape,
    isList: true,
  },
  'deliveries.get': { method: 'GET', path: '/v1/deliveries/{id}', answer: deliveryDetailsShape },
  'deliveries.redrive': { method: 'POST', path: '/v1/deliveries/{id}/redrive', answer: deliveryShape },
  'deliveries.cancel': {
    method: 'POST',
    path: '/v1/deliveries/{id}/cancel',
    body: cancelRequestShape,
    answer: deliveryShape,
  },
  'deadLetters.list': {
    method: 'GET',
    path: '/v1/dead-letters',
    query: object({ tenant: either(text, list(text)), limit: number, cursor: text, order: text }),
    answer: deadLetterListShape,
    isList: true,
  },
  'redrives.create': {
    method: 'POST',
    path: '/v1/redrives',
    body: redriveRequestShape,
    answer: redriveShape,
  },
  'redrives.list': {
    method: 'GET',
    path: '/v1/redrives',
    query: object({ limit: number, cursor: text, order: text }),
    answer: redriveListShape,
    isList: true,
  },
  'redrives.get': { method: 'GET', path: '/v1/redrives/{id}', answer: redriveShape },
  'redrives.update': {
    method: 'PATCH',
    path: '/v1/redrives/{id}',
    body: redriveChangeShape,
    answer: redriveShape,
  },
  'redrives.stop': { method: 'POST', path: '/v1/redrives/{id}/stop', answer: redriveShape },
  'accounting.get': {
    method: 'GET',
    path: '/v1/accounting',
    query: object({
      tenant: either(text, list(text)),
      endpoint_id: either(text, list(text)),
      event_type: either(text, list(text)),
      owner: either(text, list(text)),
      since: text,
      until: text,
      by: text,
      limit: number,
      cursor: text,
    }),
    answer: accountingShape,
  },
  'slos.status': { method: 'GET', path: '/v1/slos/{name}/status', answer: sloStatusShape },
  'conformance.get': {
    method: 'GET',
    path: '/v1/conformance',
    query: object({ limit: number, cursor: text, order: text }),
    answer: conformanceShape,
    isList: true,
  },
  'nodes.list': {
    method: 'GET',
    path: '/v1/nodes',
    query: object({ limit: number, cursor: text, order: text }),
    answer: nodeListShape,
    isList: true,
  },
  'service.health': { method: 'GET', path: '/healthz', answer: healthShape },
  'service.ready': { method: 'GET', path: '/readyz', otherStatus: 503, answer: readinessShape },
  'service.metrics': { method: 'GET', path: '/metrics', answer: 'text' },
  'service.openapi': { method: 'GET', path: '/openapi.json', answer: openApiDocumentShape },
  'service.error': { method: 'GET', path: '/errors/{code}', answer: 'text' },
  'alerts.list': {
    method: 'GET',
    path: '/v1/alerts',
    query: object({
      state: either(text, list(text)),
      severity: either(text, list(text)),
      limit: number,
      cursor: text,
      order: text,
    }),
    answer: alertListShape,
    isList: true,
  },
  'alerts.acknowledge': { method: 'POST', path: '/v1/alerts/{id}/acknowledge', answer: alertShape },
  'channels.list': {
    method: 'GET',
    path: '/v1/channels',
    query: object({ limit: number, cursor: text, order: text }),
    answer: channelListShape,
    isList: true,
  },
  'channels.get': { method: 'GET', path: '/v1/channels/{name}', answer: channelShape },
  'channels.put': {
    method: 'PUT',
    path: '/v1/channels/{name}',
    body: channelDocumentShape,
    answer: channelShape,
  },
  'channels.delete': { method: 'DELETE', path: '/v1/channels/{name}' },
  'teams.list': {
    method: 'GET',
    path: '/v1/teams',
    query: object({ limit: number, cursor: text, order: text }),
    answer: teamListShape,
    isList: true,
  },
  'teams.get': { method: 'GET', path: '/v1/teams/{name}', answer: teamShape },
  'teams.put': { method: 'PUT', path: '/v1/teams/{name}', body: teamDocumentShape, answer: teamShape },
  'teams.delete': { method: 'DELETE', path: '/v1/teams/{name}' },
  'templates.list': {
    method: 'GET',
    path: '/v1/templates',
    query: object({ limit: number, cursor: text, order: text }),
    answer: templateListShape,
    isList: true,
  },
  'templates.get': { method: 'GET', path: '/v1/templates/{name}', answer: templateShape },
  'templates.put': {
    method: 'PUT',
    path: '/v1/templates/{name}',
    body: templateDocumentShape,
    answer: templateShape,
  },
  'templates.delete': { method: 'DELETE', path: '/v1/templates/{name}' },
  'eventTypes.list': {
    method: 'GET',
    path: '/v1/event-types',
    query: object({ limit: number, cursor: text, order: text }),
    answer: eventTypeListShape,
    isList: true,
  },
  'eventTypes.get': { method: 'GET', path: '/v1/event-types/{name}', answer: eventTypeShape },
  'eventTypes.put': {
    method: 'PUT',
    path: '/v1/event-types/{name}',
    body: eventTypeDocumentShape,
    answer: eventTypeShape,
  },
  'eventTypes.delete': { method: 'DELETE', path: '/v1/event-types/{name}' },
  'slos.list': {
    method: 'GET',
    path: '/v1/slos',
    query: object({ limit: number, cursor: text, order: text }),
    answer: sloListShape,
    isList: true,
  },
  'slos.get': { method: 'GET', path: '/v1/slos/{name}', answer: sloShape },
  'slos.put': { method: 'PUT', path: '/v1/slos/{name}', body: sloDocumentShape, answer: sloShape },
  'slos.delete': { method: 'DELETE', path: '/v1/slos/{name}' },
};
