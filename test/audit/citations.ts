/** The page that the accuracy command writes; its sentence about the whole run is cited on others. */
export const accuracyPage = 'docs/reference/audit-accuracy.md';
/** Pages that cite the sentence. */
export const citing: readonly string[] = ['docs/start/proof.md', 'docs/internals/audit.md'];

const sentence = /On [\d,]+ generated logs with known truth,[^\n]*?not accused wrongly\./;

/** The sentence in a page. */
export const citedIn = (text: string): string | null => sentence.exec(text)?.[0] ?? null;

/** A page with the sentence of another run. */
export function withSentence(text: string, now: string): string {
  const before = citedIn(text);
  if (before === null) throw new Error('the page does not cite the accuracy of the audit');
  return text.replace(before, () => now);
}
