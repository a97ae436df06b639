import { ApiError, type Client } from '@posthorn/client';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import { repeat } from '../runtime/repeat.ts';
import type { TlsPeer } from '../runtime/tls-reasons.ts';
import { bounded, within } from '../runtime/within.ts';
import { BatchSender, LineRefused, pause, type Refusal } from '../cli/publish/batch-sender.ts';
import { type EventLine, LineError } from '../cli/publish/event-line.ts';
import type { Mapping } from './mapping.ts';
import { reasonFrom } from './reason.ts';
import { type Message, type RefusedMessage, type SetAside, type Source, SourceFault } from './source.ts';

/** Receives what happens, for progress lines and metrics. */
export interface Observer {
  accepted(isDuplicate: boolean): void;
  /** Refused messages were set aside, and the loop goes on. */
  setAside(refused: readonly RefusedMessage[]): void;
  committed(): void;
  /** The broker is away and is asked again after so long. */
  reconnecting(reason: string, waitMs: number): void;
  /** Posthorn is away or busy, and gets the batch again after so long. */
  retrying(error: ApiError, waitMs: number): void;
  /** The broker could not be notified that work goes on: it may deliver messages again. */
  keepAliveFailed(error: Error): void;
}

export interface ConsumeOptions<M extends Message> {
  /** Connects to the broker. Called again after a connection fails. */
  readonly open: () => Promise<Source<M>>;
  /** How reasons name the broker and where its settings are. */
  readonly peer: TlsPeer;
  readonly mapping: Mapping;
  readonly client: Pick<Client, 'request'>;
  readonly requestMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  /** Where refused messages go; null: to the source's own place, and without one the first of them ends the loop. */
  readonly setAside: SetAside<M> | null;
  /** Ends the loop when nothing has arrived for so long and nothing waits; null: never. */
  readonly idleMs: number | null;
  /** Ends the loop after the batch in progress. */
  readonly signal: AbortSignal;
}

/** How the loop ended. */
export type ConsumeEnd<M extends Message> =
  | { readonly kind: 'stopped' | 'idle' }
  | { readonly kind: 'refused'; readonly refused: RefusedMessage<M> };

const maxBatchEvents = 500;
/** Below the 1 MB that proxies commonly allow per request; a larger event is sent alone. */
const maxBatchBytes = 900_000;
/** A library may wait for ever for a broker that is gone. Joining a group takes as long as its other members let it. */
const maxOpenMs = 180_000;
const maxCallMs = 60_000;
const maxCloseMs = 5000;
const firstReconnectMs = 500;
const maxReconnectMs = 30_000;

/** A message with the event that it becomes. */
interface Mapped<M extends Message> {
  readonly message: M;
  readonly line: EventLine;
}

/**
 * Consumes a source: reads, publishes, commits, in this order and one batch after the other, so that the events of a
 * partition are accepted in its order. Nothing is committed before it is on Posthorn's disk (G1) or set aside (G5), and what
 * is delivered again has the same id, so a crash at any point leaves exactly one event for each message. Rejects with
 * `SourceFault`, also if the first connection fails, and with `ApiError` if Posthorn refuses the caller and not a message.
 */
export class Consumption<M extends Message> {
  readonly #o: ConsumeOptions<M>;
  #source: Source<M> | null = null;
  #failures = 0;

  constructor(options: ConsumeOptions<M>) {
    this.#o = options;
  }

