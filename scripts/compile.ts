import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { build } from 'rolldown';
import { copyDashboard } from './dashboard.ts';
import { buildDocsInto } from './docs.ts';

// `prepack` of every package, in its folder: compiles it to `dist`. It leaves out what an installation does not need:
// declarations that are not reachable from an entry, and everything of the packages under `devDependencies` except their one bundled file.

interface Manifest {
  readonly name: string;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, { readonly types: string }>>;
}

/** Returns the declarations reachable from these, including themselves. */
function reachable(entries: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    if (!existsSync(file)) throw new Error(`${file} is missing`);
    found.add(file);
    for (const [, target] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g))
      visit(join(dirname(file), target!).replace(/\.[jt]s$/, '.d.ts'));
  };
  entries.forEach(visit);
  return found;
}

/** Puts a package into `dist/vendor`, with its license, and imports it from there. */
async function vendor(name: string): Promise<void> {
  const file = `dist/vendor/${name}.js`;
  // As text, zod alone was 0.65 of the 30 MB that an installation may take.
  await build({
    input: name,
    platform: 'node',
    output: { file, codeSplitting: false, minify: true, keepNames: true },
  });
  copyFileSync(join(dirname(resolve(`${name}/package.json`)), 'LICENSE'), `dist/vendor/${name}.LICENSE`);
  for (const module of globSync('dist/**/*.js').filter((path) => path !== file)) {
    const text = readFileSync(module, 'utf8');
    const target = relative(dirname(module), file);
    const changed = text.replaceAll(
      `from '${name}'`,
      `from '${target.startsWith('.') ? target : `./${target}`}'`,
    );
    if (new RegExp(`(from|import)[ (]'${name}`).test(changed))
      throw new Error(`${module} still imports ${name}`);
    if (changed !== text) writeFileSync(module, changed);
  }
}

const { resolve } = createRequire(import.meta.url);
const {
  name: ownName,
  exports,
  devDependencies = {},
} = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const compiler = resolve('typescript/package.json');
rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, [join(dirname(compiler), 'bin/tsc'), '-b', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
const kept = reachable(Object.values(exports).map(({ types }) => join(types)));
for (const file of globSync('dist/**/*.d.ts')) if (!kept.has(file)) rmSync(file);
const vendored = Object.keys(devDependencies);
for (const file of kept)
  for (const name of vendored)
    if (readFileSync(file, 'utf8').includes(`'${name}'`))
      throw new Error(`${file} speaks of ${name}, whose types are not installed`);
for (const name of vendored) await vendor(name);
if (ownName === 'posthorn') {
  await copyDashboard('dist/dashboard');
  await buildDocsInto('dist/docs');
}
