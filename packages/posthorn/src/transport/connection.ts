import type { Socket } from 'node:net';
import { type BodySink, ResponseReader } from './response-reader.ts';

/** Up to here head and body are copied together: one write costs less than two that are joined by the kernel. */
const maxJoinedBytes = 64 * 1024;

/** One request and its answer on a connection. */
export interface Exchange extends BodySink {
  /** The first byte of the answer has arrived. */
  onAnswerBegun(): void;
  /** The head of the final answer has been read, and its body goes on. */
  onBodyAwaited(connection: Connection): void;
  /** The connection does not take part in it any more: the answer is complete, or the connection is lost. */
  onEnd(connection: Connection, error: Error | null): void;
}

/** A connection to a receiver that carries one request at a time, in HTTP/1.1. */
export class Connection {
  readonly reader = new ResponseReader();
  readonly #socket: Socket;
  #exchange: Exchange | null = null;
  #awaitingBody = false;
  #open = true;
  /** How many requests it has carried. */
  requests = 0;
  /** A byte has arrived since the last request was sent. */
  answered = false;
  /** That it was made to. */
  readonly address: string;
  /** Called when it closes by itself. */
  onClose: () => void = () => {};

  constructor(socket: Socket, address: string) {
    this.#socket = socket;
    this.address = address;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.#lose(error));
    socket.on('close', () => this.#lose(closed()));
  }

  get isOpen(): boolean {
    return this.#open && !this.#socket.destroyed && this.#socket.writable;
  }

  send(head: string, body: Uint8Array, exchange: Exchange, keepsHeaders: boolean): void {
    this.#exchange = exchange;
    this.#awaitingBody = false;
    this.answered = false;
    this.requests++;
    this.reader.reset(keepsHeaders);
    const socket = this.#socket;
    if (head.length + body.length <= maxJoinedBytes) {
      const all = Buffer.allocUnsafe(head.length + body.length);
      all.write(head, 0, 'latin1');
      all.set(body, head.length);
      socket.write(all);
      return;
    }
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(body);
    socket.uncork();
  }

  /** Closes without a further word to anyone. */
  destroy(): void {
    this.#open = false;
    this.#exchange = null;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === null) {
      // Nothing was requested: whatever this is, it must not be taken for the next answer.
      this.#close();
      return;
    }
    if (!this.answered) {
      this.answered = true;
      exchange.onAnswerBegun();
    }
    const { reader } = this;
    try {
      reader.read(chunk, exchange);
    } catch (error) {
      this.#lose(error as Error);
      return;
    }
    if (this.#exchange !== exchange) return;
    if (reader.complete) this.#complete(exchange);
    else if (reader.status !== null && !this.#awaitingBody) {
      this.#awaitingBody = true;
      exchange.onBodyAwaited(this);
    }
  }

  #complete(exchange: Exchange): void {
    this.#exchange = null;
    // A receiver that answers before it has read the request leaves the rest of it in the way of the next.
    if (!this.reader.reusable || this.#socket.writableLength > 0) this.#close();
    exchange.onEnd(this, null);
  }

  #ended(): void {
    const exchange = this.#exchange;
    if (exchange !== null && this.reader.end()) this.#complete(exchange);
    else this.#lose(closed());
  }

  #lose(error: Error): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#close();
    exchange?.onEnd(this, error);
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.destroy();
    this.onClose();
  }
}

function closed(): Error {
  return Object.assign(new Error('the connection was closed before the answer'), { code: 'ECONNRESET' });
}
