// A checkout runs from source: what a package exports is compiled from a file of the same name. See docs/internals/packages.md.
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, { readonly default?: string } | undefined>>;
}

const root = new URL('../', import.meta.url);
const packages = new Map(
  globSync('packages/*/package.json', { cwd: root }).map((file) => {
    const manifest = new URL(file, root);
    const { name, exports } = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
    return [name, { exports, manifest }] as const;
  }),
);

/** The URL of the source of an entry of a package of this checkout (`posthorn/cli`); undefined for every other specifier. */
export function sourceOf(specifier: string): string | undefined {
  const [, name, entry = ''] = /^((?:@posthorn\/)?[\w-]+)(\/.+)?$/.exec(specifier) ?? [];
  const its = packages.get(name!);
  const compiled = its?.exports?.[`.${entry}`]?.default;
  return compiled && new URL(compiled.replace('/dist/', '/src/').replace(/\.js$/, '.ts'), its.manifest).href;
}

/** The same as a file, for bundlers. */
export function sourceFileOf(specifier: string): string | undefined {
  const source = sourceOf(specifier);
  return source === undefined ? undefined : fileURLToPath(source);
}
