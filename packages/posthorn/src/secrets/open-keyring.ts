import { StoreOpenError } from '../domain/errors.ts';
import { keyFileIn, makeKeyFile, readKeyFile } from './key-file.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import { type SecretKey, secretKeysFrom } from './secret-key.ts';

export interface SecretOptions {
  /**
   * Key that secrets are encrypted with: 32 random bytes in base64 or hexadecimal, or what `posthorn secrets generate` prints.
   * Several are separated by commas, the newest first: it encrypts, all decrypt. Default: a key file in the data directory, made at
   * the first start. Required with PostgreSQL.
   */
  readonly secretKey?: string | undefined;
  /** Stores secrets as they are. Default false. */
  readonly plaintextSecrets?: boolean | undefined;
}

export interface OpenedKeyring {
  readonly keyring: Keyring;
  /** The key file that was made just now: the operator has to keep a copy. */
  readonly madeKeyFile: string | null;
}

/** The keys that the options give. Throws `StoreOpenError` if they are none, or if the options contradict each other. */
function givenKeys({ secretKey, plaintextSecrets = false }: SecretOptions): readonly SecretKey[] {
  if (secretKey === undefined) return [];
  const keys = secretKeysFrom(secretKey);
  if (typeof keys === 'string') throw new StoreOpenError(`POSTHORN_SECRET_KEY (secretKey): ${keys}`);
  if (plaintextSecrets)
    throw new StoreOpenError(
      'a secret key and --plaintext-secrets (plaintextSecrets) contradict each other: leave one out; `posthorn secrets rotate --plaintext-secrets` decrypts what is stored',
    );
  return keys;
}

/** The keyring of a store that is open already, and keeps no key: without a given one nothing is encrypted. */
export function keyringWithout(
  options: SecretOptions,
  random: { bytes(n: number): Uint8Array },
): OpenedKeyring {
  const keys = givenKeys(options);
  return { keyring: createKeyring(keys, { random, plaintext: keys.length === 0 }), madeKeyFile: null };
}

/** The keyring of a database without a directory of its own: the key has to be given. */
export function keyringOf(options: SecretOptions, random: { bytes(n: number): Uint8Array }): OpenedKeyring {
  const keys = givenKeys(options);
  const plaintext = options.plaintextSecrets === true;
  if (keys.length === 0 && !plaintext)
    throw new StoreOpenError(
      'PostgreSQL stores secrets encrypted and has no place for the key: set POSTHORN_SECRET_KEY (secretKey in the library) to what `posthorn secrets generate` prints, the same on every node; or start with --plaintext-secrets (plaintextSecrets: true)',
    );
  return { keyring: createKeyring(keys, { random, plaintext }), madeKeyFile: null };
}

/** The keyring for reading what is stored, also beside a running process: nothing is made, and without keys nothing opens. */
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
 * The keyring of a data directory, whose lock the caller holds. A key that is given seals, and the key file, if there is one, opens
 * what it sealed before.
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
