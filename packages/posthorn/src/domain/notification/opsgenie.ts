import { type Alert, incidentId } from '../alert.ts';
import { cut, isResolved, toNotification } from './notification.ts';

/**
 * An incident webhook in the form of Opsgenie's alerts: `alias` is the same from beginning to end, `status` says which it
 * is. Opsgenie's own limits: message 130 characters, description 15,000, alias 512 (https://docs.opsgenie.com/docs/alert-api).
 */
export function opsgenie(alert: Alert, publicUrl: string | null): unknown {
  const { label, sentence, facts, nextStep, links } = toNotification(alert, publicUrl);
  const lines = [
    sentence,
    ...(nextStep === null ? [] : ['', nextStep]),
    ...(links.length === 0 ? [] : ['', ...links.map(({ text, url }) => `${text}: ${url}`)]),
  ];
  return {
    message: cut(`${label}: ${sentence}`, 130),
    alias: cut(incidentId(alert), 512),
    status: isResolved(alert) ? 'resolved' : 'firing',
    description: cut(lines.join('\n'), 15_000),
    priority: alert.severity === 'page' ? 'P1' : 'P3',
    source: 'posthorn',
    entity: cut(alert.group, 512),
    tags: ['posthorn', alert.rule, alert.severity].map((tag) => cut(tag, 50)),
    details: Object.fromEntries(facts.map(({ name, value }) => [name, value])),
  };
}
