import { createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AuditError, AuditStopped } from '../errors.ts';

// Archives are unpacked before anything else: the readers of the database need files.

/** A zip bomb must not fill the disk. */
const maxUnpackedBytes = 64 * 1024 ** 3;
const maxEntries = 10_000;

/** A file to read, and the name under which the user knows it. */
export interface InputFile {
  readonly path: string;
  readonly shownAs: string;
}

async function isZip(path: string): Promise<boolean> {
  // Opening a pipe would wait for its writer.
  if ((await stat(path).catch(() => null))?.isFile() !== true) return false;
  const handle = await open(path, 'r').catch(() => null);
  if (handle === null) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.readUInt32LE(0) === 0x04034b50;
  } finally {
    await handle.close();
  }
}

/** What archives and systems put beside the files that matter. */
const isOther = (name: string): boolean => name.endsWith('/') || /(^|\/)(__MACOSX\/|\.)/.test(name);

/** Returns the files to read: those of a zip archive are unpacked into `directory`, others are as they are. */
export async function unpackArchives(
  paths: readonly string[],
  directory: string,
  signal: AbortSignal | undefined,
): Promise<InputFile[]> {
  const files: InputFile[] = [];
  for (const [index, path] of paths.entries()) {
    if (!(await isZip(path))) files.push({ path, shownAs: path });
    else files.push(...(await unpack(path, join(directory, `zip-${index}`), signal)));
  }
  return files;
}

async function unpack(path: string, prefix: string, signal: AbortSignal | undefined): Promise<InputFile[]> {
  // Most logs are not in archives, so the library is loaded if one is.
  const { openPromise } = await import('yauzl');
  const files: InputFile[] = [];
  let bytes = 0;
  try {
    const zip = await openPromise(path);
    for await (const entry of zip.eachEntry()) {
      if (signal?.aborted === true) throw new AuditStopped();
      if (isOther(entry.fileName)) continue;
      if (entry.isEncrypted())
        throw new AuditError(`${path} is encrypted: unpack it first, for example with 7z x ${path}`);
      bytes += entry.uncompressedSize;
      if (bytes > maxUnpackedBytes || files.length >= maxEntries)
        throw new AuditError(
          `${path} holds more than ${maxUnpackedBytes / 1024 ** 3} GiB or ${maxEntries} files: unpack it and give its files`,
        );
      // The name inside the archive is never a path on this machine.
      const unpacked = `${prefix}-${files.length}`;
      await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(unpacked, { mode: 0o600 }), {
        signal,
      });
      files.push({ path: unpacked, shownAs: `${path}/${entry.fileName}` });
    }
  } catch (error) {
    if (signal?.aborted === true) throw new AuditStopped();
    if (error instanceof AuditError) throw error;
    throw new AuditError(`${path} is not a valid zip file: ${(error as Error).message}`);
  }
  if (files.length === 0) throw new AuditError(`${path} does not contain a file`);
  return files;
}
