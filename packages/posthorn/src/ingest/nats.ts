import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Consumer, ConsumerMessages, JetStreamClient, JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../runtime/clock.ts';
import { Arrival } from './arrival.ts';
import { closedError, noTls } from './reason.ts';
import { type Message, type SetAside, type Source, SourceFault, type Tls } from './source.ts';

export interface NatsOptions {
  readonly servers: readonly string[];
  readonly stream: string;
  /** Name of the durable consumer; made if it is missing. */
  readonly consumer: string;
  /** Subjects that the consumer gets when it is made; none: all. */
  readonly subjects: readonly string[];
  readonly from: 'earliest' | 'latest';
  /** Text of a credentials file. */
  readonly credentials: string | null;
  readonly token: string | null;
  readonly user: { readonly user: string; readonly pass: string } | null;
  readonly tls: Tls | null;
  /** Begins with TLS instead of waiting for the server to speak (handshake_first). */
  readonly tlsFirst: boolean;
  readonly deadLetterSubject: string | null;
  readonly batch: number;
}

interface NatsMessage extends Message {
  readonly message: JsMsg;
}

type Transport = typeof import('@nats-io/transport-node');

const pollMs = 1000;
/** For each address of a server. */
const connectTimeoutMs = 10_000;
/** Bounds what the server has sent and is not yet read. */
const maxBufferedBytes = 8 * 1024 * 1024;
const nanosPerMs = 1e6;
/** For a consumer that is made here; Posthorn's absence extends it. */
const ackWaitMs = 30_000;

/** A durable pull consumer of a stream. */
class NatsSource implements Source<NatsMessage> {
  readonly keepAliveMs: number;
  readonly #connection: NatsConnection;
  readonly #js: JetStreamClient;
  readonly #consumer: Consumer;
  readonly #messages: ConsumerMessages;
  readonly #options: NatsOptions;
  readonly #arrival: Arrival;
  /** Rejects when the connection is closed: the library never settles what waits for an answer then. */
  readonly #closed: Promise<never>;
  #waiting: JsMsg[] = [];
  #hasRoom = (): void => {};

