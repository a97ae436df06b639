import { isIP } from 'node:net';
import type { Consumer, Message as KafkaRecord, MessagesStream, Producer } from '@platformatic/kafka';
import type { Clock } from '../runtime/clock.ts';
import { bounded } from '../runtime/within.ts';
import { Arrival } from './arrival.ts';
import { closedError, errorsBehind, noTls } from './reason.ts';
import { type Message, type SetAside, type Source, SourceFault, type Tls } from './source.ts';

export interface KafkaOptions {
  readonly brokers: readonly { readonly host: string; readonly port: number }[];
  readonly topics: readonly string[];
  readonly group: string;
  /** Where a partition begins that the group has never committed. */
  readonly from: 'earliest' | 'latest';
  readonly sasl: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
    readonly username: string;
    readonly password: string;
  } | null;
  readonly tls: Tls | null;
  /** Goes on where Kafka has deleted messages before they were read, instead of failing. */
  readonly skipDeleted: boolean;
  readonly deadLetterTopic: string | null;
  readonly batch: number;
}

interface KafkaMessage extends Message {
  readonly record: KafkaRecord;
}

type Library = typeof import('@platformatic/kafka');

const pollMs = 1000;
/** The library asks four times, each for 30 s, and what it does for the group may take as long as other members let it. */
const maxFirstAnswerMs = 45_000;
/** After a process is killed, Kafka gives its partitions to another one after so long. */
const sessionTimeoutMs = 30_000;
/** What one fetch brings from one broker; a larger message comes alone. */
const maxFetchBytes = 4 * 1024 * 1024;
/** Fetched messages beyond which no other fetch begins: with the fetches under way, this bounds memory. */
const maxBuffered = 16;
const rebalanceCodes = [
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
];
/** Errors that another connection would not fix. */
const lastingCodes = [
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_GROUP_ID',
];
/** Errors of authentication, with what to do. */
const saslAdvice = new Map([
  [
    'SASL_AUTHENTICATION_FAILED',
    'check --sasl-username, --sasl-mechanism and POSTHORN_INGEST_PASSWORD, and start the command again',
  ],
  ['UNSUPPORTED_SASL_MECHANISM', 'give the mechanism of this port as --sasl-mechanism'],
  ['ILLEGAL_SASL_STATE', 'this port takes no user: give the port for SASL, or leave out --sasl-username'],
]);

/** A member of a consumer group; offsets are committed by `commit` alone. */
class KafkaSource implements Source<KafkaMessage> {
  readonly #consumer: Consumer;
  readonly #producer: Producer | null;
  readonly #stream: MessagesStream<Buffer, Buffer, Buffer, Buffer>;
  readonly #options: KafkaOptions;
  readonly #arrival: Arrival;
  readonly #library: Library;

  constructor(
    library: Library,
    parts: {
      consumer: Consumer;
      producer: Producer | null;
      stream: MessagesStream<Buffer, Buffer, Buffer, Buffer>;
    },
    options: KafkaOptions,
    clock: Clock,
  ) {
    this.#library = library;
    this.#consumer = parts.consumer;
    this.#producer = parts.producer;
    this.#stream = parts.stream;
    this.#options = options;
    this.#arrival = new Arrival(clock);
    this.#stream.on('readable', () => this.#arrival.notify());
    this.#stream.on('error', (error) => this.#arrival.fail(error));
    this.#stream.on('close', () => this.#arrival.fail(new Error('Kafka closed the stream of messages')));
  }

  async read(signal: AbortSignal): Promise<readonly KafkaMessage[]> {
    const messages = this.#take();
    if (messages.length > 0) return messages;
    await this.#arrival.wait(pollMs, signal);
    return this.#take();
  }

