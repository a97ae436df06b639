import { z } from 'zod';
import { alertStates } from '../domain/alert.ts';
import { deliveryState } from './delivery-filter.ts';
import { anyId, documentName, pageIn, pageSchema, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const state = z
  .enum(alertStates)
  .describe('`pending`: true, but not for long enough to notify. `resolved`: no longer true.');
const severity = z.enum(['page', 'ticket']);

const notified = z
  .strictObject({
    team: z
      .string()
      .nullable()
      .describe(
        'The team; null if the alert lacks an owner, or its owner lacks a channel: then every channel was notified.',
      ),
    channel: z.string(),
    at: timestamp.describe('When the notification was accepted for delivery.'),
    says: z.enum(['firing', 'resolved']),
    delivery_id: z
      .string()
      .nullable()
      .describe('The delivery of the notification, in tenant `posthorn`; null if it has been deleted.'),
    state: deliveryState.nullable(),
    delivered_at: timestamp.nullable().describe('When the channel accepted it.'),
  })
  .meta({ id: 'AlertNotified' });

const alert = z
  .strictObject({
    id: z.string(),
    rule: z.string().describe('The rule, such as `dead_letters`.'),
    severity,
    state,
    group: z.string().describe('What the rule applies to, such as an endpoint and an error class.'),
    incident_id: z
      .string()
      .describe(
        'The id under which channels know it. Alerts of one rule, host and owner are notified as one incident, which has the id of its first alert.',
      ),
    since: timestamp.describe('When it became true.'),
    resolved_at: timestamp.nullable(),
    acknowledged_at: timestamp.nullable(),
    acknowledged_by: z.string().nullable().describe('Name of the key or of the person who acknowledged it.'),
    acknowledged_until: timestamp
      .nullable()
      .describe('When it is notified again; null if it stays silent until it is resolved.'),
    note: z.string().nullable().describe('The note given when it was acknowledged.'),
    summary: z.string(),
    evidence: z
      .record(z.string(), z.unknown())
      .describe('Counts, ids, the value at risk and the next step. The fields depend on the rule.'),
    owner: z.string().nullable().describe('The team that owns the affected resource; null if none is known.'),
    notified: z
      .array(notified)
      .describe('The last 20 notifications, oldest first. Empty for keys that are bound to a tenant.'),
  })
  .meta({ id: 'Alert' });

const example = {
  id: 'alr_01jd8z2m9k4x7v0q5t3n6w8y1a',
  rule: 'dead_letters',
  severity: 'page',
  state: 'firing',
  group: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g/timeout',
  incident_id: 'alr_01jd8z2m9k4x7v0q5t3n6w8y1a',
  since: '2026-11-20T08:15:00.000Z',
  resolved_at: null,
  acknowledged_at: null,
  acknowledged_by: null,
  acknowledged_until: null,
  note: null,
  summary: '12 dead letters at ep_01jd8z0c3r5s7u9w1y3a5c7e9g (timeout)',
  evidence: {
    count: 12,
    oldest_at: '2026-11-20T08:14:12.000Z',
    value_at_risk: [{ currency: 'EUR', amount_minor: 1_204_900, events: 12 }],
    sample_delivery_ids: ['dlv_01jd8z2m9k4x7v0q5t3n6w8y1a'],
    next_step: 'Fix the receiver, then run: posthorn redrive --endpoint-id ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
  },
  owner: 'platform',
  notified: [
    {
      team: 'platform',
      channel: 'ops',
      at: '2026-11-20T08:15:00.000Z',
      says: 'firing',
      delivery_id: 'dlv_01jd8z2m9k4x7v0q5t3n6w8y1a',
      state: 'delivered',
      delivered_at: '2026-11-20T08:15:00.300Z',
    },
  ],
} as const;

export const alertOperations = operations({
  'alerts.list': {
    method: 'GET',
    path: '/v1/alerts',
    tag: 'alerts',
    scope: 'read',
    summary: 'List alerts',
    description:
      'Returns pending alerts first, then firing alerts, then alerts resolved in the last 30 days; each group newest first. An alert about the store itself is listed even if the store cannot be read.',
    query: z.strictObject({
      state: severalInQuery(state).optional(),
      severity: severalInQuery(severity).optional(),
      tenant: severalInQuery(tenantName)
        .optional()
        .describe('Alerts about endpoints of these tenants; excludes alerts about the whole system.'),
      endpoint_id: severalInQuery(anyId).optional().describe('Alerts about these endpoints.'),
      slo: severalInQuery(anyId).optional().describe('Alerts about these objectives.'),
      owner: severalInQuery(documentName).optional().describe('Alerts about what these teams own.'),
      since: timestamp.optional().describe('Alerts that were open at or after this time.'),
      ...pageIn('desc'),
    }),
    status: 200,
    answer: pageSchema('AlertList', alert),
    errors: [],
    example: { query: { state: 'firing' }, answer: { items: [example], next_cursor: null } },
  },
  'alerts.acknowledge': {
    method: 'POST',
    path: '/v1/alerts/{id}/acknowledge',
    tag: 'alerts',
    scope: 'operate',
    summary: 'Acknowledge an alert',
    description:
      'Stops repeat notifications of the alert. Posthorn notifies again if the alert gets worse, if it fires again after it was resolved, and when `until` has passed. Acknowledging again replaces the note and the time; without either it changes nothing.',
    params: z.strictObject({ id: anyId }),
    body: z.strictObject({
      note: z.string().min(1).max(1000).optional().describe('A note for the next person who handles it.'),
      until: timestamp
        .optional()
        .describe('In the future, at most 30 days from now. Default: until it is resolved.'),
    }),
    status: 200,
    answer: alert,
    errors: ['not_found', 'resolved'],
    example: {
      params: { id: example.id },
      body: { note: 'The receiver deploys a fix at noon', until: '2026-11-20T14:00:00.000Z' },
      answer: {
        ...example,
        acknowledged_at: '2026-11-20T08:21:30.000Z',
        acknowledged_by: 'ines',
        acknowledged_until: '2026-11-20T14:00:00.000Z',
        note: 'The receiver deploys a fix at noon',
      },
    },
  },
  'alerts.unacknowledge': {
    method: 'POST',
    path: '/v1/alerts/{id}/unacknowledge',
    tag: 'alerts',
    scope: 'operate',
    summary: 'Withdraw an acknowledgement',
    description:
      'Removes the acknowledgement with its note: Posthorn repeats the notifications of the alert as before. Changes nothing if the alert is not acknowledged.',
    params: z.strictObject({ id: anyId }),
    status: 200,
    answer: alert,
    errors: ['not_found', 'resolved'],
    example: { params: { id: example.id }, answer: example },
  },
});
