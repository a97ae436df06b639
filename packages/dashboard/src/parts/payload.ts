/** Characters of a body that are shown. */
export const maxShownLength = 65_536;
/** Deeper levels stay on one line: indenting them would be nothing but spaces. */
const maxDepth = 64;

/**
 * JSON with line breaks and indentation between its parts, and every part of it as it stands: numbers keep their digits, texts
 * their escapes. Null: it is not JSON, is too long to be read so, or is one line already.
 */
export function indented(text: string): string | null {
  if (text.length > maxShownLength) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  let shown = '';
  let depth = 0;
  let at = 0;
  const breakLine = (): void => {
    shown += depth > maxDepth ? ' ' : `\n${'  '.repeat(depth)}`;
  };
  while (at < text.length) {
    const character = text[at]!;
    if (character === '"') {
      const end = stringEnd(text, at);
      shown += text.slice(at, end);
      at = end;
      continue;
    }
    at++;
    if (character === '{' || character === '[') {
      const close = /^\s*[}\]]/.exec(text.slice(at, at + 64));
      shown += character;
      if (close !== null) {
        shown += close[0].trim();
        at += close[0].length;
        continue;
      }
      depth++;
      breakLine();
    } else if (character === '}' || character === ']') {
      depth--;
      breakLine();
      shown += character;
    } else if (character === ',') {
      shown += ',';
      breakLine();
    } else if (character === ':') shown += ': ';
    else if (!/\s/.test(character)) shown += character;
  }
  return shown === text ? null : shown;
}

/** Behind the closing quote of a text that begins here. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}