  #take(): KafkaMessage[] {
    const messages: KafkaMessage[] = [];
    while (messages.length < this.#options.batch) {
      const record = this.#stream.read() as KafkaRecord | null;
      if (record === null) break;
      messages.push(messageFrom(record));
    }
    return messages;
  }

  async commit(messages: readonly KafkaMessage[]): Promise<void> {
    const last = new Map<string, KafkaRecord>();
    for (const { record } of messages) last.set(`${record.topic}/${record.partition}`, record);
    const offsets = [...last.values()].map(({ topic, partition, offset, leaderEpoch }) => ({
      topic,
      partition,
      offset: offset + 1n,
      leaderEpoch,
    }));
    try {
      await this.#consumer.commit({ offsets });
    } catch (error) {
      // The partition has another owner or a new generation: it reads them again, under the same ids.
      if (!rebalanceCodes.some((id) => this.#isError(error, id))) throw error;
    }
  }

  #isError(error: unknown, id: string): boolean {
    return this.#library.findErrorBy(error as Error, 'apiId', id) !== null;
  }

  async lag(): Promise<number | null> {
    const { assignments } = this.#consumer;
    if (assignments === null) return null;
    const isolationLevel = this.#library.FetchIsolationLevels.READ_COMMITTED;
    const ends = await this.#consumer.listOffsets({ topics: [...this.#options.topics], isolationLevel });
    let lag = this.#stream.readableLength;
    for (const { topic, partitions } of assignments)
      for (const partition of partitions) {
        // Markers of transactions take an offset too, so this is not counted from the commits.
        const next = this.#stream.offsetsToFetch.get(`${topic}:${partition}`);
        const end = ends.get(topic)?.[partition];
        if (next === undefined || end === undefined) return null;
        lag += Number(end - next);
      }
    return lag;
  }

  async close(): Promise<void> {
    await this.#producer?.close(true);
    await this.#consumer.close(true);
  }

  get setAside(): SetAside<KafkaMessage> | undefined {
    const producer = this.#producer;
    const topic = this.#options.deadLetterTopic;
    if (producer === null || topic === null) return undefined;
    return async (refused) => {
      await producer.send({
        acks: -1,
        messages: refused.map(({ message: { record, position }, code, reason }) => ({
          topic,
          key: record.key,
          value: record.value,
          headers: new Map([
            ...record.headerEntries,
            [Buffer.from('posthorn-position'), Buffer.from(position)],
            [Buffer.from('posthorn-code'), Buffer.from(code)],
            [Buffer.from('posthorn-reason'), Buffer.from(reason)],
          ]),
        })),
      });
    };
  }
}

function messageFrom(record: KafkaRecord): KafkaMessage {
  return {
    record,
    position: `${record.topic}/${record.partition}/${record.offset}`,
    // The library's types deny what a tombstone and a message without a key have.
    body: (record.value as Buffer | null | undefined) ?? null,
    key: (record.key as Buffer | null | undefined) ?? null,
    subject: record.topic,
    at: Number(record.timestamp),
    fields: () => record.headerEntries.map(([name, value]) => [name.toString(), value] as const),
  };
}

/**
 * Commits where partitions begin that the group has never committed, so that a restart does not decide it again. Refuses to go
 * on where Kafka no longer has the messages behind the group's offset: they would be lost without a word.
 */
async function settleOffsets(consumer: Consumer, library: Library, options: KafkaOptions): Promise<void> {
  const assigned = (consumer.assignments ?? []).map(({ topic, partitions }) => ({ topic, partitions }));
  if (assigned.length === 0) return;
  const { EARLIEST, LATEST } = library.ListOffsetTimestamps;
  const topics = [...options.topics];
  const [committed, first, last] = await Promise.all([
    consumer.listCommittedOffsets({ topics: assigned }),
    consumer.listOffsets({ topics, timestamp: EARLIEST }),
    consumer.listOffsets({ topics, timestamp: LATEST }),
  ]);
  const offsets: { topic: string; partition: number; offset: bigint; leaderEpoch: number }[] = [];
  for (const { topic, partitions } of assigned)
    for (const partition of partitions) {
      const at = committed.get(topic)?.[partition] ?? -1n;
      const begin = first.get(topic)?.[partition] ?? 0n;
      const end = last.get(topic)?.[partition] ?? 0n;
      if (at >= begin && at <= end) continue;
      if (at >= 0n && !options.skipDeleted)
        throw new SourceFault(missingText(`${topic}/${partition}`, at, begin, end));
      const offset = at < 0n && options.from === 'latest' ? end : begin;
      offsets.push({ topic, partition, offset, leaderEpoch: -1 });
    }
  if (offsets.length > 0) await consumer.commit({ offsets });
}

const missingText = (partition: string, at: bigint, begin: bigint, end: bigint): string =>
  at < begin
    ? `Kafka deleted ${begin - at} messages of ${partition} before they were ingested (offsets ${at} to ${begin - 1n}). Publish them again from where they came, then go on with --skip-deleted`
    : `${partition} ends at offset ${end}, before the group's offset ${at}: the topic was made anew, and its messages would get the ids of former ones. Use another --group and an --id-prefix`;

/** Keeps what ended a connection: what waits for an answer learns only that it was closed. */
function keepCauses(consumer: Consumer): Error[] {
  const causes: Error[] = [];
  consumer.connections.on('connecting', ({ connection }) =>
    connection.on('error', (error) => void causes.splice(0, 1, error)),
  );
  return causes;
}

