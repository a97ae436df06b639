import { globSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { AuditError } from '../errors.ts';
import { isObject } from './json-text.ts';
import type { SourceFile } from '../result.ts';

const maxFiles = 10_000;
/** Bytes that are read at a file's beginning, middle and end to detect what it is. */
const sampleBytes = 256 * 1024;

/** The kind of a file, from its first bytes and a sample of its lines. */
export interface SniffedFile {
  readonly path: string;
  readonly bytes: number;
  /** When it was last written, in ms since the epoch. */
  readonly modifiedMs: number;
  readonly container: SourceFile['container'];
  readonly compression: SourceFile['compression'];
  readonly encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin1';
  /** The delimiter of a CSV. */
  readonly delimiter: string;
  /** Whole lines, or the text of a JSON document as far as it was read. */
  readonly lines: readonly string[];
}

/** Returns the files that paths and globs name, each once. */
export function expandFiles(patterns: readonly string[]): string[] {
  const paths = new Set<string>();
  for (const pattern of patterns) {
    const found = /[*?[{]/.test(pattern) ? globSync(pattern).sort() : [pattern];
    if (found.length === 0) throw new AuditError(`no file matches ${pattern}`);
    for (const path of found) paths.add(path);
  }
  if (paths.size > maxFiles)
    throw new AuditError(`${paths.size} files are too many: the limit is ${maxFiles}`);
  return [...paths];
}

/** Detects what a file is; throws AuditError if it cannot be read or is not a log. */
export async function sniff(path: string): Promise<SniffedFile> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new AuditError(
      error.code === 'ENOENT' ? `${path} does not exist` : `cannot read ${path}: ${error.message}`,
    );
  });
  if (info.isDirectory())
    throw new AuditError(
      `${path} is a directory: give its files, for example '${path.replace(/\/$/, '')}/*.jsonl'`,
    );
  // Several readers read the file.
  if (info.isFIFO() || info.isSocket())
    throw new AuditError(
      `${path} is a pipe, which can be read only once: write it to a file and audit the file`,
    );
  const bytes = info.size;
  const pieces = await readPieces(path, bytes);
  const head = pieces[0]!;
  const common = { path, bytes, modifiedMs: info.mtimeMs, encoding: 'utf-8', delimiter: ',' } as const;
  if (head.subarray(0, 4).toString('latin1') === 'PAR1')
    return { ...common, container: 'parquet', compression: 'none', lines: [] };
  if (head.readUInt32BE && head.length >= 4 && head.readUInt32BE(0) === 0x28b52ffd)
    return { ...common, container: 'ndjson', compression: 'zstd', lines: [] };
  const gzip = head[0] === 0x1f && head[1] === 0x8b;
  const compression = gzip ? 'gzip' : 'none';
  const texts = gzip ? [gunzipHead(head, path)] : pieces;
  const marked = encodingByMark(texts[0]!);
  const utf16 = marked !== 'utf-8';
  if (!utf16 && looksBinary(texts[0]!))
    throw new AuditError(
      `${path} is not a text file (its beginning contains binary data). Supported formats: JSON, JSON lines, CSV, Parquet and access logs, plain or gzip`,
    );
  const linesIn = (encoding: SniffedFile['encoding']): string[] =>
    (utf16 ? texts.slice(0, 1) : texts).flatMap((piece, index) => {
      const found = new TextDecoder(encoding).decode(piece).split(/\r?\n/);
      // The samples from the middle and the end start inside a line, and all samples but a whole file end inside one.
      if (index > 0) found.shift();
      if (found.length > 1 && (gzip || index < texts.length - 1 || bytes > sampleBytes)) found.pop();
      return found.filter((line) => line.trim() !== '');
    });
  const asMarked = linesIn(marked);
  const encoding = marked === 'utf-8' && isLatin1(asMarked) ? 'latin1' : marked;
  const lines = encoding === marked ? asMarked : linesIn(encoding);
  const container = detectContainer(lines);
  return {
    ...common,
    container: container.container,
    delimiter: container.delimiter,
    compression,
    encoding,
    lines,
  };
}

