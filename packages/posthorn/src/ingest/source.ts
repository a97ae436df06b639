// The port of `posthorn ingest`: what every broker is to the loop that consumes it.

/** A message of a broker, or a row of an outbox. */
export interface Message {
  /**
   * Where it is, in the broker's own terms: topic, partition and offset; stream and sequence. The same whenever the message
   * is delivered again, and different for every other message: the event's id is derived from it (G1).
   */
  readonly position: string;
  /** Null: the message has none, such as a tombstone of Kafka. */
  readonly body: Uint8Array | string | null;
  /** Headers, attributes or columns; of several with one name the last counts. */
  fields(): Iterable<readonly [name: string, value: Uint8Array | string]>;
  /** What the broker orders by: Kafka's key, the group of a FIFO queue. */
  readonly key: Uint8Array | string | null;
  /** Topic or subject. */
  readonly subject: string;
  /** When the broker got it, ms since the epoch. */
  readonly at: number | null;
}

/** A message that did not become an event, and why. */
export interface RefusedMessage<M extends Message = Message> {
  readonly message: M;
  readonly code: string;
  readonly reason: string;
}

export type SetAside<M extends Message> = (refused: readonly RefusedMessage<M>[]) => Promise<void>;

/**
 * A connection to a broker. A rejected call means that the connection cannot be used any longer: the loop closes it and
 * opens another, unless the error is a `SourceFault`.
 */
export interface Source<M extends Message = Message> {
  /**
   * The next messages, in the order of their partition; none: nothing has arrived for a few seconds, or `signal` aborted. It holds
   * no more than a batch and what one fetch brings in memory.
   */
  read(signal: AbortSignal): Promise<readonly M[]>;
  /**
   * Tells the broker that these are done: the longest beginning, or all, of what `read` returned. Called after every one
   * of them is on Posthorn's disk (G1) or set aside; a crash before it means that they are delivered again.
   */
  commit(messages: readonly M[]): Promise<void>;
  /** How many messages wait behind what was read, or are being worked on elsewhere; null: not known yet. */
  lag(): Promise<number | null>;
  close(): Promise<void>;
  /** Tells the broker that these are still being worked on; called every `keepAliveMs` while Posthorn is away or busy. */
  readonly keepAlive?: (messages: readonly M[]) => Promise<void>;
  readonly keepAliveMs?: number;
  /** Bytes that the broker keeps on its disk until they are read, where that could fill it; null: not known. */
  readonly heldBytes?: () => Promise<number | null>;
  /** Writes refused messages to the place that the options name, durably; undefined: they name none. */
  readonly setAside?: SetAside<M> | undefined;
}

/** How a broker is reached by TLS, as PEM; what is left out is as Node.js has it. */
export interface Tls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What another connection would not fix: a missing topic, wrong credentials, messages that the broker has deleted. */
export class SourceFault extends Error {
  override readonly name = 'SourceFault';
}
