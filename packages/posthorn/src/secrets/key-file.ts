import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { StoreOpenError } from '../domain/errors.ts';
import { newSecretKey, type SecretKey, secretKeysFrom } from './secret-key.ts';

const fileName = 'posthorn.key';
const comment =
  '# Secret key of this Posthorn. Keep a copy apart from the data: without it signing secrets, header values and channels are lost.';

export const keyFileIn = (dataDir: string): string => join(dataDir, fileName);

/** Reads the keys in the data directory's key file; null if there is none. Throws `StoreOpenError` if it cannot be used. */
export function readKeyFile(dataDir: string): readonly SecretKey[] | null {
  const path = keyFileIn(dataDir);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  if (!stats.isFile()) throw unusable(path, 'is not a regular file');
  let text: string;
  try {
    if ((stats.mode & 0o077) !== 0) chmodSync(path, 0o600);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw unusable(path, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
  const keys = secretKeysFrom(text);
  if (typeof keys === 'string') throw unusable(path, keys);
  return keys;
}

/**
 * Creates the key file of a data directory whose lock the caller holds: whole or not at all, readable by this user
 * alone, and on disk before anything is sealed with its key.
 */
export function makeKeyFile(dataDir: string, random: { bytes(n: number): Uint8Array }): readonly SecretKey[] {
  const path = keyFileIn(dataDir);
  write(`${comment}\n${newSecretKey(random)}\n`, path, (draft) => {
    // Never overwrites an existing file.
    linkSync(draft, path);
    rmSync(draft);
  });
  return readKeyFile(dataDir)!;
}

/** Writes a draft beside the file and renames it into place. */
function write(text: string, path: string, place: (draft: string) => void): void {
  const draft = `${path}.new`;
  try {
    rmSync(draft, { force: true });
    const file = openSync(draft, 'wx', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    place(draft);
    syncDirectory(dirname(path));
  } catch (error) {
    throw unusable(path, `cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function unusable(path: string, why: string): StoreOpenError {
  return new StoreOpenError(
    `the key file ${path} ${why}: restore it from its backup, or set POSTHORN_SECRET_KEY`,
  );
}

/** Puts a new key before those in the file, which still open what they sealed: whole or not at all. */
export function addKey(dataDir: string, random: { bytes(n: number): Uint8Array }): readonly SecretKey[] {
  const path = keyFileIn(dataDir);
  const before = readKeyFile(dataDir);
  const former = before === null ? '' : readFileSync(path, 'utf8').replace(`${comment}\n`, '');
  write(`${comment}\n${newSecretKey(random)}\n${former}`, path, (draft) => renameSync(draft, path));
  return readKeyFile(dataDir)!;
}
