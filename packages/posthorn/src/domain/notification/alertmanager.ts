import type { Alert } from '../alert.ts';
import { iso } from '../time.ts';
import { isResolved, notificationOf } from './notification.ts';

/** Alertmanager's webhook, version 4 (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config). */
export function alertmanager(alert: Alert, publicUrl: string | null): unknown {
  const { sentence, facts, nextStep, links } = notificationOf(alert, publicUrl);
  const status = isResolved(alert) ? 'resolved' : 'firing';
  const labels = {
    alertname: alert.rule,
    severity: alert.severity,
    group: alert.group,
    ...(alert.owner === null ? {} : { owner: alert.owner }),
  };
  const description = [
    ...facts.map(({ name, value }) => `${name}: ${value}`),
    ...(nextStep === null ? [] : [nextStep]),
  ].join('\n');
  const annotations = { summary: sentence, description };
  return {
    version: '4',
    groupKey: `{}:{alertname="${alert.rule}"}`,
    truncatedAlerts: 0,
    status,
    receiver: 'posthorn',
    groupLabels: { alertname: alert.rule },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: publicUrl ?? '',
    alerts: [
      {
        status,
        labels,
        annotations,
        startsAt: iso(alert.since),
        endsAt: alert.resolvedAt === null ? '0001-01-01T00:00:00Z' : iso(alert.resolvedAt),
        generatorURL: links[0]?.url ?? '',
        fingerprint: alert.id,
      },
    ],
  };
}
