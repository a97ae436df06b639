import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../../../test/support.ts';
import { systemRandom } from '../runtime/random.ts';
import { keyringIn, keyringFrom, keyringWithout } from './open-keyring.ts';
import { newSecretKey } from './secret-key.ts';

test('G9: a data directory gets a key file at its first start, closed to others, and keeps it', () => {
  const dataDir = tempDir();
  const file = join(dataDir, 'posthorn.key');
  const first = keyringIn(dataDir, {}, systemRandom);
  expect(first.madeKeyFile).toBe(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toMatch(/^# .*copy.*\nphsk_[\w-]{43}\n$/);
  expect(readdirSync(dataDir)).toEqual(['posthorn.key']);
  const sealed = first.keyring.seal('secret');
  chmodSync(file, 0o644);
  const second = keyringIn(dataDir, {}, systemRandom);
  expect(second.madeKeyFile).toBeNull();
  expect(second.keyring.open(sealed)).toBe('secret');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  // A key of the operator's seals from now on, and the file opens what is there.
  const secretKey = newSecretKey(systemRandom);
  const third = keyringIn(dataDir, { secretKey }, systemRandom).keyring;
  expect(third.open(sealed)).toBe('secret');
  expect(keyringFrom({ secretKey }, systemRandom).keyring.open(third.renew(sealed))).toBe('secret');
  expect(keyringIn(dataDir, { plaintextSecrets: true }, systemRandom).keyring).toMatchObject({ keyId: null });
});

test('with a given key no file is made', () => {
  const dataDir = tempDir();
  expect(keyringIn(dataDir, { secretKey: newSecretKey(systemRandom) }, systemRandom).madeKeyFile).toBeNull();
  expect(readdirSync(dataDir)).toEqual([]);
});

test('a key file that cannot be used is a sentence, and never replaced', () => {
  const dataDir = tempDir();
  const file = join(dataDir, 'posthorn.key');
  writeFileSync(file, 'hunter2\n');
  expect(() => keyringIn(dataDir, {}, systemRandom)).toThrow(/key file .* is not 32 bytes.* restore it/);
  expect(() => keyringIn(dataDir, {}, systemRandom)).not.toThrow(/hunter2/);
  expect(readFileSync(file, 'utf8')).toBe('hunter2\n');
  rmSync(file);
  mkdirSync(file);
  expect(() => keyringIn(dataDir, {}, systemRandom)).toThrow(/not a regular file/);
  expect(() => keyringIn(join(dataDir, 'missing'), {}, systemRandom)).toThrow(/cannot be written \(ENOENT\)/);
});

test('PostgreSQL needs a key or the word that it does not', () => {
  expect(() => keyringFrom({}, systemRandom)).toThrow(
    /POSTHORN_SECRET_KEY \(secretKey in the library\).*--plaintext-secrets/,
  );
  expect(keyringFrom({ plaintextSecrets: true }, systemRandom).keyring.keyId).toBeNull();
  const secretKey = newSecretKey(systemRandom);
  expect(() => keyringFrom({ secretKey, plaintextSecrets: true }, systemRandom)).toThrow(/contradict/);
  expect(() => keyringFrom({ secretKey: 'x' }, systemRandom)).toThrow(
    /^POSTHORN_SECRET_KEY \(secretKey\): the key is not/,
  );
  expect(keyringWithout({}, systemRandom).keyring.keyId).toBeNull();
});
