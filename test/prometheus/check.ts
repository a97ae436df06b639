import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSlos } from '../../packages/posthorn/src/cli/slo-file.ts';
import { exportedFiles } from '../../packages/posthorn/src/reliability/prometheus/export.ts';
import { tempDir } from '../support.ts';

// npm run check:rules: Prometheus itself checks the exported rules. The test suite parses them without it.

const here = import.meta.dirname;
const slos = readSlos(join(here, 'posthorn.yaml'));
const dir = tempDir();
const rules = join(dir, 'posthorn-rules.yaml');
writeFileSync(rules, exportedFiles(slos)[0].text);
const tests = ['rules-fast.test.yaml', 'rules-slow.test.yaml'].map((name) => {
  copyFileSync(join(here, name), join(dir, name));
  return join(dir, name);
});
for (const args of [['--version'], ['check', 'rules', rules], ['test', 'rules', ...tests]]) {
  const { status, error } = spawnSync('promtool', args, { stdio: 'inherit' });
  if (error !== undefined) {
    process.stderr.write('promtool is not here: apt-get install prometheus, or brew install prometheus\n');
    process.exitCode = 2;
    break;
  }
  if (status !== 0) {
    process.exitCode = 1;
    break;
  }
}