interface KafkaError extends Error {
  readonly apiId?: string;
  readonly serverErrorMessage?: string | null;
}

/** Returns why another connection would fail too; null: it might not. */
function lastingReason(error: unknown): string | null {
  for (const one of errorsBehind(error)) {
    const { apiId, serverErrorMessage, message, code } = one as KafkaError & { readonly code?: string };
    const text = (serverErrorMessage || message).replace(/\.$/, '');
    const advice = apiId === undefined ? undefined : saslAdvice.get(apiId);
    if (advice !== undefined) return `Kafka refused the user: ${text} (${apiId}). Next: ${advice}`;
    if (apiId !== undefined && lastingCodes.includes(apiId)) return `Kafka refused: ${text} (${apiId})`;
    // One with a cause may be a connection that broke.
    if (code === 'PLT_KFK_AUTHENTICATION' && one.cause === undefined)
      return `Kafka refused the user: ${text}`;
  }
  return null;
}

/** Why Kafka could not be opened, with the reason of a connection that was closed. */
function openError(error: unknown, causes: readonly Error[], { tls, sasl }: KafkaOptions): unknown {
  const lasting = lastingReason(error);
  if (lasting !== null) return new SourceFault(lasting);
  const behind = [...errorsBehind(error)];
  // How the library says that TLS was missing, or was not answered.
  if (behind.some(({ code }) => code === 'PLT_KFK_USER'))
    return new Error(
      tls === null
        ? 'the broker requires TLS on this port: give --tls, and --ca if its authority is private'
        : noTls,
    );
  // What failed to connect has a cause.
  if (!behind.some(({ code, cause }) => code === 'PLT_KFK_NETWORK' && cause === undefined)) return error;
  return closedError(causes[0]?.cause, tls, sasl === null ? 'a user (--sasl-username)' : null);
}

export async function openKafka(
  options: KafkaOptions,
  clock: Clock,
  /** Whether TLS names the host, by which a proxy finds the broker: it cannot name an address. */
  namesHosts = options.brokers.every(({ host }) => isIP(host) === 0),
): Promise<Source<KafkaMessage>> {
  const library = await import('@platformatic/kafka');
  const connection = {
    clientId: 'posthorn-ingest',
    bootstrapBrokers: [...options.brokers],
    tlsServerName: namesHosts,
    ...(options.sasl === null ? {} : { sasl: options.sasl }),
    ...(options.tls === null ? {} : { tls: options.tls }),
  };
  const consumer = new library.Consumer({
    ...connection,
    groupId: options.group,
    sessionTimeout: sessionTimeoutMs,
  });
  const producer = options.deadLetterTopic === null ? null : new library.Producer(connection);
  const causes = keepCauses(consumer);
  // Without a listener, an error would end the process.
  consumer.on('error', () => {});
  try {
    const known = await bounded(
      clock,
      maxFirstAnswerMs,
      consumer.metadata({ topics: [...options.topics] }),
      `no answer within ${maxFirstAnswerMs / 1000} s: this is not a port of Kafka, or TLS begins there (--tls, --ca)`,
    );
    const { tls } = options;
    if (tls !== null && namesHosts && [...known.brokers.values()].some(({ host }) => isIP(host) !== 0)) {
      await Promise.allSettled([consumer.close(true), producer?.close(true)]);
      return await openKafka(options, clock, false);
    }
    const missing = options.topics.filter((topic) => !known.topics.has(topic));
    if (missing.length > 0) throw new SourceFault(`Kafka has no topic ${missing.join(', ')}`);
    for (const topic of options.topics) consumer.topics.track(topic);
    await consumer.joinGroup();
    await settleOffsets(consumer, library, options);
    const stream = await consumer.consume({
      topics: [...options.topics],
      autocommit: false,
      mode: library.MessagesStreamModes.COMMITTED,
      // An offset that is missing or gone ends the stream, and the next connection settles it.
      fallbackMode: library.MessagesStreamFallbackModes.FAIL,
      maxBytes: maxFetchBytes,
      highWaterMark: maxBuffered,
      // Messages of transactions that were rolled back never happened.
      isolationLevel: library.FetchIsolationLevels.READ_COMMITTED,
    });
    return new KafkaSource(library, { consumer, producer, stream }, options, clock);
  } catch (error) {
    await Promise.allSettled([consumer.close(true), producer?.close(true)]);
    throw openError(error, causes, options);
  }
}
