import { StoreOpenError } from '../domain/errors.ts';
import { keyFileIn, makeKeyFile, readKeyFile } from './key-file.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import { type SecretKey, secretKeysFrom } from './secret-key.ts';

export interface SecretOptions {
  /**
   * Key that encrypts secrets: 32 random bytes in base64 or hexadecimal, as `posthorn secrets generate` prints.
   * Separate several with commas, the newest first: it encrypts, all decrypt. Default: a key file in the data
   * directory, created at the first start. Required with PostgreSQL.
   */
  readonly secretKey?: string | undefined;
  /** Stores secrets unencrypted. Default false. */
  readonly plaintextSecrets?: boolean | undefined;
}

export interface OpenedKeyring {
  readonly keyring: Keyring;
  /** The key file that was just created: the operator has to back it up. */
  readonly madeKeyFile: string | null;
}

/** The keys from the options. Throws `StoreOpenError` if they are invalid, or if the options contradict each other. */
function givenKeys({ secretKey, plaintextSecrets = false }: SecretOptions): readonly SecretKey[] {
  if (secretKey === undefined) return [];
  const keys = secretKeysFrom(secretKey);
  if (typeof keys === 'string') throw new StoreOpenError(`POSTHORN_SECRET_KEY (secretKey): ${keys}`);
  if (plaintextSecrets)
    throw new StoreOpenError(
      'a secret key and --plaintext-secrets (plaintextSecrets) contradict each other: leave one out; to decrypt what is stored, run `posthorn secrets rotate --plaintext-secrets`',
    );
  return keys;
}

/** The keyring of a store that is already open and keeps no key: without a configured key nothing is encrypted. */
export function keyringWithout(
  options: SecretOptions,
  random: { bytes(n: number): Uint8Array },
): OpenedKeyring {
  const keys = givenKeys(options);
  return { keyring: createKeyring(keys, { random, plaintext: keys.length === 0 }), madeKeyFile: null };
}

/** The keyring of a database without a data directory: the key must be configured. */
export function keyringFrom(options: SecretOptions, random: { bytes(n: number): Uint8Array }): OpenedKeyring {
  const keys = givenKeys(options);
  const plaintext = options.plaintextSecrets === true;
  if (keys.length === 0 && !plaintext)
    throw new StoreOpenError(
      'PostgreSQL stores secrets encrypted and cannot store the key: set POSTHORN_SECRET_KEY (secretKey in the library) to a key from `posthorn secrets generate`, the same on every node; or start with --plaintext-secrets (plaintextSecrets: true)',
    );
  return { keyring: createKeyring(keys, { random, plaintext }), madeKeyFile: null };
}

/** The keyring for reading what is stored, also beside a running process: creates nothing, and opens nothing without keys. */
export function keyringToRead(
  dataDir: string | null,
  options: SecretOptions,
  random: { bytes(n: number): Uint8Array },
): Keyring {
  const given = givenKeys(options);
  const stored = dataDir === null ? [] : (readKeyFile(dataDir) ?? []);
  const keys = [...given, ...stored.filter(({ id }) => !given.some((key) => key.id === id))];
  return createKeyring(keys, { random, plaintext: keys.length === 0 });
}

/**
 * The keyring of a data directory whose lock the caller holds. A configured key seals, and the key file, if it exists,
 * opens what it sealed before.
 */
export function keyringIn(
  dataDir: string,
  options: SecretOptions,
  random: { bytes(n: number): Uint8Array },
): OpenedKeyring {
  const given = givenKeys(options);
  const plaintext = options.plaintextSecrets === true;
  const stored = readKeyFile(dataDir);
  if (given.length > 0 || plaintext || stored !== null) {
    const keys = [...given, ...(stored ?? []).filter(({ id }) => !given.some((key) => key.id === id))];
    return { keyring: createKeyring(keys, { random, plaintext }), madeKeyFile: null };
  }
  const made = makeKeyFile(dataDir, random);
  return { keyring: createKeyring(made, { random }), madeKeyFile: keyFileIn(dataDir) };
}