  async run(): Promise<ConsumeEnd<M>> {
    const { clock, peer, signal, idleMs } = this.#o;
    this.#source = await this.#open().catch((error: unknown) => {
      throw error instanceof SourceFault
        ? error
        : new SourceFault(`cannot connect to the broker: ${reasonFrom(error, peer)}`, { cause: error });
    });
    let arrivedAt = clock.monotonic();
    try {
      while (!signal.aborted) {
        const messages = await this.#connected((source) => source.read(signal));
        if (messages === null) continue;
        if (messages.length === 0) {
          const isQuiet = idleMs !== null && clock.monotonic() - arrivedAt >= idleMs;
          // What a killed process was working on comes back after a while.
          if (isQuiet && (await this.lag()) === 0) return { kind: 'idle' };
          continue;
        }
        const refused = await this.#publish(messages);
        if (refused !== null) return { kind: 'refused', refused };
        arrivedAt = clock.monotonic();
      }
      return { kind: 'stopped' };
    } finally {
      await this.#close();
    }
  }

  /** How many messages wait; null: not known, or not connected. */
  async lag(): Promise<number | null> {
    const source = this.#source;
    return source === null ? null : await this.#within(maxCallMs, source.lag()).catch(() => null);
  }

  /** Bytes that the broker keeps until they are read; null: not known, or this broker keeps them anyway. */
  async heldBytes(): Promise<number | null> {
    const held = this.#source?.heldBytes?.();
    return held === undefined ? null : await this.#within(maxCallMs, held).catch(() => null);
  }

  /** Runs a call of the source; null if its connection failed, after a wait and perhaps with another one. */
  async #connected<T>(call: (source: Source<M>) => Promise<T>): Promise<T | null> {
    const { clock, random, observer, peer, signal } = this.#o;
    try {
      this.#source ??= await this.#open();
      const answer = await this.#within(maxCallMs, call(this.#source));
      this.#failures = 0;
      return answer;
    } catch (error) {
      if (error instanceof SourceFault) throw error;
      await this.#close();
      const maxMs = Math.min(maxReconnectMs, firstReconnectMs * 2 ** Math.min(this.#failures++, 16));
      const waitMs = maxMs * (0.5 + random.float() / 2);
      observer.reconnecting(reasonFrom(error, peer), waitMs);
      await pause(clock, waitMs, signal);
      return null;
    }
  }

  async #open(): Promise<Source<M>> {
    const opening = this.#o.open();
    return await this.#within(maxOpenMs, opening).catch((error: unknown) => {
      // One that comes too late would keep partitions that nobody reads, and the process.
      opening
        .then(
          async (late) => await late.close(),
          () => {},
        )
        .catch(() => {});
      throw error;
    });
  }

  async #close(): Promise<void> {
    const source = this.#source;
    this.#source = null;
    // A connection that failed may fail to close; nothing depends on it.
    if (source !== null) await within(this.#o.clock, maxCloseMs, source.close());
  }

  async #within<T>(ms: number, answer: Promise<T>): Promise<T> {
    return await bounded(this.#o.clock, ms, answer, `the broker did not answer within ${ms / 1000} s`);
  }

  /** Publishes and commits what was read; the message that ends the loop, or null. */
  async #publish(messages: readonly M[]): Promise<RefusedMessage<M> | null> {
    const { clock, observer } = this.#o;
    const source = this.#source!;
    const { keepAlive, keepAliveMs } = source;
    const alive =
      keepAlive === undefined || keepAliveMs === undefined
        ? null
        : repeat(clock, () => keepAlive.call(source, messages), {
            everyMs: keepAliveMs,
            onError: (error) => observer.keepAliveFailed(error),
          });
    try {
      const setAside = this.#o.setAside ?? source.setAside?.bind(source) ?? null;
      return setAside === null
        ? await this.#publishOrStop(messages)
        : await this.#publishAndSetAside(messages, setAside);
    } finally {
      await alive?.stop();
    }
  }

  /** Publishes up to the first message that is refused, which ends the loop: nothing behind it overtakes it. */
  async #publishOrStop(messages: readonly M[]): Promise<RefusedMessage<M> | null> {
    let refused: RefusedMessage<M> | null = null;
    let mapped: Mapped<M>[] = [];
    for (const [index, message] of messages.entries()) {
      const fits = this.#map(message, index);
      if ('line' in fits) mapped.push(fits);
      else {
        refused = fits;
        break;
      }
    }
    for (const batch of batchesOf(mapped)) {
      const lines = batch.map(({ line }) => line);
      const first = await this.#sendBeginning(lines);
      if (first === null) continue;
      refused = { message: messages[first.line]!, code: first.code, reason: first.message };
      mapped = mapped.slice(0, first.line);
      break;
    }
    await this.#commit(mapped.map(({ message }) => message));
    return refused;
  }

  /** Sends lines; the first that is refused, once all before it are accepted; null if none is. */
  async #sendBeginning(lines: readonly EventLine[]): Promise<Refusal | null> {
    let first: Refusal | null = null;
    for (let rest = lines; rest.length > 0;) {
      const refusals: Refusal[] = [];
      try {
        await this.#sender(refusals, false).send(rest);
        return first;
      } catch (error) {
        if (!(error instanceof LineRefused)) throw error;
      }
      first = refusals.reduce((a, b) => (b.line < a.line ? b : a));
      const { line } = first;
      rest = rest.filter(({ number }) => number < line);
    }
    return first;
  }

  async #publishAndSetAside(messages: readonly M[], setAside: SetAside<M>): Promise<null> {
    const refused: RefusedMessage<M>[] = [];
    const mapped: Mapped<M>[] = [];
    for (const [index, message] of messages.entries()) {
      const fits = this.#map(message, index);
      if ('line' in fits) mapped.push(fits);
      else refused.push(fits);
    }
    const refusals: Refusal[] = [];
    const sender = this.#sender(refusals, true);
    for (const batch of batchesOf(mapped)) await sender.send(batch.map(({ line }) => line));
    for (const { line, code, message } of refusals)
      refused.push({ message: messages[line]!, code, reason: message });
    if (refused.length > 0) {
      // A place that cannot be written to now must not be passed by: the batch is read again.
      const isWritten = await this.#connected(async () => {
        await setAside(refused);
        return true;
      });
      if (isWritten === null) return null;
      this.#o.observer.setAside(refused);
    }
    await this.#commit(messages);
    return null;
  }

  async #commit(messages: readonly M[]): Promise<void> {
    if (messages.length === 0) return;
    const isCommitted = await this.#connected(async (source) => {
      await source.commit(messages);
      return true;
    });
    if (isCommitted !== null) this.#o.observer.committed();
  }

  #map(message: M, index: number): Mapped<M> | RefusedMessage<M> {
    try {
      return { message, line: this.#o.mapping(message, index) };
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      return { message, code: error.code, reason: error.message };
    }
  }

  #sender(refusals: Refusal[], skipRefused: boolean): BatchSender {
    const { client, clock, random, requestMs, signal, observer } = this.#o;
    return new BatchSender({
      client,
      clock,
      random,
      skipRefused,
      // The broker keeps the messages: nothing forces it to give up, and memory does not grow.
      retryForMs: Number.POSITIVE_INFINITY,
      requestMs,
      signal,
      outcomes: {
        accepted: (_, { duplicate }) => observer.accepted(duplicate),
        refused: (refusal) => void refusals.push(refusal),
        retrying: (failure, waitMs) => observer.retrying(failure, waitMs),
      },
    });
  }
}

/** In the order of the messages, each small enough for one request. */
function batchesOf<M extends Message>(mapped: readonly Mapped<M>[]): Mapped<M>[][] {
  const batches: Mapped<M>[][] = [];
  let bytes = 0;
  for (const one of mapped) {
    const last = batches.at(-1);
    if (last === undefined || last.length >= maxBatchEvents || bytes + one.line.bytes > maxBatchBytes) {
      batches.push([one]);
      bytes = one.line.bytes;
    } else {
      last.push(one);
      bytes += one.line.bytes + 1;
    }
  }
  return batches;
}
