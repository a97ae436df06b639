import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { settingVariables } from '../packages/posthorn/src/config/settings.ts';

const root = new URL('..', import.meta.url).pathname;
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'deploy'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const ofKind = (end: RegExp): string[] => files.filter((file) => end.test(file));
/** Third-party images run with a pinned version. */
const image = /(?:image:|NODE_IMAGE=|FROM) *([a-z][^\s'"$]*)/g;

test.each(ofKind(/\.ya?ml$/))('%s is YAML', (file) => {
  for (const document of parseAllDocuments(read(file), { merge: true })) expect(document.errors).toEqual([]);
});

test.each(ofKind(/\.sh$/))(
  '%s is a script that a POSIX shell can read, and stops at the first error',
  (file) => {
    execFileSync('sh', ['-n', join(root, file)]);
    expect(read(file)).toContain('set -eu');
  },
);

test('every variable in deploy/ is one that Posthorn has', () => {
  const known = new Set(settingVariables.map((name) => `POSTHORN_${name}`));
  const named = files.flatMap((file) => [...read(file).matchAll(/POSTHORN_[A-Z_]+/g)].map(([name]) => name));
  expect(named.length).toBeGreaterThan(10);
  expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
});

test('every image has a version, and Node is the one that is tested', () => {
  const images = files.flatMap((file) => [...read(file).matchAll(image)].map(([, name]) => name!));
  const foreign = images.filter((name) => name !== 'posthorn');
  expect(foreign.length).toBeGreaterThan(4);
  expect(foreign.filter((name) => !/:v?\d+\.\d+/.test(name))).toEqual([]);
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: { node: string } };
  expect(read('deploy/container/Containerfile')).toContain(`node:${devDependencies.node}-`);
});

test('nothing runs as root, and what is not data is read-only', () => {
  expect(read('deploy/container/Containerfile')).toMatch(/^USER 10001:10001$/m);
  for (const file of ofKind(/compose\/[a-z]+\.yaml$/)) expect(read(file)).toContain('read_only: true');
  expect(read('deploy/kubernetes/deployment.yaml')).toContain('readOnlyRootFilesystem: true');
  expect(read('deploy/systemd/posthorn.service')).toContain('ProtectSystem=strict');
});

test('files that name each other are there', () => {
  for (const file of ofKind(/compose\/[a-z]+\.yaml$/))
    for (const [, path] of read(file).matchAll(/'(\.\/[^:']+):/g))
      if (path !== './grafana/dashboards')
        expect(existsSync(join(root, dirname(file), path!)), `${file}: ${path}`).toBe(true);
  const { resources } = parseAllDocuments(read('deploy/kubernetes/kustomization.yaml'))[0]!.toJS() as {
    resources: string[];
  };
  for (const resource of resources) expect(files).toContain(`deploy/kubernetes/${resource}`);
});
