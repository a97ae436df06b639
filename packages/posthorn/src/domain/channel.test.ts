import { describe, expect, test } from 'vitest';
import { channelDocument } from '../contract/channels.ts';
import type { Alert } from './alert.ts';
import { type Channel, channelPayload, toReceiver, toShownChannel } from './channel.ts';
import { toNotification } from './notification/notification.ts';

const start = 1_767_225_600_000;
const publicUrl = 'https://posthorn.example';

/** What answers must not show. */
const secret = 'hushhushhushhush';
/** One channel of each kind. */
const channels: { readonly [Kind in Channel['kind']]: Channel<Kind> } = {
  slack: { kind: 'slack', url: `https://hooks.slack.test/services/${secret}` },
  pagerduty: { kind: 'pagerduty', routing_key: secret },
  msteams: { kind: 'msteams', url: `https://teams.test/workflows/${secret}` },
  opsgenie: { kind: 'opsgenie', url: `https://incidents.test/${secret}` },
  alertmanager: { kind: 'alertmanager', url: `https://alertmanager.test/${secret}` },
  webhook: { kind: 'webhook', url: `https://receiver.test/${secret}` },
  email: {
    kind: 'email',
    server: `smtps://ops:${secret}@mail.test:465`,
    from: 'posthorn@shop.test',
    to: ['ops@shop.test'],
  },
};

