import type pg from 'pg';
import type { Clock } from '../runtime/clock.ts';
import { repeat, type Repeated } from '../runtime/repeat.ts';
import { type Change, parseChange } from './pgoutput.ts';

/** What `pg` has beneath its client: the messages of the protocol, and the socket. */
interface Connection {
  on(event: 'copyData', listener: (message: { readonly chunk: Buffer }) => void): void;
  sendCopyFromChunk(chunk: Buffer): void;
  readonly stream: { pause(): void; resume(): void };
}

export interface StreamListener {
  changed(change: Change): void;
  /** PostgreSQL has sent everything before this position. */
  reached(position: bigint): void;
  failed(error: Error): void;
}

/** A server ends a connection that is silent for `wal_sender_timeout`, by default 60 s. */
const statusMs = 10_000;
const [data, keepAlive, status] = ['w', 'k', 'r'].map((char) => char.charCodeAt(0));
/** PostgreSQL counts from 2000-01-01. */
const epochMs = Date.UTC(2000, 0, 1);

/** The stream of a logical replication slot, on a connection that was opened with `replication=database`. */
export class ReplicationStream {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #listener: StreamListener;
  readonly #status: Repeated;
  #confirmed = 0n;
  #isPaused = false;
  /** After a message that was not understood nothing may be taken, and above all nothing confirmed. */
  #hasFailed = false;

  /** `start` is the command; the stream runs until the connection ends. */
  constructor(client: pg.Client, start: string, clock: Clock, listener: StreamListener) {
    // `pg` types its connection as an emitter alone.
    this.#connection = (client as unknown as { readonly connection: Connection }).connection;
    this.#clock = clock;
    this.#listener = listener;
    this.#connection.on('copyData', ({ chunk }) => this.#receive(chunk));
    client.query(start).then(
      () => listener.failed(new Error('PostgreSQL ended the stream')),
      (error: Error) => listener.failed(error),
    );
    this.#status = repeat(clock, () => Promise.resolve(this.#sendStatus(false)), {
      everyMs: statusMs,
      onError: (error) => listener.failed(error),
    });
  }

  #receive(chunk: Buffer): void {
    if (this.#hasFailed) return;
    try {
      if (chunk[0] === data) {
        // Start of the data, end of the log, time; then the message itself.
        this.#listener.changed(parseChange(chunk.subarray(25)));
        return;
      }
      if (chunk[0] !== keepAlive) return;
      this.#listener.reached(chunk.readBigUInt64BE(1));
      if (chunk[17] === 1) this.#sendStatus(false);
    } catch (error) {
      this.#hasFailed = true;
      this.#listener.failed(error as Error);
    }
  }

  /** Everything before this position is done: PostgreSQL does not send it again, and may delete its log. */
  confirm(position: bigint): void {
    if (position <= this.#confirmed) return;
    this.#confirmed = position;
    this.#sendStatus(false);
  }

  /** Asks how far PostgreSQL has sent. */
  ask(): void {
    this.#sendStatus(true);
  }

  #sendStatus(wantsReply: boolean): void {
    const message = Buffer.alloc(34);
    message.writeUInt8(status!, 0);
    // Written, flushed, applied.
    for (const at of [1, 9, 17]) message.writeBigUInt64BE(this.#confirmed, at);
    message.writeBigInt64BE(BigInt(this.#clock.now() - epochMs) * 1000n, 25);
    message.writeUInt8(wantsReply ? 1 : 0, 33);
    this.#connection.sendCopyFromChunk(message);
  }

  /** Stops reading from the socket while there is too much in memory: PostgreSQL then waits. */
  hold(isFull: boolean): void {
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#connection.stream.pause();
    else this.#connection.stream.resume();
  }

  async stop(): Promise<void> {
    await this.#status.stop();
  }
}
