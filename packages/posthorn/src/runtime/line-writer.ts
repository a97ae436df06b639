import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { Socket } from 'node:net';

/** Lines that wait for their reader; what comes beyond this is dropped and counted. */
const maxPendingBytes = 1024 * 1024;
const chunkBytes = 64 * 1024;
/** A full pipe is tried again after this, and a full disk. */
const fullPipeMs = 20;
const failedMs = 1000;

type Written = (error: NodeJS.ErrnoException | null, bytes: number) => void;
type Sink = (chunk: Buffer, written: Written) => void;

export interface LineWriter {
  /** Never blocks, never throws. */
  write(line: string): void;
  /** Lines that were not written, since the start. */
  readonly dropped: number;
  /** Called with how many were dropped, as soon as lines are written again. */
  onRecovered: (dropped: number) => void;
}

/** The reader is gone for good: nothing that is tried again would succeed. */
const forGood: ReadonlySet<string | undefined> = new Set(['EPIPE', 'EBADF', 'ECONNRESET', 'ENXIO']);

function syncSink(fd: number): Sink {
  return (chunk, written) => {
    let bytes: number;
    try {
      bytes = writeSync(fd, chunk);
    } catch (error) {
      written(error as NodeJS.ErrnoException, 0);
      return;
    }
    written(null, bytes);
  };
}

function socketSink(fd: number): Sink {
  const socket = new Socket({ fd, readable: false, writable: true });
  socket.unref();
  // Each write's own callback has the error.
  socket.on('error', () => {});
  return (chunk, written) =>
    void socket.write(chunk, (error) => written(error ?? null, error ? 0 : chunk.length));
}

/**
 * How a descriptor is written without ever waiting for it: a pipe or terminal is opened once more, not to block, so that another process that
 * shares the descriptor does not notice; files are written by the thread pool.
 */
function openSink(fd: number): Sink {
  const stats = fstatSync(fd);
  const isPipe = stats.isFIFO();
  if (isPipe || stats.isCharacterDevice()) {
    try {
      return syncSink(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      if (isPipe) return socketSink(fd);
    }
  }
  if (stats.isSocket()) return socketSink(fd);
  return (chunk, written) => write(fd, chunk, (error, bytes) => written(error, bytes));
}

class DescriptorWriter implements LineWriter {
  dropped = 0;
  onRecovered: (dropped: number) => void = () => {};
  readonly #sink: Sink;
  #pending: string[] = [];
  #pendingBytes = 0;
  #chunk: Buffer | null = null;
  #chunkLines = 0;
  #busy = false;
  #dead = false;
  #reported = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#dead || this.#pendingBytes + bytes > maxPendingBytes) {
      this.dropped++;
      return;
    }
    this.#pending.push(line);
    this.#pendingBytes += bytes;
    this.#pump();
  }

  #next(): Buffer | null {
    if (this.#chunk !== null) return this.#chunk;
    if (this.#pending.length === 0) return null;
    let size = 0;
    let count = 0;
    while (count < this.#pending.length && (count === 0 || size < chunkBytes))
      size += this.#pending[count++]!.length;
    this.#chunkLines = count;
    this.#chunk = Buffer.from(this.#pending.splice(0, count).join(''));
    return this.#chunk;
  }

  #pump(): void {
    while (!this.#busy && !this.#dead) {
      const chunk = this.#next();
      if (chunk === null) break;
      this.#busy = true;
      let returned = false;
      this.#sink(chunk, (error, bytes) => {
        this.#written(chunk, error, bytes);
        // A sink that answers at once goes on in this loop, another one begins it anew.
        if (returned) this.#pump();
      });
      returned = true;
    }
    if (!this.#busy && !this.#dead && this.dropped > this.#reported) this.#report();
  }

  #report(): void {
    const since = this.dropped - this.#reported;
    this.#reported = this.dropped;
    this.onRecovered(since);
  }

  #written(chunk: Buffer, error: NodeJS.ErrnoException | null, bytes: number): void {
    if (error === null) {
      this.#busy = false;
      this.#pendingBytes -= bytes;
      this.#chunk = bytes < chunk.length ? chunk.subarray(bytes) : null;
      return;
    }
    if (forGood.has(error.code)) {
      this.#dead = true;
      this.dropped += this.#chunkLines + this.#pending.length;
      this.#pending = [];
      this.#chunk = null;
      return;
    }
    // The end of a process does not wait for a log that cannot be written.
    setTimeout(
      () => {
        this.#busy = false;
        this.#pump();
      },
      error.code === 'EAGAIN' ? fullPipeMs : failedMs,
    ).unref();
  }
}

/** Writes lines to a descriptor of this process; a reader that is slow, full or gone costs lines and never time. */
export function createLineWriter(fd: number): LineWriter {
  let sink: Sink;
  try {
    sink = openSink(fd);
  } catch (error) {
    // The descriptor was closed before the process began.
    sink = (_, written) => written(error as NodeJS.ErrnoException, 0);
  }
  return new DescriptorWriter(sink);
}
