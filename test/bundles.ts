import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Plugin as RolldownPlugin, rolldown } from 'rolldown';
import type { Plugin } from 'vitest/config';
import type { TestProject } from 'vitest/node';
import { sourceFileOf } from '../bin/source-of.ts';
import { buildOnce } from '../scripts/build-once.ts';

// What tests start again and again, a process or a thread, is one bundle of the source instead of up to a thousand modules: a server
// takes 1.0 s of processor time to be ready instead of 3.4, of which each of its threads took 0.4.

const here = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const folder = here('node_modules/.cache/bundles');
const threadSource = 'packages/posthorn/src/store/sqlite/thread';

/** What is bundled: the command; a node of the crash tests; and threads: that of the SQLite store, and those of the lab. */
const entries = {
  posthorn: here('packages/posthorn/src/cli/main.ts'),
  node: here('test/crash/node.ts'),
  thread: here(`${threadSource}-worker.ts`),
  world: here('packages/lab/src/worker.ts'),
};
const bundleOf = (name: keyof typeof entries): string => `${folder}/${name}.js`;

/** The script that does what `bin/posthorn.js` does, from the bundle. */
export const command = `${folder}/command.js`;
/** The script of a node of the crash tests, from the bundle. */
export const nodeScript = bundleOf('node');
const commandText = `import { main } from './posthorn.js';
await main(process.argv);
`;

/** What a module starts, by the module: how it names the script, and the script. */
const started = [
  { by: `${threadSource}.ts`, named: /workerScript\([^)]*\)/, script: pathToFileURL(bundleOf('thread')) },
  { by: 'lab/src/pool.ts', named: /new URL\(isSource[^)]*\)/, script: pathToFileURL(bundleOf('world')) },
  { by: 'cli/demo/server-process.ts', named: /new URL\([^)]*\)/, script: pathToFileURL(command) },
];
function startsBundle(code: string, id: string): string {
  const start = started.find(({ by }) => id.endsWith(by));
  if (start === undefined) return code;
  if (!start.named.test(code)) throw new Error(`${id} does not name its script as ${start.named}`);
  return code.replace(start.named, `new URL(${JSON.stringify(start.script.href)})`);
}

/** Modules of a test's own process: what they start is the bundle. */
export const startedFromBundles: Plugin = { name: 'started-from-bundles', transform: startsBundle };

/** Packages that add commands, which no bundler follows by itself. */
const addedCommands = /import\(`\$\{packageName\}\/cli`\)/;
function bringsCommands(code: string, id: string): string {
  if (!id.endsWith('cli/optional-package.ts')) return code;
  if (!addedCommands.test(code)) throw new Error(`${id} does not import as ${addedCommands}`);
  return code.replace(
    addedCommands,
    "(packageName === '@posthorn/lab' ? import('@posthorn/lab/cli') : import('@posthorn/audit/cli'))",
  );
}

/** In the bundle they find what lies beside their source. */
const inPlace: RolldownPlugin = {
  name: 'in-place',
  resolveId: (id) => sourceFileOf(id),
  transform: (code, id) =>
    id.includes('node_modules')
      ? null
      : bringsCommands(startsBundle(code, id), id).replaceAll(
          'import.meta.url',
          JSON.stringify(pathToFileURL(id).href),
        ),
};

async function build(): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const bundle = await rolldown({
    input: entries,
    platform: 'node',
    // They have machine code and WebAssembly beside their modules.
    external: /^@(duckdb|platformatic)\//,
    plugins: [inPlace],
    onLog: (level, log) => {
      if (level === 'warn' && log.code === 'UNRESOLVED_IMPORT') throw new Error(log.message);
    },
  });
  await bundle.write({ dir: folder, format: 'esm' });
  await bundle.close();
  writeFileSync(command, commandText);
}

/** Builds the bundles if a source is newer. */
export async function buildBundles(): Promise<void> {
  mkdirSync(dirname(folder), { recursive: true });
  await buildOnce({
    stamp: `${folder}.built`,
    lock: `${folder}.lock`,
    sources: [
      here('packages/*/src/**/*.ts'),
      here('packages/*/package.json'),
      entries.node,
      here('package-lock.json'),
      import.meta.filename,
    ],
    build,
  });
}

/** Runs before the tests, and before they run again because a source changed. */
export default async function prepare(project: TestProject): Promise<void> {
  await buildBundles();
  project.onTestsRerun(buildBundles);
}
