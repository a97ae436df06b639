import type { Alert } from '../alert.ts';
import { iso } from '../time.ts';
import { isResolved, toNotification } from './notification.ts';

const alertLabels = ({ rule, severity, group, host, owner }: Alert): Record<string, string> => ({
  alertname: rule,
  severity,
  group,
  ...(host === undefined ? {} : { host }),
  ...(owner === null ? {} : { owner }),
});

function alertAnnotations(alert: Alert, publicUrl: string | null): Record<string, string> {
  const { sentence, facts, nextStep } = toNotification(alert, publicUrl);
  const lines = [
    ...facts.map(({ name, value }) => `${name}: ${value}`),
    ...(nextStep === null ? [] : [nextStep]),
  ];
  return { summary: sentence, description: lines.join('\n') };
}

const alertStatus = (alert: Alert): string => (isResolved(alert) ? 'resolved' : 'firing');

/** What all have in common. */
function commonFields(all: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const [first = {}, ...others] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((other) => other[name] === value)),
  );
}

/** Alertmanager's webhook, version 4 (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config). */
export function alertmanager(
  alert: Alert,
  publicUrl: string | null,
  members: readonly Alert[] = [alert],
): unknown {
  const { rule, host } = alert;
  const groupLabels = { alertname: rule, ...(host === undefined ? {} : { host }) };
  const by = Object.entries(groupLabels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return {
    version: '4',
    groupKey: `{}:{${by.join(', ')}}`,
    truncatedAlerts: 0,
    status: alertStatus(alert),
    receiver: 'posthorn',
    groupLabels,
    commonLabels: commonFields(members.map(alertLabels)),
    commonAnnotations: alertAnnotations(alert, publicUrl),
    externalURL: publicUrl ?? '',
    alerts: members.map((one) => ({
      status: alertStatus(one),
      labels: alertLabels(one),
      annotations: alertAnnotations(one, publicUrl),
      startsAt: iso(one.since),
      endsAt: one.resolvedAt === null ? '0001-01-01T00:00:00Z' : iso(one.resolvedAt),
      generatorURL: toNotification(one, publicUrl).links[0]?.url ?? '',
      fingerprint: one.id,
    })),
  };
}
