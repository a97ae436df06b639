import { type Alert, incidentId } from '../alert.ts';
import { cut, isResolved, toNotification } from './notification.ts';

/** Events API v2: one incident for what is notified together, by its id (https://developer.pagerduty.com/docs/send-alert-event). */
export function pagerDuty(alert: Alert, publicUrl: string | null): unknown {
  const { sentence, facts, nextStep, links } = toNotification(alert, publicUrl);
  const [first] = links;
  return {
    event_action: isResolved(alert) ? 'resolve' : 'trigger',
    dedup_key: cut(incidentId(alert), 255),
    client: 'Posthorn',
    ...(first === undefined ? {} : { client_url: first.url }),
    links: links.map(({ text, url }) => ({ href: url, text })),
    payload: {
      summary: cut(`${alert.rule}: ${sentence}`, 1024),
      source: 'posthorn',
      severity: alert.severity === 'page' ? 'critical' : 'warning',
      timestamp: new Date(alert.since).toISOString(),
      component: alert.group,
      class: alert.rule,
      custom_details: {
        ...Object.fromEntries(facts.map(({ name, value }) => [name, value])),
        ...(nextStep === null ? {} : { 'next step': nextStep }),
        evidence: alert.evidence,
      },
    },
  };
}
