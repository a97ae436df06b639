import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// `npm run screenshots`: pictures of every page for the documentation, on a desktop and a phone, light and dark, of the history
// of `posthorn demo --keep` with half of its deliveries, at a fixed time. With a folder as its argument they go there, as PNG, and the documentation stays.

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'docs/dashboard/pictures');
const asked = process.argv[2];
const folder = asked ?? mkdtempSync(join(tmpdir(), 'posthorn-pictures-'));
const { status } = spawnSync(
  'npx',
  ['vitest', 'run', 'test/browser/screens.test.ts', '--testTimeout', '600000', '--hookTimeout', '600000'],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      POSTHORN_TEST_PICTURES: folder,
      POSTHORN_TEST_PICTURE_FORMAT: asked === undefined ? 'webp' : 'png',
      POSTHORN_TEST_DEMO_DELIVERIES: '40000',
    },
  },
);
if (asked === undefined && status === 0) {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  cpSync(folder, target, { recursive: true });
  console.log(
    `${globSync(join(target, '*.webp')).length} pictures are in docs/dashboard/pictures: look at each`,
  );
}
if (asked === undefined) rmSync(folder, { recursive: true });
process.exit(status ?? 1);
