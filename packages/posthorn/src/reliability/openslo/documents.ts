import { createHash } from 'node:crypto';

/** An OpenSLO v1 document (github.com/OpenSLO/OpenSLO). */
export interface OpenSloDocument {
  readonly apiVersion: 'openslo/v1';
  readonly kind: 'SLO' | 'SLI' | 'AlertPolicy' | 'AlertCondition' | 'AlertNotificationTarget';
  readonly metadata: {
    readonly name: string;
    readonly displayName?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

/**
 * The annotation that keeps what OpenSLO lacks a field for. No prefix with a slash: that would have to be a domain, and
 * Posthorn owns none.
 */
export const annotation = (name: string): string => `posthorn.${name}`;

/** OpenSLO's targets are below 1. An objective without a budget gets this, and its own target in an annotation. */
export const nearlyOne = 0.999999;

const maxNameLength = 63;

/** Returns the text itself if it is a name by RFC 1123, else a similar name that is unique to it. */
export function rfcName(text: string): string {
  if (text.length <= maxNameLength && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text)) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const head = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, maxNameLength - 9)
    .replaceAll(/^-+|-+$/g, '');
  return head === '' ? `x-${digest}` : `${head}-${digest}`;
}
