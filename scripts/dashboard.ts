// Builds the dashboard into the package `posthorn` if its sources are newer: before `npm start`, and for tests.

import { cpSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execFile } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { buildOnce } from './build-once.ts';

const here = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const output = here('packages/dashboard/dist');

/** Compresses a file at build time, which takes servers too long to do well. */
function compress(file: string): void {
  writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file)));
}

async function build(): Promise<void> {
  const vite = join(dirname(fileURLToPath(import.meta.resolve('vite/package.json'))), 'bin/vite.js');
  // A separate process: with the NODE_ENV of a test it would make a development build.
  await promisify(execFile)(
    process.execPath,
    [vite, 'build', here('packages/dashboard'), '--logLevel', 'warn'],
    { env: { ...process.env, NODE_ENV: 'production' } },
  );
  for (const file of globSync(join(output, '{index.html,assets/*.{js,css,svg}}'))) compress(file);
}

/** Builds the dashboard if needed. Any number of processes may call it at once. */
export async function buildDashboard(say: (line: string) => void = () => {}): Promise<void> {
  const tookMs = await buildOnce({
    stamp: join(output, '.built'),
    lock: here('node_modules/.dashboard-lock'),
    sources: [
      ...['src/**/*', 'index.html', 'vite.config.ts', 'package.json'].map((pattern) =>
        here(`packages/dashboard/${pattern}`),
      ),
      here('scripts/dashboard.ts'),
    ],
    build,
  });
  if (tookMs !== null) say(`Built the dashboard in ${(tookMs / 1000).toFixed(1)} s.`);
}

/** Builds it into a package that is about to be packed. */
export async function copyDashboard(to: string): Promise<void> {
  await buildDashboard();
  cpSync(output, to, { recursive: true, filter: (path) => !/(\.built|\.vite)$/.test(path) });
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await buildDashboard(console.log);
