import type { WireRecord } from './attempt.ts';

/** Anything shorter is not a secret, and occurs in any text. */
const minSecretLength = 8;

/** Returns what a receiver answered, without the values that it may have repeated: they are write-only (G9). */
export function withoutSecrets(excerpt: string | null, hidden: readonly string[]): string | null {
  if (excerpt === null) return null;
  let shown = excerpt;
  for (const value of hidden)
    // `Bearer x` is repeated as it is, or as x alone.
    for (const part of [value, ...value.split(' ')])
      if (part.length >= minSecretLength) shown = shown.replaceAll(part, '…');
  return shown;
}

export function withoutSecretHeaders(wire: WireRecord, hidden: readonly string[]): WireRecord {
  if (hidden.length === 0) return wire;
  return {
    ...wire,
    headers: wire.headers.map(([name, value]) => [name, withoutSecrets(value, hidden)!] as const),
  };
}
