import type { Alert } from './alert.ts';
import { iso, isoOrNull } from './time.ts';

/** What is declared of a channel, by its kind. */
interface ChannelSettings {
  readonly slack: { readonly url: string };
  readonly pagerduty: { readonly routing_key: string; readonly url?: string | undefined };
  readonly alertmanager: { readonly url: string };
  readonly webhook: { readonly url: string };
  readonly email: {
    /** `smtps://user:password@host:465`, or `smtp:` with STARTTLS if the server offers it. */
    readonly server: string;
    readonly from: string;
    readonly to: readonly string[];
  };
}
type ChannelKind = keyof ChannelSettings;

/** Where alerts go, as it is declared. */
export type Channel<Kind extends ChannelKind = ChannelKind> = {
  readonly [K in Kind]: { readonly kind: K } & ChannelSettings[K];
}[Kind];

/** Where a channel's notifications are sent to, and how. All of it is secret. */
export interface ChannelReceiver {
  readonly via: 'http' | 'mail';
  readonly url: string;
  /** Members of the body that only the sender puts in. */
  readonly members: Readonly<Record<string, string>>;
}

/** The public part of a channel, by its kind: its URL, routing key and mail server's password are write-only. */
interface ShownSettings {
  readonly slack: {};
  readonly pagerduty: {};
  readonly alertmanager: { readonly host: string };
  readonly webhook: { readonly host: string };
  readonly email: { readonly host: string; readonly from: string; readonly to: readonly string[] };
}

/** A channel as it is stored and shown. */
export type ShownChannel<Kind extends ChannelKind = ChannelKind> = {
  readonly [K in Kind]: { readonly kind: K } & ShownSettings[K];
}[Kind];

/** All that the kinds of channels differ in. */
interface KindOfChannel<C, Shown> {
  readonly receiver: (channel: C) => ChannelReceiver;
  readonly shown: (channel: C) => Shown;
  /** What is posted, or the parts of the email. */
  readonly payload: (channel: Shown, alert: Alert) => unknown;
}

const http = (url: string, members: ChannelReceiver['members'] = {}): ChannelReceiver => ({
  via: 'http',
  url,
  members,
});
const hostOf = (url: string): string => new URL(url).host;

const kinds: { readonly [Kind in ChannelKind]: KindOfChannel<Channel<Kind>, ShownChannel<Kind>> } = {
  slack: {
    receiver: ({ url }) => http(url),
    // The path of an incoming webhook is its secret, and its host says no more than the kind.
    shown: ({ kind }) => ({ kind }),
    payload: (_, alert) => slack(alert),
  },
  pagerduty: {
    receiver: ({ url, routing_key }) =>
      http(url ?? 'https://events.pagerduty.com/v2/enqueue', { routing_key }),
    shown: ({ kind }) => ({ kind }),
    payload: (_, alert) => pagerDuty(alert),
  },
  alertmanager: {
    receiver: ({ url }) => http(url),
    shown: ({ kind, url }) => ({ kind, host: hostOf(url) }),
    payload: (_, alert) => alertmanager(alert),
  },
  webhook: {
    receiver: ({ url }) => http(url),
    shown: ({ kind, url }) => ({ kind, host: hostOf(url) }),
    payload: (_, alert) => ({ type: 'posthorn.alert', alert: wireAlert(alert) }),
  },
  email: {
    receiver: ({ server }) => ({ via: 'mail', url: server, members: {} }),
    shown: ({ kind, server, from, to }) => ({ kind, host: hostOf(server), from, to }),
    payload: (channel, alert) => email(alert, channel),
  },
};

/** Where the channel's notifications are sent to. */
export function receiverOf<Kind extends ChannelKind>(channel: Channel<Kind>): ChannelReceiver {
  return kinds[channel.kind].receiver(channel);
}

/** What is stored and shown of the channel. */
export function shownOf<Kind extends ChannelKind>(channel: Channel<Kind>): ShownChannel<Kind> {
  return kinds[channel.kind].shown(channel);
}

/** What is sent to a channel, but for what only its sender puts in. */
export function payloadOf<Kind extends ChannelKind>(channel: ShownChannel<Kind>, alert: Alert): unknown {
  return kinds[channel.kind].payload(channel, alert);
}

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;
const resolved = ({ state }: Alert): boolean => state === 'resolved';

