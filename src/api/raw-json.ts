const quote = 34;
const backslash = 92;
const openers = new Set([91, 123]);

/** Index just behind the string that begins at `at`. The text is known to be valid JSON. */
function skipString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++;
    // A quote behind an odd number of backslashes is part of the string.
    if (slashes % 2 === 0) return end + 1;
  }
}

function skipSpace(text: string, at: number): number {
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
    at++;
  }
}

function skipValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === quote) return skipString(text, at);
  if (!openers.has(first)) {
    for (;;) {
      const code = text.charCodeAt(at);
      // A number or word ends at a comma, a closing bracket, space, or the text's end (NaN).
      if (Number.isNaN(code) || code === 44 || code === 93 || code === 125 || code <= 32) return at;
      at++;
    }
  }
  let depth = 0;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = skipString(text, at);
      continue;
    }
    if (code === 91 || code === 123) depth++;
    else if ((code === 93 || code === 125) && --depth === 0) return at + 1;
    at++;
  }
}

/**
 * The text of a member of the object that begins at `at`, byte for byte as it was sent, or null. Of several
 * by that name the last one counts, as for JSON.parse. The text must be valid JSON.
 */
export function rawMember(text: string, name: string, at = 0): string | null {
  let found: string | null = null;
  at = skipSpace(text, at) + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (text.charCodeAt(at) === 125) return found;
    const keyEnd = skipString(text, at);
    const key = text.slice(at, keyEnd);
    at = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = skipValue(text, at);
    if (key === `"${name}"` || (key.includes('\\') && JSON.parse(key) === name)) found = text.slice(at, end);
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === 44) at++;
  }
}

/** The texts of an array's elements. The text must be a valid JSON array. */
export function rawElements(text: string): string[] {
  const elements: string[] = [];
  let at = skipSpace(text, 0) + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (text.charCodeAt(at) === 93) return elements;
    const end = skipValue(text, at);
    elements.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === 44) at++;
  }
}

/** Whether brackets nest deeper than `most`; decided before parsing, so that no input can exhaust the stack. */
export function nestsDeeper(text: string, most: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      // The text is not yet known to be JSON: an open string ends the search.
      let end = at;
      do {
        end = text.indexOf('"', end + 1);
        if (end < 0) return false;
        let slashes = 0;
        while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++;
        if (slashes % 2 === 0) break;
      } while (end > 0);
      at = end;
    } else if (code === 91 || code === 123) {
      if (++depth > most) return true;
    } else if (code === 93 || code === 125) depth--;
  }
  return false;
}
