// Generated from the operations table by `npm run generate`: do not edit.

import type { Operation } from '../operation.ts';
import { amount, either, flag, list, nullable, number, object, optional, record, text } from '../shape.ts';
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
const clockShape = object({
  state: text,
  jumped_at: optional(text),
  jumped_by_s: optional(number),
  ahead_of_lived_time_s: optional(number),
  believed_in_s: optional(number),
});
const nonConformingShape = object({ kind: text, id: text, tenant: nullable(text), missing: list(text) });
const conformanceShape = object({
  total: number,
  conforming: number,
  items: list(nonConformingShape),
  next_cursor: nullable(text),
});
const healthShape = object({ status: text, version: text });
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
export const operations: Readonly<Record<OperationId, Operation>> = {
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
};
