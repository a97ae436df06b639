import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Alert } from '../alert.ts';
import { type Channel, channelPayload, type ShownChannel } from '../channel.ts';
import { toNotices } from './notice.ts';

// What each service documents of the JSON that it takes, with its limits: it answers 400 to anything else, or cuts it off.

const text = (most: number) => z.string().min(1).max(most);
const url = (most: number) => z.url({ protocol: /^https?$/ }).max(most);

/** https://docs.slack.dev/reference/block-kit/blocks and …/block-elements/button-element */
const plain = (most: number) => z.strictObject({ type: z.literal('plain_text'), text: text(most) });
const markdown = (most: number) => z.strictObject({ type: z.literal('mrkdwn'), text: text(most) });
const slackShape = z.strictObject({
  text: text(40_000),
  blocks: z
    .array(
      z.union([
        z.strictObject({ type: z.literal('header'), text: plain(150) }),
        z.strictObject({ type: z.literal('section'), text: markdown(3000) }),
        z.strictObject({ type: z.literal('section'), fields: z.array(markdown(2000)).min(1).max(10) }),
        z.strictObject({
          type: z.literal('actions'),
          elements: z
            .array(
              z.strictObject({
                type: z.literal('button'),
                text: plain(75),
                url: url(3000),
                action_id: text(255),
              }),
            )
            .min(1)
            .max(25)
            .refine((all) => new Set(all.map(({ action_id: id }) => id)).size === all.length),
        }),
        z.strictObject({ type: z.literal('context'), elements: z.array(markdown(3000)).min(1).max(10) }),
      ]),
    )
    .min(1)
    .max(50),
});

/** https://developer.pagerduty.com/docs/send-alert-event; the routing key is put in when it is sent. */
const pagerDutyShape = z.strictObject({
  event_action: z.enum(['trigger', 'acknowledge', 'resolve']),
  dedup_key: text(255),
  client: z.string().optional(),
  client_url: url(2048).optional(),
  links: z.array(z.strictObject({ href: url(2048), text: z.string() })).optional(),
  payload: z.strictObject({
    summary: text(1024),
    source: text(255),
    severity: z.enum(['critical', 'error', 'warning', 'info']),
    timestamp: z.iso.datetime(),
    component: z.string(),
    class: z.string(),
    custom_details: z.record(z.string(), z.unknown()),
  }),
});

/** https://docs.opsgenie.com/docs/alert-api, and `status` for the services that take the same fields. */
const opsgenieShape = z.strictObject({
  message: text(130),
  alias: text(512),
  description: text(15_000),
  tags: z.array(text(50)).max(20),
  details: z
    .record(z.string(), z.string())
    .refine((details) => Object.entries(details).flat().join('').length <= 8000),
  entity: text(512),
  source: text(100),
  priority: z.enum(['P1', 'P2', 'P3', 'P4', 'P5']),
  status: z.enum(['firing', 'resolved']),
});

/** https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook, https://adaptivecards.io/schemas */
const teamsShape = z.strictObject({
  type: z.literal('message'),
  attachments: z
    .array(
      z.strictObject({
        contentType: z.literal('application/vnd.microsoft.card.adaptive'),
        contentUrl: z.null(),
        content: z.strictObject({
          $schema: z.literal('http://adaptivecards.io/schemas/adaptive-card.json'),
          type: z.literal('AdaptiveCard'),
          version: z.enum(['1.2', '1.3', '1.4', '1.5']),
          fallbackText: z.string(),
          body: z
            .array(
              z.union([
                z.strictObject({
                  type: z.literal('TextBlock'),
                  text: z.string().min(1),
                  wrap: z.boolean(),
                  size: z.enum(['Small', 'Default', 'Medium', 'Large', 'ExtraLarge']).optional(),
                  weight: z.enum(['Lighter', 'Default', 'Bolder']).optional(),
                  color: z
                    .enum(['Default', 'Dark', 'Light', 'Accent', 'Good', 'Warning', 'Attention'])
                    .optional(),
                  isSubtle: z.boolean().optional(),
                }),
                z.strictObject({
                  type: z.literal('FactSet'),
                  facts: z.array(z.strictObject({ title: z.string(), value: z.string() })),
                }),
              ]),
            )
            .min(1),
          actions: z
            .array(
              z.strictObject({ type: z.literal('Action.OpenUrl'), title: z.string().min(1), url: url(2048) }),
            )
            .max(6),
        }),
      }),
    )
    .length(1),
});

/** https://prometheus.io/docs/alerting/latest/configuration/#webhook_config */
const pairs = z.record(z.string().regex(/^[a-zA-Z_]\w*$/), z.string());
const alertmanagerShape = z.strictObject({
  version: z.literal('4'),
  groupKey: z.string().min(1),
  truncatedAlerts: z.int().min(0),
  status: z.enum(['resolved', 'firing']),
  receiver: z.string(),
  groupLabels: pairs,
  commonLabels: pairs,
  commonAnnotations: pairs,
  externalURL: z.string(),
  alerts: z
    .array(
      z.strictObject({
        status: z.enum(['resolved', 'firing']),
        labels: pairs.refine(({ alertname }) => alertname !== undefined),
        annotations: pairs,
        startsAt: z.iso.datetime(),
        endsAt: z.iso.datetime(),
        generatorURL: z.string(),
        fingerprint: z.string(),
      }),
    )
    .min(1),
});

