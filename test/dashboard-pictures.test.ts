import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { screenNames } from './browser/screen-names.ts';

// The pictures of the documentation (`npm run screenshots`): their sizes, not their pixels.

const docs = fileURLToPath(new URL('../docs', import.meta.url));
const pictures = new Map(
  globSync(join(docs, 'dashboard/pictures/*.webp')).map((path) => [basename(path), readFileSync(path)]),
);
const maxBytes = 6_000_000;
const maxHeight = 1600;

/** Width and height of a WebP picture: of its only part, or as the header of several says. */
function sizeOf(file: Buffer): { readonly width: number; readonly height: number } {
  const kind = file.toString('latin1', 8, 16);
  expect(file.toString('latin1', 0, 4)).toBe('RIFF');
  expect(['WEBPVP8 ', 'WEBPVP8X']).toContain(kind);
  return kind === 'WEBPVP8X'
    ? { width: 1 + file.readUIntLE(24, 3), height: 1 + file.readUIntLE(27, 3) }
    : { width: file.readUInt16LE(26) & 0x3fff, height: file.readUInt16LE(28) & 0x3fff };
}

test('every page has its pictures, as wide as its window and of a bounded height', () => {
  const names = screenNames.flatMap((name) =>
    [1280, 390].flatMap((width) => ['light', 'dark'].map((theme) => `${name}-${width}-${theme}.webp`)),
  );
  expect([...pictures.keys()].toSorted()).toEqual(names.toSorted());
  for (const [name, file] of pictures) {
    const { width, height } = sizeOf(file);
    expect(width, name).toBe(Number(/-(\d+)-[a-z]+\.webp$/.exec(name)![1]));
    expect(height, name).toBeGreaterThan(width === 390 ? 800 : 600);
    expect(height, name).toBeLessThanOrEqual(maxHeight);
  }
});

test('all of them fit into a checkout', () => {
  expect([...pictures.values()].reduce((sum, { length }) => sum + length, 0)).toBeLessThan(maxBytes);
});

test('what the documentation shows is there', () => {
  for (const [file, folder] of [
    ['dashboard/index.md', ''],
    ['../README.md', 'docs/dashboard/'],
  ] as const) {
    const shown = [...readFileSync(join(docs, file), 'utf8').matchAll(/([\w/]*pictures\/)([\w-]+\.webp)/g)];
    expect(shown, file).not.toHaveLength(0);
    for (const [, at, name] of shown) {
      expect(at, file).toBe(`${folder}pictures/`);
      expect(pictures.has(name!), `${name} in ${file}`).toBe(true);
    }
  }
});
