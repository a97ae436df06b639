import { endpointName, eventTypePattern, ownTenant } from '../contract/fields.ts';

// How fields of other senders become Posthorn's.

const shortestSecret = 24;
export const longestSecret = 75;

/** The secret whose key is this text, as receivers of other senders use it; null: its length is not one that Posthorn signs with. */
export function secretFromText(text: string): string | null {
  const key = Buffer.from(text);
  if (key.length < shortestSecret || key.length > longestSecret) return null;
  return `whsec_${key.toString('base64')}`;
}

/** A Standard Webhooks secret as it is; null: it is none, or its length is not one that Posthorn signs with. */
export function standardSecret(text: string): string | null {
  const key = Buffer.from(text.startsWith('whsec_') ? text.slice('whsec_'.length) : text, 'base64');
  if (key.length < shortestSecret || key.length > longestSecret) return null;
  return `whsec_${key.toString('base64')}`;
}

export const isTenant = (name: string): boolean => ownTenant.safeParse(name).success;
export const isEndpointName = (name: string): boolean => endpointName.safeParse(name).success;

/** The first that Posthorn does not take; undefined: it takes all. */
export const oddType = (types: readonly string[]): string | undefined =>
  types.find((type) => !eventTypePattern.safeParse(type).success);
