import { flatten } from './sample.ts';
import { textPatterns } from './formats/index.ts';
import { type SampleRecord, timeOfLine, timeOfLinePattern } from './spec.ts';

/** Converts a pattern of RE2 with named groups to one of JavaScript. */
export const toRegExp = (pattern: string): RegExp => new RegExp(pattern.replaceAll('(?P<', '(?<'));
/** Converts a pattern of JavaScript with named groups to one of RE2. */
export const toRe2 = (pattern: string): string => pattern.replaceAll(/\(\?<(?![=!])/g, '(?P<');

const knownPatterns = textPatterns.map(toRegExp);

/** Reads lines of text: key=value pairs anywhere in them, and the groups of the pattern that fits. */
export function recordsFromText(
  lines: readonly string[],
  patterns: readonly RegExp[] = knownPatterns,
): SampleRecord[] {
  const began = new RegExp(timeOfLinePattern);
  return lines.map((line) => {
    const pairs = [...line.matchAll(/(?:^|[\s,;{[(])([A-Za-z_@][\w.-]*)[=:](?:"([^"]+)"|([^"\s,;]+))/g)].map(
      ([, key, quoted, plain]) => [key!, (quoted ?? plain)!] as const,
    );
    const groups = patterns.map((pattern) => pattern.exec(line)?.groups).find((found) => found !== undefined);
    const at = began.exec(line);
    if (at !== null) pairs.push([timeOfLine, at[1]!]);
    for (const [name, value] of Object.entries(groups ?? {}))
      if (value !== undefined) pairs.push([name, value]);
    return { values: flatten(Object.fromEntries(pairs.filter(([, value]) => value !== '-'))) };
  });
}
