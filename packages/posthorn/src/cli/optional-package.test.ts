import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { tempDir } from '../../../../test/support.ts';
import { demandPackages } from './optional-package.ts';

test('a package that is not installed: wrong usage, and the command that installs it', () => {
  const home = tempDir();
  const importer = pathToFileURL(join(home, 'node_modules', 'posthorn', 'index.js')).href;
  const demand = (): void => demandPackages(['@posthorn/audit'], 'posthorn audit', importer);
  expect(demand).toThrow(
    expect.objectContaining({
      code: 2,
      message:
        'posthorn audit needs @posthorn/audit, which is not installed. Run: npm install @posthorn/audit',
    }),
  );
  const installed = join(home, 'node_modules', '@posthorn', 'audit');
  mkdirSync(installed, { recursive: true });
  writeFileSync(join(installed, 'package.json'), '{}');
  expect(demand).not.toThrow();
});
