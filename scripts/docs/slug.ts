/** The anchor of a heading, as GitHub makes it; `taken` are those that stand above it. */
export function slugOf(heading: string, taken: ReadonlySet<string>): string {
  const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  const slug = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
  let name = slug;
  for (let n = 1; taken.has(name); n++) name = `${slug}-${n}`;
  return name;
}
