import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CommandError } from './output.ts';

/** Identifies a file under any name; null: not a file. Reading or writing it reports what cannot be inspected here. */
function fileIdentity(path: string): string | null {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() === true ? `${found.dev}:${found.ino}` : null;
  } catch {
    return null;
  }
}

/**
 * Refuses, before long work starts, what could not be written in the end, and what would overwrite an input; undefined:
 * nothing is written, or read.
 */
export function demandWritable(
  paths: readonly (string | undefined)[],
  inputs: readonly (string | undefined)[] = [],
): void {
  const read = new Set(inputs.flatMap((path) => (path === undefined ? [] : (fileIdentity(path) ?? []))));
  for (const path of paths) {
    if (path === undefined) continue;
    const isThere = statSync(path, { throwIfNoEntry: false });
    if (isThere?.isDirectory() === true) throw new CommandError(`cannot write ${path}: it is a directory`, 2);
    const file = fileIdentity(path);
    if (file !== null && read.has(file))
      throw new CommandError(
        `${path} is read by this command and would be overwritten: name another file`,
        2,
      );
    try {
      accessSync(isThere === undefined ? dirname(resolve(path)) : path, constants.W_OK);
    } catch (error) {
      throw new CommandError(`cannot write ${path}: ${(error as Error).message}`, 2);
    }
  }
}