describe('what channels are sent', () => {
  const alert: Alert = {
    id: 'alr_1',
    rule: 'dead_letters',
    group: 'ep_01m8c2aq8h98edmhsyb2jb/timeout',
    severity: 'page',
    state: 'firing',
    owner: 'payments',
    summary: `5 dead letters at <ep_1> & more ${'x'.repeat(5000)}`,
    evidence: {
      count: 5,
      value_at_risk: [{ currency: 'USD', amount_minor: 123_456 }],
      next_step: 'Run posthorn redrive',
    },
    since: start,
    resolvedAt: null,
    acknowledgedAt: null,
    notifiedAt: start,
    notifiedSeverity: 'page',
  };
  const over: Alert = { ...alert, state: 'resolved', resolvedAt: start + 1000 };

  test('Slack: text and blocks within their limits, with its three characters escaped', () => {
    const sent = channelPayload({ kind: 'slack' }, alert, publicUrl) as {
      text: string;
      blocks: { type: string; text?: { type: string; text: string } }[];
    };
    expect(sent.text).toContain('&lt;ep_1&gt; &amp; more');
    expect(sent.blocks.map(({ type }) => type)).toEqual([
      'header',
      'section',
      'section',
      'section',
      'actions',
      'context',
    ]);
    for (const { type, text } of sent.blocks)
      expect((text?.text.length ?? 0) <= (type === 'header' ? 150 : 3000)).toBe(true);
  });

  test('PagerDuty: trigger and resolve one incident by the same key', () => {
    const channel = toShownChannel(channels.pagerduty);
    const trigger = channelPayload(channel, alert, publicUrl) as { payload: { summary: string } };
    expect(trigger).toMatchObject({
      event_action: 'trigger',
      dedup_key: 'alr_1',
      payload: {
        source: 'posthorn',
        severity: 'critical',
        timestamp: new Date(start).toISOString(),
        custom_details: { count: '5', 'value at risk': '1,234.56 USD', evidence: { count: 5 } },
      },
    });
    // What is stored of a notification does not hold the routing key: it is put in when it is sent (G9).
    expect(trigger).not.toHaveProperty('routing_key');
    expect(toReceiver(channels.pagerduty).members).toEqual({ routing_key: secret });
    expect(trigger.payload.summary.length).toBeLessThanOrEqual(1024);
    expect(channelPayload(channel, over, publicUrl)).toMatchObject({
      event_action: 'resolve',
      dedup_key: 'alr_1',
    });
  });

  test('Alertmanager: version 4, with an end where it is over', () => {
    expect(channelPayload({ kind: 'alertmanager', host: 'x' }, alert, publicUrl)).toMatchObject({
      version: '4',
      status: 'firing',
      groupLabels: { alertname: 'dead_letters' },
      alerts: [
        {
          status: 'firing',
          labels: { severity: 'page', owner: 'payments' },
          endsAt: '0001-01-01T00:00:00Z',
          fingerprint: 'alr_1',
        },
      ],
    });
    expect(channelPayload({ kind: 'alertmanager', host: 'x' }, over, publicUrl)).toMatchObject({
      status: 'resolved',
      alerts: [{ endsAt: new Date(start + 1000).toISOString() }],
    });
  });

  test('a notification leads to the page that shows it, and says what it is worth and what to do', () => {
    const { links, facts, nextStep } = toNotification(alert, publicUrl);
    expect(links.map(({ url }) => url)).toEqual([
      'https://posthorn.example/endpoints/ep_01m8c2aq8h98edmhsyb2jb',
      'https://posthorn.example/dead-letters?endpoint_id=ep_01m8c2aq8h98edmhsyb2jb',
      'https://posthorn.example/docs/runbooks/dead_letters',
    ]);
    expect(facts).toContainEqual({ name: 'value at risk', value: '1,234.56 USD' });
    expect(nextStep).toBe('Run posthorn redrive');
    // Once it is over nothing is left to do.
    expect(toNotification(over, publicUrl).nextStep).toBeNull();
    expect(toNotification(alert, null).links).toEqual([]);
    expect(JSON.stringify(channelPayload({ kind: 'slack' }, alert, null))).not.toContain('"actions"');
  });

  test('Microsoft Teams: an Adaptive Card within its limit, with buttons that open the dashboard', () => {
    const sent = channelPayload({ kind: 'msteams', host: 'x' }, alert, publicUrl);
    expect(JSON.stringify(sent).length).toBeLessThan(28_000);
    expect(sent).toMatchObject({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: {
            type: 'AdaptiveCard',
            actions: [
              { type: 'Action.OpenUrl', title: 'Open endpoint' },
              { title: 'Dead letters' },
              { title: 'Runbook' },
            ],
          },
        },
      ],
    });
  });

  test('Opsgenie: one alias from beginning to end, within its limits', () => {
    const sent = channelPayload({ kind: 'opsgenie', host: 'x' }, alert, publicUrl) as Record<string, string>;
    expect(sent).toMatchObject({ alias: 'alr_1', status: 'firing', priority: 'P1' });
    expect(sent['message']!.length).toBeLessThanOrEqual(130);
    expect(sent['description']!.length).toBeLessThanOrEqual(15_000);
    expect(channelPayload({ kind: 'opsgenie', host: 'x' }, over, publicUrl)).toMatchObject({
      alias: 'alr_1',
      status: 'resolved',
    });
  });

  test.each(Object.entries(channels))(
    '%s: it can be declared, sent to and shown without its secret (G9)',
    (kind, channel) => {
      expect(channelDocument.parse(channel)).toEqual(channel);
      expect(URL.canParse(toReceiver(channel).url)).toBe(true);
      expect(toReceiver(channel).via).toBe(kind === 'email' ? 'mail' : 'http');
      expect(JSON.stringify(toShownChannel(channel))).not.toContain(secret);
      expect(JSON.stringify(channelPayload(toShownChannel(channel), alert, publicUrl))).toContain(
        'dead_letters',
      );
      expect(JSON.stringify(channelPayload(toShownChannel(channel), alert, publicUrl))).not.toContain(secret);
    },
  );

  test('email: one line of subject, whatever an alert holds', () => {
    const sent = channelPayload(
      toShownChannel(channels.email),
      { ...alert, summary: 'two\r\nlines' },
      null,
    ) as {
      subject: string;
    };
    expect(sent).toMatchObject({ from: 'posthorn@shop.test', to: ['ops@shop.test'] });
    expect(sent.subject).toBe('[Posthorn] PAGE: dead_letters: two lines');
  });
});
