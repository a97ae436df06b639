import type { Message as SqsRecord, SQSClient } from '@aws-sdk/client-sqs';
import { type Message, type SetAside, type Source, SourceFault } from './source.ts';

export interface SqsOptions {
  readonly queueUrl: string;
  /** Null: the AWS SDK finds it out. */
  readonly region: string | null;
  /** URL of another server than AWS; null: AWS. */
  readonly endpoint: string | null;
  readonly deadLetterQueueUrl: string | null;
  readonly batch: number;
}

interface SqsMessage extends Message {
  readonly record: SqsRecord;
}

type Library = typeof import('@aws-sdk/client-sqs');

/** SQS gives, deletes and changes at most this many in one call. */
const maxPerCall = 10;
/** The library would wait without end. With its three tries this is less than what the loop waits for a call. */
const connectTimeoutMs = 5000;
const requestTimeoutMs = 15_000;
/** An empty answer costs as much as a full one; a stop waits for the answer. */
const longPollS = 5;

/** A queue, standard or FIFO. */
class SqsSource implements Source<SqsMessage> {
  readonly keepAliveMs: number;
  readonly #library: Library;
  readonly #client: SQSClient;
  readonly #options: SqsOptions;
  readonly #visibilityS: number;

  constructor(library: Library, client: SQSClient, options: SqsOptions, visibilityS: number) {
    this.#library = library;
    this.#client = client;
    this.#options = options;
    this.#visibilityS = visibilityS;
    this.keepAliveMs = (visibilityS * 1000) / 3;
  }

  async read(signal: AbortSignal): Promise<readonly SqsMessage[]> {
    const first = await this.#receive(longPollS, signal);
    // A full answer says that more are waiting. Messages of one FIFO group come in one answer at a time.
    const others = first.length < maxPerCall ? 0 : Math.floor(this.#options.batch / maxPerCall) - 1;
    const rest = await Promise.all(Array.from({ length: others }, () => this.#receive(0, signal)));
    return [first, ...rest].flat().map((record) => messageFrom(record, this.#queueName));
  }

  get #queueName(): string {
    return this.#options.queueUrl.slice(this.#options.queueUrl.lastIndexOf('/') + 1);
  }

  async #receive(waitS: number, signal: AbortSignal): Promise<readonly SqsRecord[]> {
    if (signal.aborted) return [];
    const command = new this.#library.ReceiveMessageCommand({
      QueueUrl: this.#options.queueUrl,
      MaxNumberOfMessages: maxPerCall,
      WaitTimeSeconds: waitS,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    });
    // Not aborted: what SQS has given away in an unread answer stays invisible for its timeout.
    const { Messages: records = [] } = await this.#client.send(command);
    return records;
  }

  async commit(messages: readonly SqsMessage[]): Promise<void> {
    await this.#inTens(messages, async (entries) => {
      const { Failed: failed = [] } = await this.#client.send(
        new this.#library.DeleteMessageBatchCommand({
          QueueUrl: this.#options.queueUrl,
          Entries: entries.map(({ id, handle }) => ({ Id: id, ReceiptHandle: handle })),
        }),
      );
      if (failed.length > 0) throw new Error(`SQS did not delete: ${failed[0]!.Code} ${failed[0]!.Message}`);
    });
  }

  keepAlive = async (messages: readonly SqsMessage[]): Promise<void> => {
    await this.#inTens(messages, async (entries) => {
      await this.#client.send(
        new this.#library.ChangeMessageVisibilityBatchCommand({
          QueueUrl: this.#options.queueUrl,
          Entries: entries.map(({ id, handle }) => ({
            Id: id,
            ReceiptHandle: handle,
            VisibilityTimeout: this.#visibilityS,
          })),
        }),
      );
    });
  };

  async #inTens(
    messages: readonly SqsMessage[],
    call: (entries: readonly { readonly id: string; readonly handle: string }[]) => Promise<void>,
  ): Promise<void> {
    const entries = messages.map(({ record }, index) => ({
      id: String(index),
      handle: record.ReceiptHandle!,
    }));
    const tens = Array.from({ length: Math.ceil(entries.length / maxPerCall) }, (_, n) =>
      entries.slice(n * maxPerCall, (n + 1) * maxPerCall),
    );
    await Promise.all(tens.map(call));
  }

  async lag(): Promise<number | null> {
    const { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: delivered } =
      await attributesOf(this.#library, this.#client, this.#options);
    return Number(waiting) + Number(delivered);
  }

  close(): Promise<void> {
    this.#client.destroy();
    return Promise.resolve();
  }

  get setAside(): SetAside<SqsMessage> | undefined {
    const queueUrl = this.#options.deadLetterQueueUrl;
    if (queueUrl === null) return undefined;
    return async (refused) => {
      for (const { message, code, reason } of refused) {
        const { MessageAttributes: kept = {}, Attributes: system = {} } = message.record;
        const added = Object.entries({
          'posthorn-position': message.position,
          'posthorn-code': code,
          'posthorn-reason': reason,
        }).map(([name, text]) => [name, { DataType: 'String', StringValue: text }] as const);
        // SQS takes ten attributes: the message's own first.
        const attributes = [...Object.entries(kept), ...added].slice(0, 10);
        await this.#client.send(
          new this.#library.SendMessageCommand({
            QueueUrl: queueUrl,
            MessageBody: message.record.Body,
            MessageAttributes: Object.fromEntries(attributes),
            ...(queueUrl.endsWith('.fifo')
              ? {
                  MessageGroupId: system.MessageGroupId ?? 'posthorn',
                  MessageDeduplicationId: message.record.MessageId,
                }
              : {}),
          }),
        );
      }
    };
  }
}

