import { execFile } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tempDir } from '../support.ts';
import type { SourceMutant } from './source-mutants.ts';

const root = resolve(import.meta.dirname, '../..');

/** How often `from` stands in its file: once, or the mutant has gone stale. */
export function occurrences({ file, from }: SourceMutant): number {
  return readFileSync(join(root, file), 'utf8').split(from).length - 1;
}

/** Runs the lab on a copy of the source with this mutant in it; answers how many of the seeds failed. */
export async function runMutant(
  { file, from, to }: SourceMutant,
  scenario: string,
  seeds: number,
): Promise<number> {
  const copy = tempDir();
  try {
    for (const part of [
      'bin',
      'package.json',
      ...['src', 'bin', 'package.json'].map((part) => `packages/posthorn/${part}`),
    ])
      cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const text = readFileSync(join(copy, file), 'utf8');
    writeFileSync(
      join(copy, file),
      text.replace(from, () => to),
    );
    const args = ['bin/posthorn.js', 'lab', scenario, '--seeds', String(seeds), '--json', '--no-shrink'];
    const out = await new Promise<string>((done) => {
      execFile(process.execPath, args, { cwd: copy, maxBuffer: 1e8, timeout: 120_000 }, (_, stdout) =>
        done(stdout),
      );
    });
    // A lab that hangs has noticed, too.
    return out === '' ? seeds : (JSON.parse(out) as { failures: unknown[] }).failures.length;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
