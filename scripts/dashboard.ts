// Builds the dashboard into the package `posthorn` if its sources are newer: before `npm start`, and for tests.

import {
  closeSync,
  cpSync,
  existsSync,
  globSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const here = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const output = here('packages/dashboard/dist');
const built = join(output, '.built');
const lock = here('node_modules/.dashboard-lock');
/** A build takes a few seconds: a lock this old belongs to a killed process. */
const maxBuildMs = 60_000;

const sources = ['src/**/*', 'index.html', 'vite.config.ts', 'package.json'];

/** Whether a source is newer than what was built. */
function isStale(): boolean {
  if (!existsSync(built)) return true;
  const builtAt = statSync(built).mtimeMs;
  return sources
    .flatMap((pattern) => globSync(here(`packages/dashboard/${pattern}`)))
    .some((file) => statSync(file).mtimeMs > builtAt);
}

/** Runs `action` while no other process does. */
async function alone(action: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      closeSync(openSync(lock, 'wx'));
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0) > maxBuildMs)
        rmSync(lock, { force: true });
      await setTimeout(100);
    }
  }
  try {
    await action();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Compresses each file at build time, so that servers do not have to. */
function compress(file: string): void {
  const content = readFileSync(file);
  writeFileSync(`${file}.br`, brotliCompressSync(content));
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
}

/** Builds the dashboard if needed. Any number of processes may call it at once: one builds, the others wait. */
export async function buildDashboard(say: (line: string) => void = () => {}): Promise<void> {
  if (!isStale()) return;
  await alone(async () => {
    if (!isStale()) return;
    const begun = Date.now();
    const vite = join(dirname(fileURLToPath(import.meta.resolve('vite/package.json'))), 'bin/vite.js');
    // A separate process: with the NODE_ENV of a test it would make a development build.
    await promisify(execFile)(
      process.execPath,
      [vite, 'build', here('packages/dashboard'), '--logLevel', 'warn'],
      {
        env: { ...process.env, NODE_ENV: 'production' },
      },
    );
    for (const file of globSync(join(output, '{index.html,assets/*.{js,css,svg}}'))) compress(file);
    writeFileSync(built, '');
    // A source that was changed in the meantime is newer.
    utimesSync(built, new Date(begun), new Date(begun));
    say(`Built the dashboard in ${((Date.now() - begun) / 1000).toFixed(1)} s.`);
  });
}

/** Builds it into a package that is about to be packed. */
export async function copyDashboard(to: string): Promise<void> {
  await buildDashboard();
  cpSync(output, to, { recursive: true, filter: (path) => !/(\.built|\.vite)$/.test(path) });
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await buildDashboard(console.log);