/** Whether lines taken for UTF-8 contain invalid bytes and otherwise only ASCII: then it is an older European encoding. */
function isLatin1(lines: readonly string[]): boolean {
  return (
    lines.some((line) => line.includes('\uFFFD')) &&
    !lines.some((line) => /[^\p{ASCII}\uFEFF\uFFFD]/u.test(line))
  );
}

/** Detects the encoding by the byte order mark. */
function encodingByMark(head: Buffer): SniffedFile['encoding'] {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  return head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : 'utf-8';
}

async function readPieces(path: string, bytes: number): Promise<Buffer[]> {
  const handle = await open(path, 'r');
  try {
    const at = [0];
    if (bytes > 8 * sampleBytes) at.push(Math.floor(bytes / 2), bytes - sampleBytes);
    const pieces: Buffer[] = [];
    for (const position of at) {
      const buffer = Buffer.alloc(
        Math.min(at.length === 1 ? 8 * sampleBytes : sampleBytes, bytes - position),
      );
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      pieces.push(buffer.subarray(0, bytesRead));
    }
    return pieces;
  } finally {
    await handle.close();
  }
}

function gunzipHead(head: Buffer, path: string): Buffer {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 256 * sampleBytes });
  } catch (error) {
    throw new AuditError(`${path} is not a valid gzip file: ${(error as Error).message}`);
  }
}

function looksBinary(head: Buffer): boolean {
  const sample = head.subarray(0, 4096);
  const odd = sample.filter(
    (byte) => byte === 0 || (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13 && byte !== 27),
  );
  return odd.length > sample.length / 100;
}

const delimiters = [',', ';', '\t', '|'] as const;

function detectContainer(lines: readonly string[]): Pick<SniffedFile, 'container' | 'delimiter'> {
  const head = (lines[0] ?? '').replace(/^\uFEFF/, '').trimStart();
  const objects = lines.filter((line) => isObject(line)).length;
  if (objects > 0 && objects >= lines.length * 0.3) return { container: 'ndjson', delimiter: ',' };
  // Prefixes of terminals and loggers are in brackets too: [pod/sender-1/app], [2026-11-20 10:00:00].
  if (/^\[\s*([{["\]]|$)/.test(head)) return { container: 'json', delimiter: ',' };
  if (head.startsWith('{')) return { container: objects > 0 ? 'ndjson' : 'json', delimiter: ',' };
  const counted = delimiters
    .map((delimiter) => ({ delimiter, cells: splitCells(head, delimiter).length }))
    .sort((a, b) => b.cells - a.cells)[0]!;
  // The header of a CSV consists of names, and the lines below it have as many cells.
  const names = splitCells(head, counted.delimiter);
  const like = lines
    .slice(1, 50)
    .filter((line) => Math.abs(splitCells(line, counted.delimiter).length - names.length) <= 1).length;
  if (
    counted.cells > 1 &&
    names.every((cell) => /^[\p{L}_@][\p{L}\p{N} _.@$/()#-]{0,80}$/u.test(cell)) &&
    like >= Math.min(lines.length - 1, 49) / 2
  )
    return { container: 'csv', delimiter: counted.delimiter };
  return { container: 'text', delimiter: ',' };
}

/** Splits a line of CSV into its cells, without quotes. */
export function splitCells(line: string, delimiter: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  const text = line.replace(/^\uFEFF/, '');
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === '"' && quoted && text[at + 1] === '"') {
      cell += '"';
      at++;
    } else if (char === '"') quoted = !quoted;
    else if (char === delimiter && !quoted) {
      cells.push(cell.trim());
      cell = '';
    } else cell += char;
  }
  cells.push(cell.trim());
  return cells;
}
