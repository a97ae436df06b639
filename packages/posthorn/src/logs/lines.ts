import { Readable, pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

/** One line of an input, without its line ending: its text, or why it has none. */
export type InputLine =
  | { readonly number: number; readonly text: string }
  | { readonly number: number; readonly fault: string };

/** A longer line is a fault: an input without line endings must not fill the memory. */
const maxLineBytes = 4 * 1024 * 1024;

const newline = 10;
const carriageReturn = 13;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Splits bytes into lines at `\n` and `\r\n` and nowhere else: U+2028, U+2029 and U+0085 may be inside a JSON string. A
 * byte order mark at the start of a line is removed, because files that begin with one get concatenated.
 */
class LineSplitter {
  readonly #maxBytes: number;
  #number = 0;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): InputLine[] {
    const lines: InputLine[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      this.#keep(chunk.subarray(from, at));
      lines.push(this.#line());
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
    return lines;
  }

  /** The last line, if the input does not end with a line ending. */
  end(): InputLine[] {
    return this.#bytes === 0 ? [] : [this.#line()];
  }

  #keep(piece: Uint8Array): void {
    this.#bytes += piece.length;
    // Only the length of a too long line is kept.
    if (this.#bytes > this.#maxBytes) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  #line(): InputLine {
    const [bytes, pieces] = [this.#bytes, this.#pieces];
    this.#bytes = 0;
    this.#pieces = [];
    const number = ++this.#number;
    if (bytes > this.#maxBytes) return { number, fault: `longer than ${this.#maxBytes} bytes` };
    const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    try {
      return { number, text: utf8.decode(whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole) };
    } catch {
      return { number, fault: `not UTF-8${number === 1 ? encodingHint(whole) : ''}` };
    }
  }
}

function encodingHint(bytes: Uint8Array): string {
  const [a, b] = bytes;
  return (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff) ? ': this looks like UTF-16' : '';
}

/**
 * Decompresses gzip and zstd, detected by their magic bytes; anything else passes through. Rejects if compressed data
 * ends early.
 */
async function* inflated(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  for (let step; head.length < 4 && (step = await source.next()).done !== true;)
    head = head.length === 0 ? step.value : Buffer.concat([head, step.value]);
  const all = async function* (): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    for (let step; (step = await source.next()).done !== true;) yield step.value;
  };
  const inflate =
    head[0] === 0x1f && head[1] === 0x8b
      ? createGunzip()
      : head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd
        ? createZstdDecompress()
        : null;
  try {
    // Errors of either stream destroy the second, whose iteration then rejects.
    if (inflate !== null) pipeline(Readable.from(all()), inflate, () => {});
    yield* inflate === null ? all() : (inflate as AsyncIterable<Uint8Array>);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!/^(Z_|ZSTD_|ERR_)/.test(code)) throw error;
    throw new Error(`the compressed data is damaged or ends early (${message})`);
  } finally {
    // Not awaited: a source that pauses would delay this, and its own errors have been reported by then.
    source.return?.().catch(() => {});
  }
}

/** Reads lines in the groups in which they arrive, so that a source that pauses does not hold back anything it has sent. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes = maxLineBytes,
): AsyncGenerator<readonly InputLine[]> {
  const splitter = new LineSplitter(maxBytes);
  for await (const chunk of inflated(chunks)) {
    const lines = splitter.push(chunk);
    if (lines.length > 0) yield lines;
  }
  const last = splitter.end();
  if (last.length > 0) yield last;
}

/** Returns whether a line is only JSON whitespace. */
export const isBlank = (text: string): boolean => /^[ \t\r]*$/.test(text);
