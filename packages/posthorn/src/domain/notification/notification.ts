import { type Alert, alertEndpoint } from '../alert.ts';
import { formatValue } from '../money.ts';
import { iso } from '../time.ts';

/** A link of a notification, and what its button says. */
export interface NotificationLink {
  readonly text: string;
  readonly url: string;
}

/** What every channel says of an alert, each in its own form. */
export interface Notification {
  /** `PAGE`, `Ticket`, `Resolved`. */
  readonly label: string;
  /** One sentence: what is wrong. */
  readonly sentence: string;
  /** Owner, since when, how many, what it is worth. */
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly nextStep: string | null;
  /** The first is the page that shows it. None without a public URL. */
  readonly links: readonly NotificationLink[];
}

/** Facts beside the standing ones: a person reads ten at most. */
const maxFacts = 10;
const maxValue = 300;
const maxListed = 5;

export const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;

export const isResolved = ({ state }: Pick<Alert, 'state'>): boolean => state === 'resolved';

interface Money {
  readonly currency: string;
  readonly amount_minor: number | string;
}

const isMoney = (value: unknown): value is Money =>
  typeof value === 'object' && value !== null && 'currency' in value && 'amount_minor' in value;

const moneyText = ({ currency, amount_minor }: Money): string =>
  formatValue({ currency, amountMinor: BigInt(amount_minor) });

const memberName = (member: string): string => member.replaceAll('_', ' ');

/** Text of a value of an alert's evidence; null: not a fact for a person. */
function factText(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: 4 });
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (isMoney(value)) return moneyText(value);
  if (typeof value !== 'object' || value === null) return null;
  if (!Array.isArray(value)) {
    const members = Object.entries(value).flatMap(([member, inner]) => {
      const text = factText(inner);
      return text === null ? [] : [`${memberName(member)} ${text}`];
    });
    return members.length === 0 ? null : members.join(' ');
  }
  const texts = value.map(factText).filter((text) => text !== null);
  if (texts.length === 0) return null;
  const more = value.length - maxListed;
  return `${texts.slice(0, maxListed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Rules about an objective. */
const objectiveRules = ['burn_rate', 'slow_leak'];

/** The page that shows what the alert is about, what else helps, and what to do. */
function alertLinks(alert: Alert, publicUrl: string | null): NotificationLink[] {
  if (publicUrl === null) return [];
  const at = (path: string): string => new URL(path, publicUrl).href;
  const runbook = { text: 'Runbook', url: at(`/docs/runbooks/${encodeURIComponent(alert.rule)}`) };
  return [...alertPages(alert, at), ...(isResolved(alert) ? [] : [runbook])];
}

function alertPages(alert: Alert, at: (path: string) => string): NotificationLink[] {
  const endpoint = alertEndpoint(alert);
  if (endpoint === null && alert.host !== undefined)
    return [{ text: 'Open endpoints', url: at(`/endpoints?q=${encodeURIComponent(alert.host)}`) }];
  if (endpoint === null) {
    const path = objectiveRules.includes(alert.rule) ? '/objectives' : '/';
    return [{ text: 'Open Posthorn', url: at(path) }];
  }
  const id = encodeURIComponent(endpoint);
  return [
    { text: 'Open endpoint', url: at(`/endpoints/${id}`) },
    ...('count' in alert.evidence
      ? [{ text: 'Dead letters', url: at(`/dead-letters?endpoint_id=${id}`) }]
      : []),
  ];
}

/** `publicUrl`: where browsers reach the dashboard; null: unknown, so notifications have no links. */
export function toNotification(alert: Alert, publicUrl: string | null): Notification {
  const { next_step, ...evidence } = alert.evidence;
  const found = Object.entries(evidence).flatMap(([member, value]) => {
    const text = factText(value);
    return text === null ? [] : [{ name: memberName(member), value: cut(text, maxValue) }];
  });
  return {
    label: isResolved(alert) ? 'Resolved' : alert.severity === 'page' ? 'PAGE' : 'Ticket',
    sentence: alert.summary,
    facts: [
      { name: 'owner', value: alert.owner ?? 'none' },
      { name: 'since', value: iso(alert.since) },
      ...(alert.resolvedAt === null ? [] : [{ name: 'resolved', value: iso(alert.resolvedAt) }]),
      ...found.slice(0, maxFacts),
    ],
    nextStep: typeof next_step === 'string' && !isResolved(alert) ? next_step : null,
    links: alertLinks(alert, publicUrl),
  };
}
