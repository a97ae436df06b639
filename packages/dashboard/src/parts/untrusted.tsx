import type { ReactNode } from 'react';

// Payloads, excerpts, headers, URLs and names come from others. Text nodes show them as they are; what would be invisible, or turn
// the text around it, is shown by its number.

/** Control, format and separator characters, and halves of surrogate pairs; tabs and line breaks are what they seem. */
const hidden = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text with its control, bidirectional and invisible characters, and lone surrogates, as ⟨U+202E⟩. */
export function visible(text: string): string {
  return text.replaceAll(
    hidden,
    (character) => `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );
}

/** Text from elsewhere: never markup, never a link. `max`: longer is cut, with the rest on hover. */
export function Untrusted({ text, max }: { text: string; max?: number }): ReactNode {
  const shown = visible(text);
  if (max === undefined || shown.length <= max) return <bdi>{shown}</bdi>;
  return <bdi title={shown.slice(0, 2000)}>{`${shown.slice(0, max - 1)}…`}</bdi>;
}

/** The host of a receiver's URL, which names it on every page. The URL itself where it has none. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? visible(new URL(url).host || url) : visible(url);
}
