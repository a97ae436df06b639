import { z } from 'zod';
import { errorClass } from './delivery-filter.ts';
import { documentName, fingerprint, named, pageSchema, pageQuery, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const url = z.string().max(2048);
const address = z.email().max(254);

/** A declared channel: in `posthorn.yaml` under `channels`, by its name, and by `PUT /v1/channels/{name}`. */
export const channelDocument = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('slack'), url: url.describe('An incoming webhook.') }),
    z.strictObject({
      kind: z.literal('pagerduty'),
      routing_key: z
        .string()
        .regex(/^[A-Za-z0-9]{16,64}$/, 'the integration key of an Events API v2 integration'),
      url: url.optional().describe('Default: https://events.pagerduty.com/v2/enqueue.'),
    }),
    z.strictObject({
      kind: z.literal('msteams'),
      url: url.describe(
        'Microsoft Teams: the URL of the workflow “Post to a channel when a webhook request is received”.',
      ),
    }),
    z.strictObject({
      kind: z.literal('opsgenie'),
      url: url.describe(
        'An incident webhook of Opsgenie, Jira Service Management or another service: receives `message`, `alias`, `status`, `priority`, `description` and `details`.',
      ),
    }),
    z.strictObject({
      kind: z.literal('alertmanager'),
      url: url.describe('The Alertmanager-compatible URL; receives webhooks of version 4.'),
    }),
    z.strictObject({
      kind: z.literal('webhook'),
      url: url.describe(
        'Receives `alert`, and `alerts` with all that the notification speaks of, as the API returns them.',
      ),
    }),
    z.strictObject({
      kind: z.literal('email'),
      server: url.describe(
        'smtps://user:password@host:465, or smtp:// with STARTTLS if the server offers it.',
      ),
      from: address,
      to: z.array(address).min(1).max(20),
    }),
  ])
  .meta({ id: 'ChannelDocument' });

const kinds = z.enum(channelDocument.options.map(({ shape }) => shape.kind.value));

const channel = z
  .strictObject({
    name: documentName,
    kind: kinds,
    endpoint_id: z
      .string()
      .describe('The endpoint, in tenant `posthorn`, that notifications are delivered to.'),
    fingerprint,
    host: z.string().optional().describe('Host of its URL or mail server, unless the kind implies it.'),
    from: z.string().optional(),
    to: z.array(z.string()).optional(),
  })
  .describe('URLs, routing keys and mail servers are write-only.')
  .meta({ id: 'Channel' });

const testResult = z
  .strictObject({
    channel: documentName,
    kind: kinds,
    delivery_id: z.string().describe('The delivery of the notification, in tenant `posthorn`.'),
    result: z
      .enum(['delivered', 'failed', 'no_answer'])
      .describe('`no_answer`: no attempt ended within the timeout, or the channel is paused.'),
    sent_at: timestamp,
    duration_ms: z.number().min(0).nullable(),
    status_code: z.int().nullable().describe("HTTP status of the channel's answer; null if there was none."),
    error_class: errorClass.nullable(),
    message: z.string().nullable(),
    response_excerpt: z
      .string()
      .nullable()
      .describe("Beginning of the channel's answer; null also if the key sees no payloads."),
  })
  .meta({ id: 'ChannelTest' });

const example = {
  name: 'ops',
  kind: 'slack',
  endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
  fingerprint: 'e05b7c92a14d38f6',
} as const;
const params = { name: example.name };

export const channelOperations = operations({
  'channels.list': {
    method: 'GET',
    path: '/v1/channels',
    tag: 'channels',
    scope: 'read',
    summary: 'List channels',
    description: 'Returns channels by name.',
    query: pageQuery,
    status: 200,
    answer: pageSchema('ChannelList', channel),
    errors: [],
    example: { answer: { items: [example], next_cursor: null } },
  },
  'channels.get': {
    method: 'GET',
    path: '/v1/channels/{name}',
    tag: 'channels',
    scope: 'read',
    summary: 'Get a channel',
    description: 'Returns the channel without its write-only fields.',
    params: named,
    status: 200,
    answer: channel,
    errors: ['not_found'],
    example: { params, answer: example },
  },
  'channels.put': {
    method: 'PUT',
    path: '/v1/channels/{name}',
    tag: 'channels',
    scope: 'operate',
    summary: 'Declare a channel',
    description:
      'Creates or replaces the channel, together with the endpoint that reaches it. Alerts go to the channels of the teams concerned; an alert without an owner goes to every channel.',
    params: named,
    body: channelDocument,
    status: 200,
    answer: channel,
    errors: ['busy'],
    example: {
      params,
      body: { kind: 'slack', url: 'https://hooks.slack.com/services/T00/B00/XXXX' },
      answer: example,
    },
  },
  'channels.test': {
    method: 'POST',
    path: '/v1/channels/{name}/test',
    tag: 'channels',
    scope: 'operate',
    summary: 'Test a channel',
    description:
      "Sends one notification the way alerts are sent, waits for the channel's answer and returns it. A failed test is not retried. PagerDuty and Alertmanager receive a second notification that resolves the first.",
    params: named,
    status: 200,
    answer: testResult,
    errors: ['not_found'],
    example: {
      params,
      answer: {
        channel: 'ops',
        kind: 'slack',
        delivery_id: 'dlv_00000gq7v2k',
        result: 'failed',
        sent_at: '2026-11-20T09:00:00.000Z',
        duration_ms: 184,
        status_code: 404,
        error_class: 'http_4xx',
        message: null,
        response_excerpt: 'no_service',
      },
    },
  },
  'channels.delete': {
    method: 'DELETE',
    path: '/v1/channels/{name}',
    tag: 'channels',
    scope: 'operate',
    summary: 'Delete a channel',
    description: 'Refused while a team uses the channel. Cancels its pending notifications.',
    params: named,
    status: 204,
    answer: null,
    errors: ['not_found', 'in_use', 'busy'],
    example: { params },
  },
});
