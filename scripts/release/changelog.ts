/** The changelog with what is unreleased under a version and a date, and an empty section for what comes next. */
export function released(changelog: string, version: string, date: string): string {
  const heading = '## Unreleased\n';
  const at = changelog.indexOf(heading);
  if (at < 0) throw new Error('CHANGELOG.md lacks the section Unreleased');
  if (changelog.includes(`## ${version} `)) throw new Error(`CHANGELOG.md already has ${version}`);
  const rest = changelog.slice(at + heading.length);
  if (entryOf(rest) === '') throw new Error('CHANGELOG.md says nothing under Unreleased');
  return `${changelog.slice(0, at)}${heading}\n## ${version} (${date})\n${rest}`;
}

/** The section at the beginning of a text, up to the next version. */
export function entryOf(text: string): string {
  const end = text.search(/^## /m);
  return (end < 0 ? text : text.slice(0, end)).trim();
}

const numbers = /^(\d+)\.(\d+)\.(\d+)$/;

/** Null: it may follow; else why not. */
export function faultOfVersion(version: string, current: string, isReleased: boolean): string | null {
  const next = numbers.exec(version)?.slice(1).map(Number);
  const last = numbers.exec(current)!.slice(1).map(Number);
  if (next === undefined) return `${version} is not a version: three numbers, such as 0.2.0`;
  const difference = next.map((number, index) => number - last[index]!).find((by) => by !== 0) ?? 0;
  if (difference > 0 || (difference === 0 && !isReleased)) return null;
  return `${version} does not follow ${current}`;
}
