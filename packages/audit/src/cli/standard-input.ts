import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Runs `work` with the files, in which `-` is a copy of standard input: a log is read several times. */
export async function withStandardInput<T>(
  files: readonly string[],
  work: (files: readonly string[]) => Promise<T>,
): Promise<T> {
  if (!files.includes('-')) return await work(files);
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-stdin-'));
  try {
    const path = join(directory, 'stdin');
    await pipeline(process.stdin, createWriteStream(path, { mode: 0o600 }));
    return await work([...new Set(files.map((file) => (file === '-' ? path : file)))]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