  constructor(
    parts: {
      connection: NatsConnection;
      js: JetStreamClient;
      consumer: Consumer;
      messages: ConsumerMessages;
      ackWaitNanos: number;
    },
    options: NatsOptions,
    clock: Clock,
  ) {
    this.#connection = parts.connection;
    this.#js = parts.js;
    this.#consumer = parts.consumer;
    this.#messages = parts.messages;
    this.keepAliveMs = parts.ackWaitNanos / nanosPerMs / 3;
    this.#options = options;
    this.#arrival = new Arrival(clock);
    this.#closed = parts.connection.closed().then((error) => {
      throw error ?? new Error('NATS closed the connection');
    });
    this.#closed.catch((error: Error) => this.#arrival.fail(error));
    void this.#collect();
  }

  /** Moves messages to where `read` finds them, and stops while there is a batch: the library then asks for no more. */
  async #collect(): Promise<void> {
    try {
      for await (const message of this.#messages) {
        this.#waiting.push(message);
        this.#arrival.notify();
        if (this.#waiting.length >= this.#options.batch)
          await new Promise<void>((resolve) => (this.#hasRoom = resolve));
      }
      this.#arrival.fail(new Error('NATS ended the consumer'));
    } catch (error) {
      this.#arrival.fail(error as Error);
    }
  }

  async read(signal: AbortSignal): Promise<readonly NatsMessage[]> {
    if (this.#waiting.length === 0) await this.#arrival.wait(pollMs, signal);
    const messages = this.#waiting;
    this.#waiting = [];
    this.#hasRoom();
    return messages.map((message) => messageFrom(message));
  }

  async commit(messages: readonly NatsMessage[]): Promise<void> {
    for (const { message } of messages.slice(0, -1)) message.ack();
    // They are acknowledged in order on one connection: when the server has confirmed the last, it has them all.
    const confirmed = await Promise.race([messages.at(-1)?.message.ackAck(), this.#closed]);
    if (confirmed === false) throw new Error('NATS did not confirm');
  }

  keepAlive = async (messages: readonly NatsMessage[]): Promise<void> => {
    for (const { message } of messages) message.working();
    for (const message of this.#waiting) message.working();
    await Promise.race([this.#connection.flush(), this.#closed]);
  };

  async lag(): Promise<number | null> {
    const { num_pending: pending, num_ack_pending: delivered } = await Promise.race([
      this.#consumer.info(),
      this.#closed,
    ]);
    return pending + delivered;
  }

  async close(): Promise<void> {
    this.#hasRoom();
    if (this.#connection.isClosed()) return;
    // Delivered again at once, and not after the time to acknowledge.
    for (const message of this.#waiting) message.nak();
    await this.#messages.close();
    await this.#connection.close();
  }

  get setAside(): SetAside<NatsMessage> | undefined {
    const subject = this.#options.deadLetterSubject;
    if (subject === null) return undefined;
    return async (refused) => {
      const { headers } = await import('@nats-io/transport-node');
      for (const { message, code, reason } of refused) {
        const kept = headers();
        for (const [name, values] of message.message.headers ?? [])
          if (!name.startsWith('Nats-')) for (const value of values) kept.append(name, value);
        kept.set('posthorn-position', message.position);
        kept.set('posthorn-code', code);
        kept.set('posthorn-reason', reason.replaceAll(/[\r\n]+/g, ' '));
        // A stream must have the subject: without its confirmation, nothing would have been kept.
        const published = this.#js.publish(subject, message.message.data, { headers: kept });
        await Promise.race([published, this.#closed]);
      }
    };
  }
}

function messageFrom(message: JsMsg): NatsMessage {
  return {
    message,
    position: `${message.info.stream}/${message.seq}`,
    body: message.data,
    key: null,
    subject: message.subject,
    at: Math.floor(Number(message.info.timestampNanos) / nanosPerMs),
    fields: () => [...(message.headers ?? [])].map(([name, values]) => [name, values.at(-1) ?? ''] as const),
  };
}

const isApiError = (error: unknown): error is Error & { readonly code: number } =>
  error instanceof Error && error.name === 'JetStreamApiError';
const isNotFound = (error: unknown): boolean =>
  error instanceof Error && /NotFound/.test(error.name + error.constructor.name);

const opening = new AsyncLocalStorage<Socket[]>();

/**
 * Runs a connect; if it fails, destroys the sockets that it opened, of which the library leaves the last one open, which would keep
 * the process. Those that begin with TLS are destroyed by the signal alone: Node does not announce them. `explain` makes the error, from
 * the library's and whether anything came from a server.
 */
export async function connected<T>(
  connect: (signal: AbortSignal) => Promise<T>,
  explain: (error: unknown, hasSpoken: boolean) => unknown,
): Promise<T> {
  const sockets: Socket[] = [];
  const failed = new AbortController();
  const keep = (opened: unknown): void =>
    void opening.getStore()?.push((opened as { readonly socket: Socket }).socket);
  subscribe('net.client.socket', keep);
  try {
    return await opening.run(sockets, connect, failed.signal);
  } catch (error) {
    const hasSpoken = sockets.some(({ bytesRead }) => bytesRead > 0);
    for (const socket of sockets) socket.destroy();
    failed.abort();
    throw explain(error, hasSpoken);
  } finally {
    unsubscribe('net.client.socket', keep);
  }
}

function refusedText({ message }: Error, { credentials, token, user }: NatsOptions): string {
  const given =
    credentials !== null
      ? 'the file of --credentials, and whether it has expired'
      : user !== null
        ? '--user and POSTHORN_INGEST_PASSWORD'
        : token !== null
          ? 'POSTHORN_INGEST_TOKEN'
          : null;
  const next =
    given === null
      ? 'give --credentials, --user or POSTHORN_INGEST_TOKEN'
      : `check ${given}, and start the command again`;
  return `NATS refused the user: ${message}. Next: ${next}`;
}

const first = 'TLS begins there before NATS speaks (handshake_first): then give --tls-first';

/** Why NATS could not be connected, with what to do. */
function connectError(
  transport: Transport,
  error: unknown,
  hasSpoken: boolean,
  options: NatsOptions,
): unknown {
  if (
    error instanceof transport.AuthorizationError ||
    error instanceof transport.UserAuthenticationExpiredError
  )
    return new SourceFault(refusedText(error, options));
  const { constructor, message } = error as Error;
  if (constructor.name === 'NKeysError')
    return new SourceFault(
      `the seed in the file of --credentials cannot be used: ${message}. Next: create the file again`,
    );
  const what = options.tlsFirst ? '' : `, or ${first}`;
  if (error instanceof transport.TimeoutError && !hasSpoken)
    return new Error(
      `no answer within ${connectTimeoutMs / 1000} s: perhaps this is not a port of NATS${what}`,
    );
  if ((error as { readonly code?: string }).code === 'ECONNRESET')
    return closedError(error, options.tls, null);
  // What failed to connect has a cause.
  if (!(error instanceof transport.ConnectionError) || error.cause !== undefined) return error;
  if (!hasSpoken)
    return new Error(`the broker closed the connection before it spoke: perhaps it is not of NATS${what}`);
  return options.tls === null ? error : new Error(noTls);
}

/** What the library hands to Node as it is, with the signal. */
function tlsWith(tls: Tls, handshakeFirst: boolean, signal: AbortSignal): Tls {
  const first = { ...tls, handshakeFirst, signal };
  return handshakeFirst ? first : tls;
}

export async function openNats(options: NatsOptions, clock: Clock): Promise<Source<NatsMessage>> {
  const [transport, jetstream] = await Promise.all([
    import('@nats-io/transport-node'),
    import('@nats-io/jetstream'),
  ]);
  const connection = await connected(
    async (signal) =>
      await transport.connect({
        name: 'posthorn-ingest',
        servers: [...options.servers],
        // The loop connects again, and says so.
        reconnect: false,
        timeout: connectTimeoutMs,
        ...(options.credentials === null
          ? {}
          : { authenticator: transport.credsAuthenticator(new TextEncoder().encode(options.credentials)) }),
        ...(options.token === null ? {} : { token: options.token }),
        ...options.user,
        ...(options.tls === null ? {} : { tls: tlsWith(options.tls, options.tlsFirst, signal) }),
      }),
    (error, hasSpoken) => connectError(transport, error, hasSpoken, options),
  );
  try {
    const js = jetstream.jetstream(connection);
    const manager = await jetstream.jetstreamManager(connection);
    const { consumers } = manager;
    const name = { stream: options.stream, consumer: options.consumer };
    const info = await consumers.info(name.stream, name.consumer).catch(async (error: unknown) => {
      if (!isNotFound(error) && !isApiError(error)) throw error;
      return await consumers
        .add(name.stream, {
          durable_name: name.consumer,
          ack_policy: jetstream.AckPolicy.Explicit,
          ack_wait: ackWaitMs * nanosPerMs,
          deliver_policy:
            options.from === 'earliest' ? jetstream.DeliverPolicy.All : jetstream.DeliverPolicy.New,
          ...(options.subjects.length === 0 ? {} : { filter_subjects: [...options.subjects] }),
        })
        .catch((reason: unknown) => {
          if (isNotFound(reason) || isApiError(reason))
            throw new SourceFault(
              `NATS cannot make the consumer ${name.consumer} of stream ${name.stream}: ${(reason as Error).message}`,
            );
          throw reason;
        });
    });
    const {
      ack_policy: ackPolicy,
      max_deliver: maxDeliver = -1,
      deliver_subject: push,
      ack_wait,
    } = info.config;
    if (ackPolicy !== jetstream.AckPolicy.Explicit || push !== undefined)
      throw new SourceFault(
        `the consumer ${name.consumer} must be a pull consumer with ack policy explicit: others lose messages when a process stops. Use another --consumer; it is made if it is missing`,
      );
    if (maxDeliver > 0)
      throw new SourceFault(
        `the consumer ${name.consumer} gives a message up after ${maxDeliver} deliveries (max_deliver), accepted or not. Set it to -1: nats consumer edit ${name.stream} ${name.consumer} --max-deliver=-1`,
      );
    const consumer = await js.consumers.get(name.stream, name.consumer);
    const messages = await consumer.consume({ max_bytes: maxBufferedBytes });
    const parts = { connection, js, consumer, messages, ackWaitNanos: ack_wait ?? ackWaitMs * nanosPerMs };
    return new NatsSource(parts, options, clock);
  } catch (error) {
    await connection.close().catch(() => {});
    throw error;
  }
}
