/** Parses an object or an array of JSON; undefined if the text is something else. */
export function parseJson(text: string): unknown {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  if (!/^[{[]/.test(trimmed)) return undefined;
  try {
    return JSON.parse(trimmed) as unknown;
  } catch {
    return undefined;
  }
}

/** Whether a text is a JSON object. */
export function isObject(text: string): boolean {
  return /^\s*\uFEFF?\s*\{/.test(text) && parseJson(text) !== undefined;
}
