import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StoreOpenError } from '../../domain/errors.ts';

/** What Posthorn keeps in a data directory, and what SQLite keeps beside it. */
const databaseFile = 'posthorn.db';
const lockFile = 'posthorn.lock';
const ownFiles = ['', '-wal', '-shm', '-journal'].flatMap((end) => [
  `${databaseFile}${end}`,
  `${lockFile}${end}`,
]);
/** SQLite opens no path of more bytes than this. */
const maxPathBytes = 511;

export interface DataDirectory {
  readonly path: string;
  readonly database: string;
  readonly lock: string;
  /** Files whose removal or replacement makes every further commit worthless. */
  readonly grounds: readonly string[];
}

const reasons: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'a part of its path is a file, or a symbolic link to nothing',
  ENOENT: 'a part of its path is missing and cannot be created',
  ELOOP: 'its path is a loop of symbolic links',
  ENAMETOOLONG: 'its path is too long',
  EROFS: 'it is on a read-only file system',
  ENOSPC: 'its disk is full',
  EDQUOT: 'the disk quota is exhausted',
  EIO: 'its disk answers with an I/O error',
  ESTALE: 'its network file system has lost it',
};

function refused(path: string, reason: string, nextStep: string, cause?: unknown): StoreOpenError {
  return new StoreOpenError(`the data directory ${path} cannot be used: ${reason}; ${nextStep}`, { cause });
}

const chooseAnother = 'choose another with --data-dir';

function refusedBy(path: string, error: unknown): StoreOpenError {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM')
    return refused(
      path,
      `user ${process.getuid?.() ?? ''} lacks the rights`.replace('  ', ' '),
      `give that user the directory (chown), or ${chooseAnother}`,
      error,
    );
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return refused(
    path,
    reasons[code] ?? code,
    full ? `free some space, or ${chooseAnother}` : chooseAnother,
    error,
  );
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFile()) return 'a file';
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

/** Null where nothing is there. */
function statsOf(path: string, at: string): Stats | null {
  try {
    return statSync(at, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    throw refusedBy(path, error);
  }
}

function located(dataDir: string): DataDirectory {
  if (dataDir.includes('\0')) throw refused(JSON.stringify(dataDir), 'its path holds a NUL', chooseAnother);
  const path = resolve(dataDir);
  const database = join(path, databaseFile);
  if (Buffer.byteLength(`${join(path, lockFile)}-journal`) > maxPathBytes)
    throw refused(
      path,
      `its path has more than ${maxPathBytes - `/${lockFile}-journal`.length} bytes`,
      chooseAnother,
    );
  const lock = join(path, lockFile);
  return { path, database, lock, grounds: [database, `${database}-wal`, `${database}-shm`, lock] };
}

/** The files of ours that are there, each a regular one: SQLite would wait for ever on a named pipe. */
function ownFilesIn(path: string): { readonly at: string; readonly stats: Stats }[] {
  return ownFiles.flatMap((name) => {
    const at = join(path, name);
    const stats = statsOf(path, at);
    if (stats === null) return [];
    if (!stats.isFile())
      throw refused(path, `${name} in it is ${kindOf(stats)}`, `remove it, or ${chooseAnother}`);
    return [{ at, stats }];
  });
}

function requireAccess(path: string, at: string, mode: number): void {
  try {
    accessSync(at, mode);
  } catch (error) {
    throw refusedBy(path, error);
  }
}

/** Only this user may enter and read, whatever created the files and with whichever modes. */
function tighten(path: string, files: readonly { readonly at: string; readonly stats: Stats }[]): void {
  for (const { at, stats } of files) setMode(at, stats, 0o600);
  // A directory that others use too (someone gave /tmp) keeps its mode: the files in it are closed all the same.
  const foreign = readdirSync(path).some((name) => !name.startsWith('posthorn') && name !== 'lost+found');
  if (!foreign) setMode(path, statSync(path), 0o700);
}

function setMode(at: string, stats: Stats, mode: number): void {
  if ((stats.mode & 0o7777) === mode) return;
  try {
    chmodSync(at, mode);
  } catch {
    // Another user's file, or a file system without modes; that it can be read and written was seen before.
  }
}

/** Makes it and the missing parents, one by one: Node's recursive form never returns from a loop of links. */
function make(path: string): void {
  const missing: string[] = [];
  let at = path;
  while (statsOf(path, at) === null && at !== dirname(at)) {
    missing.push(at);
    at = dirname(at);
  }
  try {
    for (const one of missing.toReversed()) mkdirSync(one, { mode: 0o700 });
  } catch (error) {
    throw refusedBy(path, error);
  }
}

/** Makes an empty file that only this user may read; SQLite gives its log and its shared memory the mode of the database. */
export function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw refusedBy(dirname(file), error);
  }
}

/** Makes a directory ready to be written, or throws one sentence: what is wrong with it, and what to do. */
export function prepareDataDirectory(dataDir: string): DataDirectory {
  const directory = located(dataDir);
  const { path } = directory;
  const stats = statsOf(path, path);
  if (stats !== null && !stats.isDirectory()) throw refused(path, `it is ${kindOf(stats)}`, chooseAnother);
  if (stats === null) make(path);
  const { R_OK, W_OK, X_OK } = constants;
  requireAccess(path, path, R_OK | W_OK | X_OK);
  const files = ownFilesIn(path);
  for (const { at } of files) requireAccess(path, at, R_OK | W_OK);
  tighten(path, files);
  createPrivately(directory.lock);
  return directory;
}

/** A directory that is only read: throws one sentence if it does not contain a store, or cannot be read. */
export function existingDataDirectory(dataDir: string): DataDirectory {
  const directory = located(dataDir);
  const { path, database } = directory;
  const stats = statsOf(path, path);
  if (stats !== null && !stats.isDirectory())
    throw new StoreOpenError(`${path} is ${kindOf(stats)}, not a data directory; give one with --data-dir`);
  if (stats !== null) requireAccess(path, path, constants.R_OK | constants.X_OK);
  if (stats === null || statsOf(path, database) === null)
    throw new StoreOpenError(`${path} does not contain Posthorn data; give --data-dir`);
  for (const { at } of ownFilesIn(path)) requireAccess(path, at, constants.R_OK);
  return directory;
}
