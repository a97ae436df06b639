import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const guides = join(import.meta.dirname, '../docs/guides');

/** The blocks of TypeScript in a guide, as one program: what they import stands above. */
export function programFrom(guide: string): string {
  const page = readFileSync(join(guides, guide), 'utf8');
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
  const imports = new Map<string, Set<string>>();
  const rest = blocks.map((code) =>
    code.replaceAll(/^import \{([^}]*)\} from '([^']*)';\n/gm, (_, names: string, from: string) => {
      const known = imports.get(from) ?? new Set();
      for (const name of names.split(',')) known.add(name.trim());
      imports.set(from, known);
      return '';
    }),
  );
  return [
    ...[...imports].map(([from, names]) => `import { ${[...names].join(', ')} } from '${from}';`),
    ...rest,
  ].join('\n');
}
