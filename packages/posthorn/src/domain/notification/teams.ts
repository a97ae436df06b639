import type { Alert } from '../alert.ts';
import { cut, isResolved, toNotification } from './notification.ts';

/** Microsoft Teams refuses messages of more than 28 KB. */
const maxText = 2000;

/**
 * Microsoft Teams: a message with an Adaptive Card, as its workflow "Post to a channel when a webhook request is received" takes it
 * (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook).
 */
export function microsoftTeams(alert: Alert, publicUrl: string | null): unknown {
  const { label, sentence, facts, nextStep, links } = toNotification(alert, publicUrl);
  const color = isResolved(alert) ? 'Good' : alert.severity === 'page' ? 'Attention' : 'Warning';
  const block = (text: string, style: object = {}): object => ({
    type: 'TextBlock',
    text: cut(text, maxText),
    wrap: true,
    ...style,
  });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          fallbackText: cut(`${label}: ${sentence}`, maxText),
          body: [
            block(`${label}: ${alert.rule}`, { size: 'Medium', weight: 'Bolder', color }),
            block(sentence),
            { type: 'FactSet', facts: facts.map(({ name, value }) => ({ title: name, value })) },
            ...(nextStep === null ? [] : [block(nextStep)]),
            block(alert.id, { size: 'Small', isSubtle: true }),
          ],
          actions: links.map(({ text, url }) => ({ type: 'Action.OpenUrl', title: text, url })),
        },
      },
    ],
  };
}
