import { type Answer, call } from '../../api.ts';

/** Rows of a file: a browser keeps them in memory until it is written. */
const maxRows = 100_000;

/** Reads everything that a filter matches, page by page, into a file of JSON lines. Returns how many, and whether these are all. */
export async function exportLines(
  query: Readonly<Record<string, string>>,
  onProgress: (rows: number) => void,
): Promise<{ readonly blob: Blob; readonly rows: number; readonly isAll: boolean }> {
  const parts: string[] = [];
  let rows = 0;
  let cursor: string | null = null;
  do {
    const page: Answer<'deliveries.list'> = await call('deliveries.list', {
      query: { ...query, limit: 1000, include: 'event,endpoint', ...(cursor === null ? {} : { cursor }) },
    });
    for (const item of page.items) parts.push(`${JSON.stringify(item)}\n`);
    rows += page.items.length;
    cursor = page.next_cursor;
    onProgress(rows);
  } while (cursor !== null && rows < maxRows);
  return { blob: new Blob(parts, { type: 'application/octet-stream' }), rows, isAll: cursor === null };
}

/** Gives a file to the reader. */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
