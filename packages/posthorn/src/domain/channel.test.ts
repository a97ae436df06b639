import { describe, expect, test } from 'vitest';
import { channelDocument } from '../contract/channels.ts';
import type { Alert } from './alert.ts';
import { type Channel, payloadOf, receiverOf, shownOf } from './channel.ts';

const start = 1_767_225_600_000;

/** What answers must not show. */
const secret = 'hushhushhushhush';
/** One channel of each kind. */
const channels: { readonly [Kind in Channel['kind']]: Channel<Kind> } = {
  slack: { kind: 'slack', url: `https://hooks.slack.test/services/${secret}` },
  pagerduty: { kind: 'pagerduty', routing_key: secret },
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
    group: 'ep_1/timeout',
    severity: 'page',
    state: 'firing',
    owner: 'payments',
    summary: `5 dead letters at <ep_1> & more ${'x'.repeat(5000)}`,
    evidence: { count: 5, value_at_risk: [{ currency: 'USD', amount_minor: 100 }] },
    since: start,
    resolvedAt: null,
    acknowledgedAt: null,
    notifiedAt: start,
    notifiedSeverity: 'page',
  };
  const over: Alert = { ...alert, state: 'resolved', resolvedAt: start + 1000 };

  test('Slack: text and blocks within their limits, with its three characters escaped', () => {
    const sent = payloadOf({ kind: 'slack' }, alert) as {
      text: string;
      blocks: { type: string; text?: { type: string; text: string } }[];
    };
    expect(sent.text).toContain('&lt;ep_1&gt; &amp; more');
    expect(sent.blocks.map(({ type }) => type)).toEqual(['header', 'section', 'section', 'context']);
    for (const { type, text } of sent.blocks)
      expect((text?.text.length ?? 0) <= (type === 'header' ? 150 : 3000)).toBe(true);
  });

  test('PagerDuty: trigger and resolve one incident by the same key', () => {
    const channel = shownOf(channels.pagerduty);
    const trigger = payloadOf(channel, alert) as { payload: { summary: string } };
    expect(trigger).toMatchObject({
      event_action: 'trigger',
      dedup_key: 'alr_1',
      payload: {
        source: 'posthorn',
        severity: 'critical',
        timestamp: new Date(start).toISOString(),
        custom_details: { count: 5 },
      },
    });
    // What is stored of a notification does not hold the routing key: it is put in when it is sent (G9).
    expect(trigger).not.toHaveProperty('routing_key');
    expect(receiverOf(channels.pagerduty).members).toEqual({ routing_key: secret });
    expect(trigger.payload.summary.length).toBeLessThanOrEqual(1024);
    expect(payloadOf(channel, over)).toMatchObject({ event_action: 'resolve', dedup_key: 'alr_1' });
  });

  test('Alertmanager: version 4, with an end where it is over', () => {
    expect(payloadOf({ kind: 'alertmanager', host: 'x' }, alert)).toMatchObject({
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
    expect(payloadOf({ kind: 'alertmanager', host: 'x' }, over)).toMatchObject({
      status: 'resolved',
      alerts: [{ endsAt: new Date(start + 1000).toISOString() }],
    });
  });

  test.each(Object.entries(channels))(
    '%s: it can be declared, sent to and shown without its secret (G9)',
    (kind, channel) => {
      expect(channelDocument.parse(channel)).toEqual(channel);
      expect(URL.canParse(receiverOf(channel).url)).toBe(true);
      expect(receiverOf(channel).via).toBe(kind === 'email' ? 'mail' : 'http');
      expect(JSON.stringify(shownOf(channel))).not.toContain(secret);
      expect(JSON.stringify(payloadOf(shownOf(channel), alert))).toContain('dead_letters');
      expect(JSON.stringify(payloadOf(shownOf(channel), alert))).not.toContain(secret);
    },
  );

  test('email: one line of subject, whatever an alert holds', () => {
    const sent = payloadOf(shownOf(channels.email), { ...alert, summary: 'two\r\nlines' }) as {
      subject: string;
    };
    expect(sent).toMatchObject({ from: 'posthorn@shop.test', to: ['ops@shop.test'] });
    expect(sent.subject).toBe('[Posthorn] PAGE: dead_letters: two lines');
  });
});