const shapes: {
  readonly [Kind in Exclude<Channel['kind'], 'webhook' | 'email'>]: {
    readonly channel: ShownChannel<Kind>;
    readonly shape: z.ZodType;
    readonly maxBytes: number;
  };
} = {
  slack: { channel: { kind: 'slack' }, shape: slackShape, maxBytes: 100_000 },
  pagerduty: { channel: { kind: 'pagerduty' }, shape: pagerDutyShape, maxBytes: 512 * 1024 },
  msteams: { channel: { kind: 'msteams', host: 'x' }, shape: teamsShape, maxBytes: 28 * 1024 },
  opsgenie: { channel: { kind: 'opsgenie', host: 'x' }, shape: opsgenieShape, maxBytes: 256 * 1024 },
  alertmanager: {
    channel: { kind: 'alertmanager', host: 'x' },
    shape: alertmanagerShape,
    maxBytes: 1024 * 1024,
  },
};

const since = Date.UTC(2026, 10, 20);
const alertAt = (n: number, fields: Partial<Alert> = {}): Alert => ({
  id: `alr_${n}`,
  rule: 'dead_letters',
  group: `ep_${String(n).padStart(22, '0')}/http_5xx`,
  severity: 'page',
  state: 'firing',
  owner: 'payments',
  host: 'shop.example',
  incident: 'alr_0',
  summary: `${n + 1} dead letters at shop.example`,
  evidence: {
    count: n + 1,
    oldest_at: new Date(since).toISOString(),
    value_at_risk: [
      { currency: 'EUR', amount_minor: 1000, events: 1 },
      { currency: 'JPY', amount_minor: '9007199254740993', events: 2 },
    ],
    next_step: `Fix the receiver, then run: posthorn redrive --endpoint-id ep_${String(n).padStart(22, '0')}`,
  },
  since: since + n,
  firedAt: since + n,
  resolvedAt: null,
  acknowledgedAt: null,
  notifiedAt: since + n,
  notifiedSeverity: 'page',
  ...fields,
});

const bare = { evidence: {}, host: undefined, incident: undefined } as unknown as Partial<Alert>;
const hostile = '<!channel> & "\u202e\n'.repeat(2000);
const many = Array.from({ length: 40 }, (_, n) => alertAt(n));
const cases: readonly (readonly [string, readonly Alert[]])[] = [
  ['one alert', [alertAt(0)]],
  ['one that is over', [alertAt(0, { state: 'resolved', resolvedAt: since + 5000 })]],
  ['one without evidence, owner and host', [alertAt(0, { ...bare, owner: null, group: 'fan-outs' })]],
  ['long and hostile texts', [alertAt(0, { summary: hostile, group: hostile, evidence: { note: hostile } })]],
  ['forty endpoints of one host', many],
  [
    'forty that are over',
    many.map((alert) => ({ ...alert, state: 'resolved' as const, resolvedAt: since + 5000 })),
  ],
];

describe.each(Object.entries(shapes))('%s', (_, { channel, shape, maxBytes }) => {
  test.each(cases)('%s: what is posted has the documented shape and its limits', (__, alerts) => {
    for (const publicUrl of ['https://posthorn.example', null]) {
      const [notice, ...others] = toNotices(alerts, alerts);
      expect(others).toEqual([]);
      const sent = channelPayload(channel, notice!.alert, publicUrl, notice!.members);
      expect(shape.safeParse(sent).error?.issues ?? []).toEqual([]);
      expect(Buffer.byteLength(JSON.stringify(sent))).toBeLessThanOrEqual(maxBytes);
    }
  });
});

test('what is said of several endpoints of one host: how many, their worth together, and a command for all of them', () => {
  const [notice] = toNotices(many.slice(1, 3), many.slice(0, 3));
  expect(notice!.causes.map(({ id }) => id)).toEqual(['alr_1', 'alr_2']);
  expect(notice!.alert).toMatchObject({
    incident: 'alr_0',
    group: 'shop.example',
    since,
    summary: '6 dead letters at 3 endpoints at shop.example',
    evidence: {
      count: 6,
      endpoints: 3,
      value_at_risk: [
        { currency: 'EUR', amount_minor: 3000, events: 3 },
        { currency: 'JPY', amount_minor: '27021597764222979', events: 6 },
      ],
    },
  });
  const ids = [1, 2, 0].map((n) => `ep_${String(n).padStart(22, '0')}`).join(',');
  expect(notice!.alert.evidence['next_step']).toBe(
    `Fix the receiver, then run: posthorn redrive --endpoint-id ${ids}`,
  );
  // PagerDuty closes what it has opened, whichever of them is the last to end.
  const over = { ...many[2]!, state: 'resolved' as const, resolvedAt: since + 9 };
  const [end] = toNotices([over], [{ ...over, id: 'alr_9' }, many[0]!]);
  expect(channelPayload({ kind: 'pagerduty' }, end!.alert, null, end!.members)).toMatchObject({
    event_action: 'resolve',
    dedup_key: 'alr_0',
  });
  expect(end!.members.map(({ id }) => id)).toEqual(['alr_2', 'alr_9']);
});
