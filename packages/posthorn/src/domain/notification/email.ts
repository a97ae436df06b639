import type { Alert } from '../alert.ts';
import { cut, toNotification } from './notification.ts';

/** The parts of an email. */
export function email(
  alert: Alert,
  publicUrl: string | null,
  { from, to }: { readonly from: string; readonly to: readonly string[] },
): unknown {
  const { label, sentence, facts, nextStep, links } = toNotification(alert, publicUrl);
  // One line, whatever an endpoint's name contains.
  const subject = cut(`[Posthorn] ${label}: ${alert.rule}: ${sentence}`.replaceAll(/\s+/g, ' '), 200);
  const text = [
    sentence,
    ...(nextStep === null ? [] : ['', nextStep]),
    ...links.map(({ text: what, url }) => `\n${what}: ${url}`),
    '',
    ...facts.map(({ name, value }) => `${name}: ${value}`),
    `rule: ${alert.rule}`,
    `alert: ${alert.id}`,
    '',
  ].join('\n');
  return { from, to, subject, text };
}