/** `count: 3`, one to a line; what is nested is JSON. */
function evidenceLines({ evidence }: Alert): string {
  return Object.entries(evidence)
    .map(
      ([name, value]) =>
        `${name.replaceAll('_', ' ')}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    .join('\n');
}

/** Slack's mrkdwn gives these three a meaning of their own. */
const slackText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** An incoming webhook: `text` and `blocks`; a header has at most 150 characters, a section 3,000. */
function slack(alert: Alert): unknown {
  const title = `${resolved(alert) ? 'Resolved' : alert.severity === 'page' ? 'PAGE' : 'Ticket'}: ${alert.rule}`;
  return {
    text: cut(slackText(`${title}: ${alert.summary}`), 3000),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(title, 150) } },
      { type: 'section', text: { type: 'mrkdwn', text: cut(slackText(alert.summary), 3000) } },
      ...(Object.keys(alert.evidence).length === 0
        ? []
        : [{ type: 'section', text: { type: 'mrkdwn', text: cut(slackText(evidenceLines(alert)), 3000) } }]),
      {
        type: 'context',
        elements: [
          {
            type: 'mrkdwn',
            text: slackText(`since ${iso(alert.since)}, owner ${alert.owner ?? 'none'}, ${alert.id}`),
          },
        ],
      },
    ],
  };
}

/** Events API v2: one incident for each alert, by its id. */
function pagerDuty(alert: Alert): unknown {
  return {
    event_action: resolved(alert) ? 'resolve' : 'trigger',
    dedup_key: cut(alert.id, 255),
    client: 'Posthorn',
    payload: {
      summary: cut(`${alert.rule}: ${alert.summary}`, 1024),
      source: 'posthorn',
      severity: alert.severity === 'page' ? 'critical' : 'warning',
      timestamp: iso(alert.since),
      component: alert.group,
      class: alert.rule,
      custom_details: { ...alert.evidence, owner: alert.owner },
    },
  };
}

/** Alertmanager's webhook, version 4. */
function alertmanager(alert: Alert): unknown {
  const status = resolved(alert) ? 'resolved' : 'firing';
  const labels = {
    alertname: alert.rule,
    severity: alert.severity,
    group: alert.group,
    ...(alert.owner === null ? {} : { owner: alert.owner }),
  };
  const annotations = { summary: alert.summary, description: evidenceLines(alert) };
  return {
    version: '4',
    groupKey: `{}:{alertname="${alert.rule}"}`,
    truncatedAlerts: 0,
    status,
    receiver: 'posthorn',
    groupLabels: { alertname: alert.rule },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: '',
    alerts: [
      {
        status,
        labels,
        annotations,
        startsAt: iso(alert.since),
        endsAt: alert.resolvedAt === null ? '0001-01-01T00:00:00Z' : iso(alert.resolvedAt),
        generatorURL: '',
        fingerprint: alert.id,
      },
    ],
  };
}

function email(
  alert: Alert,
  { from, to }: { readonly from: string; readonly to: readonly string[] },
): unknown {
  const title = resolved(alert) ? 'Resolved' : alert.severity === 'page' ? 'PAGE' : 'Ticket';
  // One line, whatever a name of an endpoint holds.
  const subject = cut(`[Posthorn] ${title}: ${alert.rule}: ${alert.summary}`.replaceAll(/\s+/g, ' '), 200);
  const text = [
    alert.summary,
    '',
    evidenceLines(alert),
    '',
    `rule: ${alert.rule}`,
    `since: ${iso(alert.since)}`,
    `owner: ${alert.owner ?? 'none'}`,
    `alert: ${alert.id}`,
    '',
  ].join('\n');
  return { from, to, subject, text };
}

/** An alert in the API's words. */
export function wireAlert(alert: Alert) {
  const { id, rule, severity, state, group, since, summary, evidence, owner } = alert;
  return {
    id,
    rule,
    severity,
    state,
    group,
    since: iso(since),
    resolved_at: isoOrNull(alert.resolvedAt),
    acknowledged_at: isoOrNull(alert.acknowledgedAt),
    acknowledged_by: alert.acknowledgement?.by ?? null,
    acknowledged_until: isoOrNull(alert.acknowledgement?.until ?? null),
    note: alert.acknowledgement?.note ?? null,
    summary,
    evidence,
    owner,
  };
}
