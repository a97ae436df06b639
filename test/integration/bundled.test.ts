import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import { sourceFileOf } from '../../bin/source-of.ts';
import { tempDir } from '../support.ts';

const run = promisify(execFile);

/** An application that embeds a node, in one file together with everything that it imports. */
async function bundled(format: 'esm' | 'cjs', external: readonly string[]): Promise<string> {
  const folder = tempDir();
  const entry = join(folder, 'app.ts');
  writeFileSync(
    entry,
    `import { createPosthorn } from 'posthorn';
     createPosthorn({ database: process.argv[2] }).then(async (posthorn) => {
       const { id } = await posthorn.publish({ type: 'a', data: {}, id: 'evt' });
       await posthorn.stop();
       console.log('published ' + id);
     });`,
  );
  const bundle = await rolldown({
    input: entry,
    platform: 'node',
    external: (id) => external.includes(id),
    plugins: [
      {
        name: 'source',
        resolveId: (id) => (external.includes(id) ? null : sourceFileOf(id)),
      },
    ],
    onLog: () => {},
  });
  const file = join(folder, format === 'esm' ? 'app.mjs' : 'app.cjs');
  await bundle.write({ file, format, codeSplitting: false });
  await bundle.close();
  return file;
}

test.each(['esm', 'cjs'] as const)(
  'Posthorn inside a bundle (%s) is refused, and the error says what to set',
  async (format) => {
    const application = run(process.execPath, [await bundled(format, []), tempDir()]);
    await expect(application).rejects.toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(
        /Posthorn cannot run from inside a bundle.*serverExternalPackages/,
      ) as string,
    });
  },
);

test('Posthorn beside a bundle works', async () => {
  const file = await bundled('esm', ['posthorn']);
  const hooks = fileURLToPath(new URL('../../bin/source.js', import.meta.url));
  const { stdout } = await run(process.execPath, ['--import', hooks, file, tempDir()]);
  expect(stdout).toBe('published evt\n');
});
