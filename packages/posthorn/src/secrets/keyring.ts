import { createCipheriv, createDecipheriv, hkdfSync, type KeyObject } from 'node:crypto';
import type { SecretKey } from './secret-key.ts';

/** What a secret is for: a secret sealed for one use cannot be opened for another. */
export type Purpose = 'signing' | 'header' | 'channel' | 'credential' | 'setting';

/**
 * Seals what must not be readable in the database (G9). Endpoints, channels and settings hold sealed texts in memory
 * and in the store; they are opened where they are used, and nowhere else.
 */
export interface Keyring {
  /** The text to store. Sealing twice gives different texts, so compare opened texts. Default purpose: `credential`. */
  seal(text: string, purpose?: Purpose): string;
  /** Returns a text that was never sealed as it is. Throws `SecretError` if its key is missing, or if it was changed. */
  open(sealed: string, purpose?: Purpose): string;
  /**
   * The same secret sealed with the current key; returns the same text if it already is, or was never sealed. Throws as
   * `open` does.
   */
  renew(sealed: string): string;
  /** Throws as `open` does, whatever the text is for. */
  check(sealed: string): void;
  /** A keyring that opens the same texts and seals nothing: to store secrets in clear again. */
  decrypting(): Keyring;
  /** The current sealing key; null: nothing is encrypted. */
  readonly keyId: string | null;
  /** All keys that open, the newest first. */
  readonly keyIds: readonly string[];
  /** Keys that seal the audit log, one derived from each of these: they cannot open any secret. */
  readonly auditKeys: readonly Uint8Array[];
}

/** A secret that cannot be opened; its message says why, and what to do. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
/**
 * `sealed:<version>:<key id>:<purpose>:<nonce, ciphertext and tag in base64>`; everything before the last colon is
 * authenticated too.
 */
const envelope = /^(sealed:1:([0-9a-f]{8}):([a-z]+):)([A-Za-z0-9+/]+=*)$/;
/** Written under `--plaintext-secrets`, so that a later key seals it without knowing where secrets are stored. */
const plain = /^plain:1:([a-z]+):/;

/** Returns whether a keyring made the text: a caller's own value never looks like it, because it is always sealed. */
export function isSealed(text: string): boolean {
  return text.startsWith('sealed:') || plain.test(text);
}

/** The id of the key that a text was sealed with; null if it was not encrypted. */
export function keyIdFrom(text: string): string | null {
  return envelope.exec(text)?.[2] ?? null;
}

/**
 * A keyring of these keys, the newest first, which seals with the newest; `plaintext`: seals with none, so that the
 * keys only open what they sealed before.
 */
export function createKeyring(
  keys: readonly SecretKey[],
  {
    random,
    plaintext = false,
  }: { readonly random: { bytes(n: number): Uint8Array }; readonly plaintext?: boolean },
): Keyring {
  const known = new Map(keys.map(({ id, key }) => [id, key]));
  const newest = plaintext ? undefined : keys[0];

  const seal = (text: string, purpose: Purpose = 'credential'): string => {
    if (newest === undefined) return `plain:1:${purpose}:${text}`;
    const head = `sealed:1:${newest.id}:${purpose}:`;
    const nonce = random.bytes(nonceBytes);
    const encryption = createCipheriv(cipher, newest.key, nonce, { authTagLength: tagBytes });
    encryption.setAAD(Buffer.from(head));
    const parts = [nonce, encryption.update(text, 'utf8'), encryption.final(), encryption.getAuthTag()];
    return head + Buffer.concat(parts).toString('base64');
  };
  const open = (sealed: string, purpose: Purpose = 'credential'): string => {
    const unsealed = plain.exec(sealed);
    if (unsealed !== null) return sealed.slice(checked(unsealed[0], unsealed[1]!, purpose).length);
    if (!sealed.startsWith('sealed:')) return sealed;
    const [, head, id, sealedFor, body] = envelope.exec(sealed) ?? [];
    if (head === undefined)
      throw new SecretError('the sealed text is malformed: it was changed after it was stored');
    const key = known.get(id!);
    if (key === undefined)
      throw new SecretError(
        `sealed with secret key ${id}, which this node does not have: add that key to POSTHORN_SECRET_KEY, or set the secret again`,
      );
    return decrypted(checked(head, sealedFor!, purpose), Buffer.from(body!, 'base64'), key);
  };
  const purposeOf = (sealed: string): Purpose | undefined =>
    (plain.exec(sealed)?.[1] ?? envelope.exec(sealed)?.[3]) as Purpose | undefined;
  return {
    seal,
    open,
    check: (sealed) => void open(sealed, purposeOf(sealed)),
    renew: (sealed) => {
      const opened = open(sealed, purposeOf(sealed));
      if (!isSealed(sealed) || keyIdFrom(sealed) === (newest?.id ?? null)) return sealed;
      return seal(opened, purposeOf(sealed));
    },
    decrypting: () => createKeyring(keys, { random, plaintext: true }),
    keyId: newest?.id ?? null,
    keyIds: keys.map(({ id }) => id),
    auditKeys: keys.map(({ key }) => new Uint8Array(hkdfSync('sha256', key, '', 'posthorn audit log', 32))),
  };
}

/** Returns whether a stored text is this secret; false also if it cannot be opened. */
export function sealsThis(
  keyring: Pick<Keyring, 'open'>,
  sealed: string,
  text: string,
  purpose: Purpose,
): boolean {
  try {
    return keyring.open(sealed, purpose) === text;
  } catch (error) {
    if (error instanceof SecretError) return false;
    throw error;
  }
}

/** Returns a new value as it is to be stored: the stored text if it is the same secret, so that nothing changes. */
export function sealedAgain(
  keyring: Keyring,
  text: string,
  stored: string | undefined,
  purpose: Purpose,
): string {
  return stored !== undefined && sealsThis(keyring, stored, text, purpose)
    ? stored
    : keyring.seal(text, purpose);
}

function checked(head: string, sealedFor: string, purpose: Purpose): string {
  if (sealedFor === purpose) return head;
  throw new SecretError(
    `the sealed text is for another use (${sealedFor}): it was moved after it was stored`,
  );
}

function decrypted(head: string, bytes: Buffer, key: KeyObject): string {
  try {
    const end = bytes.length - tagBytes;
    const decryption = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decryption.setAAD(Buffer.from(head));
    decryption.setAuthTag(bytes.subarray(end));
    return decryption.update(bytes.subarray(nonceBytes, end), undefined, 'utf8') + decryption.final('utf8');
  } catch {
    throw new SecretError('the sealed text does not match its seal: it was changed after it was stored');
  }
}

/** Encrypts nothing: for tests, the lab, and `--plaintext-secrets`. */
export const plainKeyring: Keyring = createKeyring([], {
  random: { bytes: (n) => new Uint8Array(n) },
  plaintext: true,
});
