// Makes a release: `npm run release -- 0.2.0 [--dry-run]`. Packs every package, tests these archives, writes their checksums, a list of
// what they contain (SBOM, CycloneDX) and the changelog's entry into `release/`. It publishes nothing: it prints what to do next.
// With --dry-run no file of the repository changes, and the version is optional.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { entryOf, faultOfVersion, released } from './release/changelog.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** In the order in which they are published: each after what it needs. */
const folders = ['client', 'posthorn', 'lab', 'audit'];

interface Manifest {
  name: string;
  version: string;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const manifestAt = (folder: string): string => join(root, 'packages', folder, 'package.json');
const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(manifestAt(folder), 'utf8')) as Manifest;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const run = (cwd: string, command: string, args: readonly string[], env = process.env): string =>
  execFileSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 1e8,
    stdio: ['ignore', 'pipe', 'inherit'],
  });

function fail(text: string): never {
  process.stderr.write(`release: ${text}\n`);
  process.exit(1);
}

/** Writes a version into every package, and into what they need of each other. */
function setVersion(version: string): void {
  const names = new Set(folders.map((folder) => manifestOf(folder).name));
  for (const folder of folders) {
    const manifest = manifestOf(folder);
    manifest.version = version;
    for (const needed of [manifest.dependencies, manifest.peerDependencies])
      for (const name of Object.keys(needed ?? {})) if (names.has(name)) needed![name] = version;
    writeFileSync(manifestAt(folder), `${JSON.stringify(manifest, null, 2)}\n`);
  }
  run(root, 'npm', ['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund']);
  // The version is a constant of the source, too.
  run(root, 'npm', ['run', '-s', 'generate']);
}

interface Archive {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Source, tests and secrets; the documentation has examples as they are. */
const isStrange = (path: string): boolean =>
  !path.startsWith('dist/docs/') && /(?:^|\/)src\/|\.test\.|(?<!\.d)\.ts$|\.env|\.key$/.test(path);

/** What npm would publish; refuses files that do not belong there. */
function pack(into: string): readonly Archive[] {
  const workspaces = folders.flatMap((folder) => ['-w', manifestOf(folder).name]);
  const answer = run(root, 'npm', ['pack', '--json', '--pack-destination', into, ...workspaces]);
  const archives = Object.values(
    JSON.parse(answer.slice(answer.search(/^[[{]/m))) as Record<string, Archive>,
  );
  for (const { name, files } of archives) {
    const strange = files.filter(({ path }) => isStrange(path));
    if (strange.length > 0) fail(`${name} would contain ${strange.map(({ path }) => path).join(', ')}`);
  }
  return archives;
}

/** The packages with everything that comes with them, as npm installs them. */
function writeBillOfMaterials(into: string, archives: readonly string[], version: string): number {
  const home = mkdtempSync(join(tmpdir(), 'posthorn-release-'));
  writeFileSync(
    join(home, 'package.json'),
    JSON.stringify({ name: 'posthorn-release', version, private: true }),
  );
  const options = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  run(home, 'npm', ['install', ...options, ...archives]);
  const text = run(home, 'npm', ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev']);
  const bill = JSON.parse(text) as { components: { name: string; version: string }[] };
  for (const { name } of folders.map(manifestOf))
    if (!bill.components.some((component) => component.name === name)) fail(`the SBOM lacks ${name}`);
  // The paths of this machine are not published.
  writeFileSync(join(into, 'sbom.cdx.json'), text.replaceAll(/file:[^"]*\//g, 'file:'));
  rmSync(home, { recursive: true });
  return bill.components.length;
}

const { values, positionals } = parseArgs({
  options: { 'dry-run': { type: 'boolean', default: false } },
  allowPositionals: true,
});
const isDry = values['dry-run'];
const current = manifestOf('posthorn').version;
const version = positionals[0] ?? (isDry ? current : fail('usage: npm run release -- <version> [--dry-run]'));
const tags = run(root, 'git', ['tag', '--list', `v${current}`]).trim();
const fault = faultOfVersion(version, current, tags !== '');
if (fault !== null && !(isDry && version === current)) fail(fault);
if (!isDry && run(root, 'git', ['status', '--porcelain']) !== '') fail('commit or remove your changes first');

const changelogFile = join(root, 'CHANGELOG.md');
const date = new Date().toISOString().slice(0, 10);
const changelog = released(readFileSync(changelogFile, 'utf8'), version, date);
const into = isDry ? mkdtempSync(join(tmpdir(), 'posthorn-release-')) : join(root, 'release');
if (!isDry) {
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into);
  setVersion(version);
  writeFileSync(changelogFile, changelog);
}
say(`Packing ${version}`);
const archives = pack(into);
const paths = archives.map(({ filename }) => join(into, filename));
say('Testing the archives');
run(root, process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/packed'], {
  ...process.env,
  POSTHORN_TEST_ARCHIVES: into,
});
const components = writeBillOfMaterials(into, paths, version);
const notes = entryOf(changelog.slice(changelog.indexOf(`## ${version} (`)).replace(/^.*\n/, ''));
writeFileSync(join(into, 'NOTES.md'), `${notes}\n`);
const sums = [...archives.map(({ filename }) => filename), 'sbom.cdx.json'].map((file) => {
  const hash = createHash('sha256')
    .update(readFileSync(join(into, file)))
    .digest('hex');
  return `${hash}  ${file}`;
});
writeFileSync(join(into, 'SHA256SUMS'), `${sums.join('\n')}\n`);

for (const [index, { filename, files }] of archives.entries())
  say(`  ${filename}: ${files.length} files, ${Math.ceil(statSync(paths[index]!).size / 1024)} KiB`);
say(`  sbom.cdx.json: ${components} components; NOTES.md: ${notes.split('\n').length} lines; SHA256SUMS`);
if (isDry) {
  rmSync(into, { recursive: true });
  say(`${version} can be released. Nothing was changed.`);
} else
  say(`
Next, in docs/internals/releasing.md:
  git commit -am 'Posthorn ${version}' && git tag -s v${version} && git push --follow-tags
The workflow that the tag starts publishes with provenance, in this order:
${folders.map((folder) => `  npm publish --provenance --access public release/${archives.find(({ name }) => name === manifestOf(folder).name)!.filename}`).join('\n')}`);
