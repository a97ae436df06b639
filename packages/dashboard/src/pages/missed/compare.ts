import type { Answer } from '../../api.ts';
import { callLines } from '../../lines.ts';
import { type IdFile, idsIn } from './ids.ts';

export type Missing = Answer<'reconcile.run'>['missing'][number];
export type Summary = Omit<Answer<'reconcile.run'>, 'missing' | 'unexpected' | 'next_cursor'>;

/** Rows that a page keeps; the counts are of all of them. */
export const maxListed = 5000;
const maxUnexpected = 1000;

export interface Comparison {
  readonly summary: Summary;
  readonly missing: readonly Missing[];
  readonly unexpected: readonly string[];
}

export interface Progress {
  readonly step: 'reading' | 'comparing';
  /** About the file that was read. */
  readonly share: number;
  readonly ids: number;
}

export interface Window {
  readonly endpoint_id: string;
  readonly tenant: string;
  readonly since: string;
  readonly until: string;
}

/** Reads the ids of a file in this browser, and has the server compare them with what it sent. */
export async function compare(
  file: Blob,
  window: Window,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Comparison> {
  const { lines, count }: IdFile = await idsIn(
    file,
    (bytes, ids) => onProgress({ step: 'reading', share: bytes / Math.max(1, file.size), ids }),
    signal,
  );
  onProgress({ step: 'comparing', share: 1, ids: count });
  const missing: Missing[] = [];
  const unexpected: string[] = [];
  let summary: Summary | null = null;
  const query = { ...window, limit: maxUnexpected };
  for await (const line of callLines('reconcile.run', { query, body: lines, signal })) {
    if ('summary' in line) {
      const { next_cursor: _, ...totals } = line.summary;
      summary = totals;
    } else if ('missing' in line) {
      if (missing.length < maxListed) missing.push(line.missing);
    } else unexpected.push(line.unexpected);
  }
  if (summary === null) throw new Error('The answer ended before it was complete. Compare again.');
  return { summary, missing, unexpected };
}
