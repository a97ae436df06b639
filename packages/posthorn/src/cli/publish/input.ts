import { closeSync, createReadStream, fstatSync, open, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { type InputLine, readLines } from '../../logs/lines.ts';
import { systemClock } from '../../runtime/clock.ts';
import { within } from '../../runtime/within.ts';
import { CommandError } from '../output.ts';

/** An input of lines, and how much of it has been read. */
export interface LineInput {
  readonly lines: AsyncIterable<readonly InputLine[]>;
  /** Total bytes; null if not known. */
  readonly totalBytes: number | null;
  readBytes(): number;
  /**
   * Releases the input, even while a read of it waits. With `drain`, a producer at the other end of a pipe first gets
   * time to end by itself: a broken pipe would hide how it ended.
   */
  close(drain: boolean): Promise<void>;
}

const drainMs = 5000;

/** Opens a file, or standard input for `-`. An unreadable input ends with 2, before anything is sent. */
export async function openLines(path: string): Promise<LineInput> {
  const fd = path === '-' ? 0 : await openFile(path);
  const source = fstatSync(fd);
  if (source.isDirectory()) {
    if (fd !== 0) closeSync(fd);
    throw new CommandError(
      `${path === '-' ? 'standard input' : path} is a directory: name a file of JSON lines`,
      2,
    );
  }
  const stream = fd === 0 ? process.stdin : openStream(fd, source);
  let read = 0;
  let isDiscarding = false;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      read += chunk.length;
      if (!isDiscarding) yield chunk;
    }
  };
  const lines = readLines(counted());
  const drain = async (): Promise<void> => {
    isDiscarding = true;
    while ((await lines.next()).done !== true);
  };
  return {
    lines,
    // The size of a pipe or a device is unknown.
    totalBytes: source.size === 0 ? null : source.size,
    readBytes: () => read,
    close: async (drains) => {
      if (drains && (source.isFIFO() || source.isSocket())) await within(systemClock, drainMs, drain());
      stream.destroy();
    },
  };
}

/** A named pipe (`<(producer)`) is read as a socket: a waiting read of a file could not be aborted. */
function openStream(fd: number, source: Stats): Readable {
  return source.isFIFO()
    ? new Socket({ fd, readable: true, writable: false })
    : createReadStream('', { fd, highWaterMark: 256 * 1024 });
}

async function openFile(path: string): Promise<number> {
  try {
    return await promisify(open)(path, 'r');
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`, 2);
  }
}
