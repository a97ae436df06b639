import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// `prepack` of every package, in its folder: compiles it to `dist`, and keeps only the declarations that an entry leads to,
// which are a fifth of them.

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly types: string }>>;
}

/** The declarations that these lead to, themselves included. */
function reachable(entries: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    if (!existsSync(file)) throw new Error(`${file} is missing`);
    found.add(file);
    for (const [, target] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g))
      visit(join(dirname(file), target!).replace(/\.[jt]s$/, '.d.ts'));
  };
  entries.forEach(visit);
  return found;
}

const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, [join(dirname(compiler), 'bin/tsc'), '-b', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
const kept = reachable(Object.values(exports).map(({ types }) => join(types)));
for (const file of globSync('dist/**/*.d.ts')) if (!kept.has(file)) rmSync(file);
