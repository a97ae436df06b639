import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

export interface LongFunction {
  readonly file: string;
  readonly line: number;
  readonly lines: number;
}

/** The functions of the source that are longer than this, with those that are defined inside them, the longest first. */
export function functionsOver(max: number): readonly LongFunction[] {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-lengths-'));
  try {
    const config = join(folder, 'oxlintrc.json');
    writeFileSync(
      config,
      JSON.stringify({
        categories: { correctness: 'off' },
        rules: { 'max-lines-per-function': ['warn', { max }] },
      }),
    );
    const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
    const printed = execFileSync(
      process.execPath,
      [oxlint, '-c', config, '--format', 'json', 'packages', 'scripts'],
      { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    );
    const { diagnostics } = JSON.parse(printed) as {
      readonly diagnostics: readonly {
        readonly message: string;
        readonly filename: string;
        readonly labels: readonly { readonly span: { readonly line: number } }[];
      }[];
    };
    return diagnostics
      .filter(({ filename }) => !/\.test\.tsx?$|\/(generated|dist|node_modules)\//.test(filename))
      .map(({ message, filename, labels }) => ({
        file: filename,
        line: labels[0]!.span.line,
        lines: Number(/\((\d+)\)/.exec(message)![1]),
      }))
      .toSorted((a, b) => b.lines - a.lines);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
