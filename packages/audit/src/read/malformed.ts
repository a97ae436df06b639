import { createReadStream } from 'node:fs';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { type Database, num, text } from '../database.ts';
import { AuditStopped } from '../errors.ts';
import type { SniffedFile } from './files.ts';
import { malformedLength, noDelimiter } from './relation.ts';
import type { Coverage } from '../result.ts';

const maxSamples = 5;
const shownLength = 200;
const carriageReturn = 13;
const byteOrderMark = 0xfeff;

type Sample = Coverage['malformed']['samples'][number];

/** Unreadable input: invalid bytes and too long lines, which the line reader rejects, and lines that are not records. */
export interface Malformed {
  /** How many lines the line reader rejected; they have no row. */
  readonly rejected: number;
  readonly samples: readonly Sample[];
}

/** Counts the rejected lines, and finds some malformed lines with their files and numbers. */
export async function readMalformed(
  database: Database,
  files: readonly SniffedFile[],
  signal: AbortSignal | undefined,
): Promise<Malformed> {
  const rejected = await rejectedLines(database);
  const rows = await database.rows(
    `select malformed from raw where malformed is not null order by place limit ${maxSamples}`,
  );
  const lines = rows.map((row) => {
    const [path, line] = text(row['malformed']).split(noDelimiter) as [string, string];
    return { path, line };
  });
  const samples: Sample[] = [];
  for (const path of new Set(lines.map((one) => one.path))) {
    const texts = lines.filter((one) => one.path === path).map(({ line }) => line);
    const file = files.find((one) => one.path === path);
    const hasLines = file !== undefined && (file.container === 'ndjson' || file.container === 'text');
    const { numbers, cutAt } = hasLines
      ? await lineNumbers(file, texts, signal)
      : { numbers: texts.map(() => null), cutAt: null };
    for (const [index, line] of texts.entries()) {
      const number = numbers[index] ?? null;
      samples.push({
        file: path,
        line: number,
        why:
          number !== null && number === cutAt
            ? 'the compressed file is cut off within this line: what followed is missing'
            : 'not a valid record',
        text: line.slice(0, shownLength),
      });
    }
  }
  // Samples of each kind.
  const own = Math.max(maxSamples - rejected.samples.length, Math.ceil(maxSamples / 2));
  return {
    rejected: rejected.count,
    samples: [...samples.slice(0, own), ...rejected.samples].slice(0, maxSamples),
  };
}

async function rejectedLines(database: Database): Promise<{ count: number; samples: Sample[] }> {
  const { n } = await database.row(
    "select count(*) as n from duckdb_tables() where table_name = 'reject_errors'",
  );
  if (num(n) === 0) return { count: 0, samples: [] };
  const count = await database.row('select count(distinct (scan_id, file_id, line)) as n from reject_errors');
  const rows =
    await database.rows(`select file_path, line, any_value(error_type)::varchar as why, left(any_value(csv_line), ${shownLength + 2}) as text
    from reject_errors join reject_scans using (scan_id, file_id) group by scan_id, file_id, file_path, line order by file_path, line limit ${maxSamples}`);
  return {
    count: num(count['n']),
    samples: rows.map((row) => ({
      file: text(row['file_path']),
      line: num(row['line']),
      why: text(row['why']).toLowerCase(),
      text: text(row['text']).trim().slice(0, shownLength),
    })),
  };
}

/**
 * Returns the numbers (from 1) of the first lines of a file that equal or start with these texts; null if there is none. Rows
 * have no numbers when several threads read a file, so the shown lines are searched for. `cutAt`: the last line of a compressed
 * file that is cut off, because it was still being written or copied.
 */
async function lineNumbers(
  file: SniffedFile,
  texts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ numbers: (number | null)[]; cutAt: number | null }> {
  const found: (number | null)[] = texts.map(() => null);
  let number = 1;
  let rest = '';
  const search = (block: string, end: number): void => {
    for (let at = 0; at < end; number++) {
      const newline = block.indexOf('\n', at);
      const stop = newline < 0 ? end : newline;
      for (const [index, wanted] of texts.entries())
        if (found[index] === null && isAt(block, at, stop, wanted)) found[index] = number;
      at = stop + 1;
    }
  };
  let cut = false;
  try {
    for await (const piece of piecesOf(file)) {
      if (signal?.aborted === true) throw new AuditStopped();
      const block = rest + piece;
      const end = block.lastIndexOf('\n') + 1;
      search(block, end);
      rest = block.slice(end);
      if (!found.includes(null)) return { numbers: found, cutAt: null };
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'Z_BUF_ERROR') throw error;
    cut = true;
  }
  const last = number;
  search(rest, rest.length);
  return { numbers: found, cutAt: cut ? last : null };
}

/** Whether the line from `at` to `stop` equals a text, or is longer than the kept part of a line and starts with it. */
function isAt(block: string, at: number, stop: number, wanted: string): boolean {
  const from = block.charCodeAt(at) === byteOrderMark ? at + 1 : at;
  if (!block.startsWith(wanted, from)) return false;
  const left = stop - from - wanted.length;
  return (
    left === 0 ||
    (left === 1 && block.charCodeAt(stop - 1) === carriageReturn) ||
    (left > 0 && wanted.length >= malformedLength)
  );
}

/** Reads a file's text in blocks. */
export async function* piecesOf(
  file: Pick<SniffedFile, 'path' | 'compression' | 'encoding'>,
): AsyncGenerator<string> {
  const bytes = createReadStream(file.path, { highWaterMark: 1 << 20 });
  const unpacked =
    file.compression === 'gzip'
      ? bytes.pipe(createGunzip())
      : file.compression === 'zstd'
        ? bytes.pipe(createZstdDecompress())
        : bytes;
  // A reader that stops early does not wait for the end of a cut file, so its error must not surface elsewhere.
  unpacked.on('error', () => {});
  const decoder = new TextDecoder(file.encoding);
  try {
    for await (const chunk of unpacked) yield decoder.decode(chunk as Buffer, { stream: true });
  } finally {
    bytes.destroy();
  }
}
