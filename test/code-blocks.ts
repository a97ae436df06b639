import { globSync, readFileSync } from 'node:fs';

// The code in the documentation. A comment above a block says what becomes of it in the tests:
//
//   <!-- run -->                    it is run, as it stands (test/integration/quickstarts.test.ts)
//   <!-- run, exits with 1 -->
//   <!-- run in the background -->  until the page is over
//   <!-- file: shop.ts -->          it is written into this file, which a block that is run uses
//   <!-- from: examples/… -->       it is a part of that file, which another test runs
//   <!-- not run: why -->

export interface CodeBlock {
  readonly page: string;
  readonly line: number;
  /** '' for output. */
  readonly language: string;
  readonly code: string;
  /** The comment above; null if there is none. */
  readonly mark: string | null;
}

const block =
  /(?:^ *<!-- (?<mark>[^>]*?) -->\n+)?^(?<indent> *)```(?<language>\w*)\n(?<code>.*?)^\k<indent>```$/gms;

export function codeBlocksIn(page: string): readonly CodeBlock[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(block)].map((found) => {
    const { mark, indent, language, code } = found.groups as Record<string, string | undefined>;
    return {
      page,
      line: text.slice(0, found.index).split('\n').length,
      language: language!,
      code: code!.replaceAll(new RegExp(`^${indent!}`, 'gm'), ''),
      mark: mark ?? null,
    };
  });
}

export const documentationPages = ['README.md', ...globSync('docs/**/*.md')].toSorted();
