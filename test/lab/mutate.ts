import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { tempDir } from '../support.ts';
import type { SourceMutant } from './source-mutants.ts';

const root = resolve(import.meta.dirname, '../..');

/** How often `from` occurs in its file: once, otherwise the mutant is stale. */
export function occurrences({ file, from }: SourceMutant): number {
  return readFileSync(join(root, file), 'utf8').split(from).length - 1;
}

/** Copies the packages of a checkout and links everything else to this one. */
function copyCheckout(copy: string): void {
  for (const part of ['bin', 'packages', 'package.json'])
    cpSync(join(root, part), join(copy, part), {
      recursive: true,
      filter: (path) => !['dist', 'node_modules'].includes(basename(path)),
    });
  mkdirSync(join(copy, 'node_modules', '@posthorn'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules')))
    if (!name.startsWith('.') && name !== 'posthorn' && name !== '@posthorn')
      symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name));
  for (const folder of readdirSync(join(copy, 'packages')))
    symlinkSync(
      join(copy, 'packages', folder),
      join(copy, 'node_modules', folder === 'posthorn' ? folder : `@posthorn/${folder}`),
    );
}

/** Runs the lab on a copy of the source with this mutant in it; answers how many of the seeds failed. */
export async function runMutant(
  { file, from, to }: SourceMutant,
  scenario: string,
  seeds: number,
): Promise<number> {
  const copy = tempDir();
  try {
    copyCheckout(copy);
    const text = readFileSync(join(copy, file), 'utf8');
    writeFileSync(
      join(copy, file),
      text.replace(from, () => to),
    );
    const args = ['bin/posthorn.js', 'lab', scenario, '--seeds', String(seeds), '--json', '--no-shrink'];
    const out = await new Promise<string>((done) => {
      execFile(process.execPath, args, { cwd: copy, maxBuffer: 1e8, timeout: 900_000 }, (_, stdout) =>
        done(stdout),
      );
    });
    // A lab that hangs has noticed it too; the bound is far above what the seeds take on a busy machine.
    return out === '' ? seeds : (JSON.parse(out) as { failures: unknown[] }).failures.length;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
