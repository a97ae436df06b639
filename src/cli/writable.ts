import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CommandError } from './output.ts';

/** Refuses what could not be written in the end before long work begins; undefined: nothing is to be written. */
export function demandWritable(...paths: readonly (string | undefined)[]): void {
  for (const path of paths) {
    if (path === undefined) continue;
    const isThere = statSync(path, { throwIfNoEntry: false });
    if (isThere?.isDirectory() === true) throw new CommandError(`cannot write ${path}: it is a directory`, 2);
    try {
      accessSync(isThere === undefined ? dirname(resolve(path)) : path, constants.W_OK);
    } catch (error) {
      throw new CommandError(`cannot write ${path}: ${(error as Error).message}`, 2);
    }
  }
}
