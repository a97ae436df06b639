// A checkout runs from source: what a package exports is compiled from a file of the same name. See docs/internals/packages.md.
import { globSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const packages = new Map(
  globSync('packages/*/package.json', { cwd: root }).map((file) => {
    const manifest = new URL(file, root);
    const { name, exports } = JSON.parse(readFileSync(manifest, 'utf8'));
    return [name, { exports, manifest }];
  }),
);

/** The URL of the source of an entry of a package of this checkout (`posthorn/cli`); undefined for every other specifier. */
export function sourceOf(specifier) {
  const [, name, entry = ''] = /^((?:@posthorn\/)?[\w-]+)(\/.+)?$/.exec(specifier) ?? [];
  const { exports, manifest } = packages.get(name) ?? {};
  const compiled = exports?.[`.${entry}`]?.default;
  return compiled && new URL(compiled.replace('/dist/', '/src/').replace(/\.js$/, '.ts'), manifest).href;
}
