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
 * Where what OpenSLO has no place for is kept. Without a prefix before a slash: such a prefix has to be a domain, and
 * Posthorn owns none.
 */
export const annotation = (name: string): string => `posthorn.${name}`;

/** OpenSLO's targets are below 1. An objective without a budget has this there, and its own target in an annotation. */
export const nearlyOne = 0.999999;

const nameMost = 63;

/** The text itself where it is a name by RFC 1123, else one like it that no other text gets. */
export function rfcName(text: string): string {
  if (text.length <= nameMost && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text)) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const head = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, nameMost - 9)
    .replaceAll(/^-+|-+$/g, '');
  return head === '' ? `x-${digest}` : `${head}-${digest}`;
}