function messageFrom(record: SqsRecord, queue: string): SqsMessage {
  return {
    record,
    // Unique in SQS, and the same on every delivery.
    position: record.MessageId!,
    body: record.Body ?? null,
    key: record.Attributes?.MessageGroupId ?? null,
    subject: queue,
    at: record.Attributes?.SentTimestamp === undefined ? null : Number(record.Attributes.SentTimestamp),
    fields: () =>
      Object.entries(record.MessageAttributes ?? {}).map(
        ([name, { StringValue: text, BinaryValue: bytes }]) => [name, text ?? bytes ?? ''] as const,
      ),
  };
}

async function attributesOf(
  library: Library,
  client: SQSClient,
  { queueUrl }: SqsOptions,
): Promise<Partial<Record<string, string>>> {
  const command = new library.GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] });
  return (await client.send(command)).Attributes ?? {};
}

/** Errors of AWS that another connection would not fix. */
const lasting =
  /AccessDenied|NonExistentQueue|QueueDoesNotExist|InvalidClientTokenId|UnrecognizedClient|ExpiredToken|SignatureDoesNotMatch|CredentialsProviderError|InvalidAddress/;

export async function openSqs(options: SqsOptions): Promise<Source<SqsMessage>> {
  const library = await import('@aws-sdk/client-sqs');
  const client = new library.SQSClient({
    ...(options.region === null ? {} : { region: options.region }),
    ...(options.endpoint === null ? {} : { endpoint: options.endpoint }),
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  });
  try {
    const { VisibilityTimeout: visibility = '30' } = await attributesOf(library, client, options);
    // Too short to be extended in time.
    const visibilityS = Number(visibility);
    if (visibilityS < 5)
      throw new SourceFault(
        `the queue's visibility timeout is ${visibilityS} s, too short for a batch to be accepted: set it to 30 s or more`,
      );
    return new SqsSource(library, client, options, visibilityS);
  } catch (error) {
    client.destroy();
    const { name, message, code } = error as Error & { readonly code?: string };
    if (lasting.test(name))
      throw new SourceFault(
        `SQS refused: ${message} (${name}). Next: check the queue's URL and region, and the credentials and rights that the AWS SDK finds`,
      );
    if (code === 'ETIMEDOUT') throw new Error(`no answer within ${requestTimeoutMs / 1000} s`);
    if (code === 'ECONNRESET' && options.endpoint?.startsWith('http:') === true)
      throw new Error(
        'the server closed the connection: if it requires TLS, give an https:// URL as --endpoint',
      );
    throw error;
  }
}
