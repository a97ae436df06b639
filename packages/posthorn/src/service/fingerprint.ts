import { createHash, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

/** Members in the order of their names, at every depth: equal documents give equal text. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, canonical(member)]),
  );
}

/** Fingerprint of a document: equal for equal documents. */
export function fingerprint(document: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(canonical(document)))
    .digest('hex')
    .slice(0, 16);
}

/** Random bytes that `sealedFingerprint` needs. */
export const fingerprintSaltBytes = 8;
const derive = promisify<string, Buffer, number, Buffer>(scrypt);

/**
 * The same for a document with secrets: salted and slow, so that it cannot be used to guess passwords by the million.
 * Written as `<salt>-<hash>` in hexadecimal.
 */
export async function sealedFingerprint(document: unknown, salt: Uint8Array): Promise<string> {
  const hash = await derive(JSON.stringify(canonical(document)), Buffer.from(salt), 16);
  return `${Buffer.from(salt).toString('hex')}-${hash.toString('hex')}`;
}

/** Whether the document has this fingerprint, of either kind. */
export async function hasFingerprint(document: unknown, known: string): Promise<boolean> {
  const [salt] = known.split('-');
  if (salt === known) return known === fingerprint(document);
  return known === (await sealedFingerprint(document, Buffer.from(salt!, 'hex')));
}
