import { type Alert, incidentId } from './alert.ts';
import { alertmanager } from './notification/alertmanager.ts';
import { email } from './notification/email.ts';
import { toNotification } from './notification/notification.ts';
import { opsgenie } from './notification/opsgenie.ts';
import { pagerDuty } from './notification/pagerduty.ts';
import { slack } from './notification/slack.ts';
import { microsoftTeams } from './notification/teams.ts';
import { iso, isoOrNull } from './time.ts';
import { urlHost } from './url-host.ts';

/** What is declared of a channel, by its kind. */
interface ChannelSettings {
  readonly slack: { readonly url: string };
  readonly pagerduty: { readonly routing_key: string; readonly url?: string | undefined };
  readonly msteams: { readonly url: string };
  readonly opsgenie: { readonly url: string };
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
  readonly msteams: { readonly host: string };
  readonly opsgenie: { readonly host: string };
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
  readonly payload: (
    channel: Shown,
    alert: Alert,
    publicUrl: string | null,
    members: readonly Alert[],
  ) => unknown;
}

const http = (url: string, members: ChannelReceiver['members'] = {}): ChannelReceiver => ({
  via: 'http',
  url,
  members,
});
const kinds: { readonly [Kind in ChannelKind]: KindOfChannel<Channel<Kind>, ShownChannel<Kind>> } = {
  slack: {
    receiver: ({ url }) => http(url),
    // The path of an incoming webhook is its secret, and its host says no more than the kind.
    shown: ({ kind }) => ({ kind }),
    payload: (_, alert, publicUrl) => slack(alert, publicUrl),
  },
  pagerduty: {
    receiver: ({ url, routing_key }) =>
      http(url ?? 'https://events.pagerduty.com/v2/enqueue', { routing_key }),
    shown: ({ kind }) => ({ kind }),
    payload: (_, alert, publicUrl) => pagerDuty(alert, publicUrl),
  },
  msteams: {
    receiver: ({ url }) => http(url),
    shown: ({ kind, url }) => ({ kind, host: urlHost(url) }),
    payload: (_, alert, publicUrl) => microsoftTeams(alert, publicUrl),
  },
  opsgenie: {
    receiver: ({ url }) => http(url),
    shown: ({ kind, url }) => ({ kind, host: urlHost(url) }),
    payload: (_, alert, publicUrl) => opsgenie(alert, publicUrl),
  },
  alertmanager: {
    receiver: ({ url }) => http(url),
    shown: ({ kind, url }) => ({ kind, host: urlHost(url) }),
    payload: (_, alert, publicUrl, members) => alertmanager(alert, publicUrl, members),
  },
  webhook: {
    receiver: ({ url }) => http(url),
    shown: ({ kind, url }) => ({ kind, host: urlHost(url) }),
    payload: (_, alert, publicUrl, members) => ({
      type: 'posthorn.alert',
      alert: { ...wireAlert(alert), id: incidentId(alert) },
      alerts: members.map(wireAlert),
      url: toNotification(alert, publicUrl).links[0]?.url ?? null,
    }),
  },
  email: {
    receiver: ({ server }) => ({ via: 'mail', url: server, members: {} }),
    shown: ({ kind, server, from, to }) => ({ kind, host: urlHost(server), from, to }),
    payload: (channel, alert, publicUrl) => email(alert, publicUrl, channel),
  },
};

/** Where the channel's notifications are sent to. */
export function toReceiver<Kind extends ChannelKind>(channel: Channel<Kind>): ChannelReceiver {
  return kinds[channel.kind].receiver(channel);
}

/** What is stored and shown of the channel. */
export function toShownChannel<Kind extends ChannelKind>(channel: Channel<Kind>): ShownChannel<Kind> {
  return kinds[channel.kind].shown(channel);
}

/**
 * What is sent to a channel, but for what only its sender puts in. `publicUrl`: where browsers reach the dashboard, for links; null: there
 * are none. `members`: the alerts that it speaks of, if `alert` stands for several.
 */
export function channelPayload<Kind extends ChannelKind>(
  channel: ShownChannel<Kind>,
  alert: Alert,
  publicUrl: string | null,
  members: readonly Alert[] = [alert],
): unknown {
  return kinds[channel.kind].payload(channel, alert, publicUrl, members);
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
