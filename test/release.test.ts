import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { entryOf, faultOfVersion, released } from '../scripts/release/changelog.ts';

describe('a release', () => {
  const changelog =
    '# Changelog\n\n## Unreleased\n\n### Added\n\n- X.\n\n## 0.1.0 (2026-01-01)\n\n- First.\n';

  test('moves what is unreleased under its version', () => {
    const text = released(changelog, '0.2.0', '2026-02-03');
    expect(text).toBe(
      '# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-02-03)\n\n### Added\n\n- X.\n\n## 0.1.0 (2026-01-01)\n\n- First.\n',
    );
    expect(entryOf(text.split('(2026-02-03)\n')[1]!)).toBe('### Added\n\n- X.');
    expect(() => released(text, '0.3.0', '2026-02-04')).toThrow('says nothing under Unreleased');
    expect(() => released(changelog, '0.1.0', '2026-02-04')).toThrow('already has 0.1.0');
  });

  test.each([
    ['0.2.0', '0.1.9', true, null],
    ['1.0.0', '0.9.9', true, null],
    ['0.1.0', '0.1.0', false, null],
    ['0.1.0', '0.1.0', true, '0.1.0 does not follow 0.1.0'],
    ['0.1.9', '0.2.0', true, '0.1.9 does not follow 0.2.0'],
    ['v2', '0.2.0', true, 'v2 is not a version: three numbers, such as 0.2.0'],
  ])('%s after %s', (version, current, isReleased, fault) => {
    expect(faultOfVersion(version, current, isReleased)).toBe(fault);
  });

  test('has something to say', () => {
    const text = readFileSync('CHANGELOG.md', 'utf8');
    expect(entryOf(text.slice(text.indexOf('## Unreleased\n') + 14)).length).toBeGreaterThan(100);
  });

  test('gives all packages one version, also in what they need of each other', () => {
    const manifests = ['client', 'posthorn', 'lab', 'audit'].map(
      (folder) =>
        JSON.parse(readFileSync(`packages/${folder}/package.json`, 'utf8')) as {
          readonly name: string;
          readonly version: string;
          readonly dependencies?: Readonly<Record<string, string>>;
          readonly peerDependencies?: Readonly<Record<string, string>>;
        },
    );
    const { version } = manifests[0]!;
    const needed = manifests.flatMap(({ dependencies, peerDependencies }) =>
      Object.entries({ ...dependencies, ...peerDependencies }),
    );
    const own = new Set(manifests.map(({ name }) => name));
    const versions = [
      ...manifests.map((manifest) => manifest.version),
      ...needed.filter(([name]) => own.has(name)).map(([, range]) => range),
    ];
    expect(new Set(versions)).toEqual(new Set([version]));
  });
});
