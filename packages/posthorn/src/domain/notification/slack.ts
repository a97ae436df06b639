import type { Alert } from '../alert.ts';
import { cut, toNotification } from './notification.ts';

/** Slack's mrkdwn gives these three a meaning of their own. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const section = (text: string): object => ({
  type: 'section',
  text: { type: 'mrkdwn', text: cut(escaped(text), 3000) },
});

/**
 * An incoming webhook: `text` and `blocks`; a header has at most 150 characters, a section 3,000, ten fields of 2,000, and a button
 * a text of 75 (https://docs.slack.dev/reference/block-kit/blocks).
 */
export function slack(alert: Alert, publicUrl: string | null): unknown {
  const { label, sentence, facts, nextStep, links } = toNotification(alert, publicUrl);
  return {
    text: cut(escaped(`${label}: ${sentence}`), 3000),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(`${label}: ${alert.rule}`, 150) } },
      section(sentence),
      {
        type: 'section',
        fields: facts.slice(0, 10).map(({ name, value }) => ({
          type: 'mrkdwn',
          text: cut(`*${escaped(name)}*\n${escaped(value)}`, 2000),
        })),
      },
      ...(nextStep === null ? [] : [section(nextStep)]),
      ...(links.length === 0
        ? []
        : [
            {
              type: 'actions',
              elements: links.map(({ text, url }, index) => ({
                type: 'button',
                text: { type: 'plain_text', text },
                url,
                action_id: `open-${index}`,
              })),
            },
          ]),
      { type: 'context', elements: [{ type: 'mrkdwn', text: alert.id }] },
    ],
  };
}
