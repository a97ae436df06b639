import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build as bundle } from 'rolldown';
import type { Plugin } from 'vitest/config';
import type { TestProject } from 'vitest/node';
import { buildOnce } from '../scripts/build-once.ts';

// Every SQLite store that a test opens starts a thread, and to load its 150 modules takes a thread twice as long as all else that it
// does to open. Tests start it from one file, which is made of the same source.

const here = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const source = 'packages/posthorn/src/store/sqlite/thread';
const bundled = here('node_modules/.cache/store-thread.js');

async function build(): Promise<void> {
  const part = `${bundled}.part`;
  rmSync(part, { force: true });
  await bundle({
    input: here(`${source}-worker.ts`),
    platform: 'node',
    output: { file: part, format: 'esm' },
  });
  renameSync(part, bundled);
}

async function buildIfNeeded(): Promise<void> {
  mkdirSync(dirname(bundled), { recursive: true });
  await buildOnce({
    stamp: `${bundled}.built`,
    lock: `${bundled}.lock`,
    sources: [here('packages/posthorn/src/**/*.ts'), here('package-lock.json'), import.meta.filename],
    build,
  });
}

/** Runs before the tests, and before they run again because a source changed. */
export default async function prepare(project: TestProject): Promise<void> {
  await buildIfNeeded();
  project.onTestsRerun(buildIfNeeded);
}

/** Makes the store start that file. */
export const storeThread: Plugin = {
  name: 'store-thread',
  transform(code, id) {
    if (!id.endsWith(`${source}.ts`)) return;
    const script = /workerScript\([^)]*\)/;
    if (!script.test(code)) throw new Error(`${id} does not start its thread by workerScript`);
    return code.replace(script, `new URL(${JSON.stringify(pathToFileURL(bundled).href)})`);
  },
};
