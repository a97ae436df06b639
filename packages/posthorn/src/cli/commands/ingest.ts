import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Client } from '@posthorn/client';
import { Consumption } from '../../ingest/consume.ts';
import { type FieldWord, type Mapping, MappingError, mappingFrom } from '../../ingest/mapping.ts';
import { openRefusedFile } from '../../ingest/refused-file.ts';
import { type Message, type Source, SourceFault, type Tls } from '../../ingest/source.ts';
import { serveStatus, Status } from '../../ingest/status.ts';
import { count as many } from '../../report/count.ts';
import { systemClock } from '../../runtime/clock.ts';
import { systemRandom } from '../../runtime/random.ts';
import { repeat } from '../../runtime/repeat.ts';
import { demandPackages } from '../optional-package.ts';
import { CommandError, note, print, printJson } from '../output.ts';
import { clientFrom, integerBetween, numberBetween, type RemoteOptions, remoteOptions } from '../remote.ts';
import { stoppable } from '../stoppable.ts';

interface IngestOptions extends RemoteOptions {
  readonly type: string;
  readonly id?: string;
  readonly tenant?: string;
  readonly orderingKey?: string;
  readonly occurredAt?: string;
  readonly data?: string;
  readonly idPrefix?: string;
  readonly batch: number;
  readonly refusedTo?: string;
  readonly untilIdle?: number;
  readonly progress: number;
  readonly status?: { readonly host: string; readonly port: number };
  readonly timeout: number;
  readonly json?: boolean;
}

/** What differs between brokers. */
interface Broker<M extends Message = Message> {
  readonly name: string;
  readonly word: FieldWord;
  /** Not installed with `posthorn`. */
  readonly packages: readonly string[];
  readonly open: () => Promise<Source<M>>;
}

function listenAddress(text: string): { host: string; port: number } {
  const [, host, port] = /^(?:\[?([\w.:-]+?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('takes a port or an address with a port, such as 127.0.0.1:9410');
  return { host: host ?? '127.0.0.1', port: Number(port) };
}

function mapped(options: IngestOptions, { name, word }: Pick<Broker, 'name' | 'word'>): Mapping {
  try {
    return mappingFrom(
      {
        id: options.id,
        type: options.type,
        tenant: options.tenant,
        orderingKey: options.orderingKey,
        occurredAt: options.occurredAt,
        data: options.data,
      },
      { source: name, word, ...(options.idPrefix === undefined ? {} : { idPrefix: options.idPrefix }) },
    );
  } catch (error) {
    if (error instanceof MappingError) throw new CommandError(error.message, 2);
    throw error;
  }
}

/** Ends before anything is consumed if the server is away or the key may not publish. */
async function demandPublisher(client: Client): Promise<void> {
  const { name, scopes } = await client.me.get();
  if (!scopes.includes('publish') && !scopes.includes('admin'))
    throw new CommandError(
      `the key ${name} may not publish: posthorn keys create ingest --scopes publish makes one that may`,
      2,
    );
}

const progressLine = ({ accepted, duplicates, refused, lag }: Status['counts']): string =>
  `${many(accepted)} accepted (${many(duplicates)} duplicates), ${many(refused)} refused${lag === null ? '' : `, ${many(lag)} waiting`}`;

/** Reports progress while something changes, so that a quiet source fills no log. */
function reportProgress(consumption: Pick<Consumption<Message>, 'lag'>, status: Status, everyS: number) {
  let last = '';
  return repeat(
    systemClock,
    async () => {
      status.sawLag(await consumption.lag());
      const line = progressLine(status.counts);
      if (line !== last) note(line);
      last = line;
    },
    { everyMs: everyS * 1000, onError: (error) => note(error.message) },
  );
}

async function ingest<M extends Message>(broker: Broker<M>, options: IngestOptions): Promise<void> {
  const client = clientFrom(options);
  const mapping = mapped(options, broker);
  demandPackages(broker.packages, `posthorn ingest ${broker.name}`, import.meta.url);
  const file = options.refusedTo === undefined ? null : openedFile(options.refusedTo);
  await demandPublisher(client);
  const status = new Status(systemClock, note);
  const server = options.status === undefined ? null : await serveStatus(status, broker.name, options.status);
  try {
    await stoppable(async (signal) => {
      const consumption = new Consumption({
        open: broker.open,
        mapping,
        client,
        requestMs: options.timeout * 1000,
        clock: systemClock,
        random: systemRandom,
        observer: status,
        setAside: file === null ? null : (refused) => file.write(refused),
        idleMs: options.untilIdle === undefined ? null : options.untilIdle * 1000,
        signal,
      });
      const progress = reportProgress(consumption, status, options.progress);
      try {
        const end = await consumption.run();
        if (end.kind !== 'refused') return;
        const { message, code, reason } = end.refused;
        throw new CommandError(
          `stopped at ${broker.name} ${message.position}: ${reason} (${code}). All before it is accepted and committed. Correct it at its source or in the mapping, or set refused messages aside with --refused-to`,
        );
      } catch (error) {
        if (error instanceof SourceFault) throw new CommandError(error.message);
        throw error;
      } finally {
        await progress.stop();
        const { lag: _, ...counts } = status.counts;
        if (options.json === true) printJson(counts);
        else print(progressLine({ ...counts, lag: null }));
      }
    });
    // G5: what was set aside is not a success.
    if (status.counts.refused > 0) process.exitCode = 1;
  } finally {
    server?.closeAllConnections();
    server?.close();
    file?.close();
  }
}

function openedFile(path: string) {
  try {
    return openRefusedFile(path);
  } catch (error) {
    throw new CommandError(`cannot write ${path}: ${(error as Error).message}`, 2);
  }
}

/** The text of a file that an option names. */
function fileText(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(`${option}: ${(error as Error).message}`, 2);
  }
}

const list = (text: string): string[] => text.split(',').map((one) => one.trim());
const variable = (name: string): string | null => process.env[name] || null;

interface TlsOptions {
  readonly tls?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly certKey?: string;
}

function tlsFrom({ tls, ca, cert, certKey }: TlsOptions): Tls | null {
  if (tls !== true && ca === undefined && cert === undefined) return null;
  if ((cert === undefined) !== (certKey === undefined))
    throw new CommandError('--cert and --cert-key belong together', 2);
  return {
    ...(ca === undefined ? {} : { ca: fileText('--ca', ca) }),
    ...(cert === undefined ? {} : { cert: fileText('--cert', cert) }),
    ...(certKey === undefined ? {} : { key: fileText('--cert-key', certKey) }),
  };
}

const tlsOptions = (command: Command): Command =>
  command
    .option('--tls', 'connect with TLS')
    .option('--ca <file>', 'PEM file of the authorities to trust (default: those of Node.js)')
    .option('--cert <file>', 'PEM file of the client certificate')
    .option('--cert-key <file>', 'PEM file of its private key');

const fromOption = (what: string): Option =>
  new Option('--from <position>', `where ${what} begins`).choices(['earliest', 'latest']).default('earliest');

/** The options of every source: the mapping, and how the loop behaves. */
function ingestOptions(command: Command, word: FieldWord, derived: string, type?: string): Command {
  const places = `${word}:NAME, key, subject, a JSON Pointer, or =TEXT`;
  const option = type === undefined ? 'requiredOption' : 'option';
  remoteOptions(command);
  command[option]('--type <location>', `where the event's type is: ${places}`, type);
  return command
    .option('--id <location>', `where the event's id is (default: derived from ${derived})`)
    .option('--tenant <location>', 'where the tenant is (default: the tenant of the key)')
    .option('--ordering-key <location>', 'where the ordering key is (default: none)')
    .option(
      '--occurred-at <location>',
      'where the time is, in RFC 3339 or ms; time takes that of the broker (default: none)',
    )
    .option('--id-prefix <text>', "put before every event's id (default: nothing)")
    .option('--batch <messages>', 'messages to read before they are published', integerBetween(1, 5000), 500)
    .option(
      '--refused-to <file>',
      'append messages that Posthorn refuses to this file and continue (default: stop at the first)',
    )
    .option(
      '--until-idle <seconds>',
      'end when nothing waits and nothing has arrived for so long (default: never)',
      numberBetween(0, 86_400),
    )
    .option('--status <[host:]port>', 'serve /healthz and /metrics here (default: nowhere)', listenAddress)
    .option('--progress <seconds>', 'time between progress lines', numberBetween(1, 86_400), 10);
}

/** For messages with a body; of a row the data is a column. */
const dataOption = (): Option =>
  new Option('--data <pointer>', 'JSON Pointer to the data in the body (default: the whole body)');

const exitCodes =
  '\nSIGTERM finishes the batch and commits it. Exit code: 0 every message was accepted, 1 a message was refused, or a failure, 2 wrong usage.\n';

interface KafkaCommandOptions extends IngestOptions, TlsOptions {
  readonly brokers: string[];
  readonly topic: string[];
  readonly group: string;
  readonly from: 'earliest' | 'latest';
  readonly saslMechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly saslUsername?: string;
  readonly skipDeleted?: boolean;
  readonly deadLetterTopic?: string;
}

function saslFrom({ saslUsername: username, saslMechanism: mechanism }: KafkaCommandOptions) {
  if (username === undefined) return null;
  const password = variable('POSTHORN_INGEST_PASSWORD');
  if (password === null) throw new CommandError('--sasl-username needs POSTHORN_INGEST_PASSWORD', 2);
  return { mechanism, username, password };
}

function kafkaCommand(): Command {
  const command = new Command('kafka')
    .description('Consume topics of Kafka in a consumer group')
    .requiredOption('--brokers <host:port,…>', 'brokers to ask for the others', list)
    .requiredOption('--topic <names>', 'topics, separated by commas', list)
    .option('--group <id>', 'consumer group, which keeps the offsets', 'posthorn')
    .addOption(fromOption('a partition that the group has never committed'))
    .option('--sasl-username <name>', 'user name; the password is POSTHORN_INGEST_PASSWORD')
    .addOption(
      new Option('--sasl-mechanism <name>', 'how to authenticate')
        .choices(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
        .default('SCRAM-SHA-512'),
    )
    .addOption(dataOption())
    .option('--dead-letter-topic <topic>', 'write refused messages to this topic and continue')
    .option('--skip-deleted', 'continue where Kafka has deleted messages before they were read');
  return ingestOptions(tlsOptions(command), 'header', 'topic, partition and offset')
    .addHelpText(
      'after',
      `${exitCodes}\nExample:\n  posthorn ingest kafka --brokers kafka:9092 --topic payments --type header:event-type --ordering-key key`,
    )
    .action(async (options: KafkaCommandOptions) => {
      const { openKafka } = await import('../../ingest/kafka.ts');
      const open = {
        brokers: options.brokers,
        topics: options.topic,
        group: options.group,
        from: options.from,
        sasl: saslFrom(options),
        tls: tlsFrom(options),
        skipDeleted: options.skipDeleted === true,
        deadLetterTopic: options.deadLetterTopic ?? null,
        batch: options.batch,
      };
      await ingest(
        {
          name: 'kafka',
          word: 'header',
          packages: ['@platformatic/kafka'],
          open: () => openKafka(open, systemClock),
        },
        options,
      );
    });
}

interface NatsCommandOptions extends IngestOptions, TlsOptions {
  readonly servers: string[];
  readonly stream: string;
  readonly consumer: string;
  readonly subject?: string[];
  readonly from: 'earliest' | 'latest';
  readonly credentials?: string;
  readonly user?: string;
  readonly deadLetterSubject?: string;
}

function natsCommand(): Command {
  const command = new Command('nats')
    .description('Consume a stream of NATS JetStream with a durable pull consumer')
    .requiredOption('--servers <url,…>', 'servers, such as nats://nats:4222', list)
    .requiredOption('--stream <name>', 'the stream')
    .option('--consumer <name>', 'durable consumer; made if it is missing', 'posthorn')
    .option('--subject <subjects>', 'subjects of a consumer that is made (default: all)', list)
    .addOption(fromOption('a consumer that is made'))
    .option('--credentials <file>', 'credentials file (.creds)')
    .option('--user <name>', 'user name; the password is POSTHORN_INGEST_PASSWORD')
    .addOption(dataOption())
    .option(
      '--dead-letter-subject <subject>',
      'publish refused messages to this subject of a stream and continue',
    );
  return ingestOptions(tlsOptions(command), 'header', 'stream and sequence')
    .addHelpText(
      'after',
      `\nWithout --credentials and --user, POSTHORN_INGEST_TOKEN is the token, if it is set.${exitCodes}\nExample:\n  posthorn ingest nats --servers nats://nats:4222 --stream payments --type subject --ordering-key /payment/id`,
    )
    .action(async (options: NatsCommandOptions) => {
      const { openNats } = await import('../../ingest/nats.ts');
      const { user, credentials } = options;
      const open = {
        servers: options.servers,
        stream: options.stream,
        consumer: options.consumer,
        subjects: options.subject ?? [],
        from: options.from,
        credentials: credentials === undefined ? null : fileText('--credentials', credentials),
        token: user === undefined && credentials === undefined ? variable('POSTHORN_INGEST_TOKEN') : null,
        user: user === undefined ? null : { user, pass: variable('POSTHORN_INGEST_PASSWORD') ?? '' },
        tls: tlsFrom(options),
        deadLetterSubject: options.deadLetterSubject ?? null,
        batch: options.batch,
      };
      await ingest(
        {
          name: 'nats',
          word: 'header',
          packages: ['@nats-io/jetstream', '@nats-io/transport-node'],
          open: () => openNats(open, systemClock),
        },
        options,
      );
    });
}

interface SqsCommandOptions extends IngestOptions {
  readonly queueUrl: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly deadLetterQueueUrl?: string;
}

function sqsCommand(): Command {
  const command = new Command('sqs')
    .description('Consume a queue of Amazon SQS, standard or FIFO')
    .requiredOption('--queue-url <url>', 'URL of the queue')
    .option('--region <region>', 'region (default: as the AWS SDK finds it)')
    .option('--endpoint <url>', 'another server than AWS (default: AWS)')
    .addOption(dataOption())
    .option('--dead-letter-queue-url <url>', 'send refused messages to this queue and continue');
  return ingestOptions(command, 'attribute', "SQS's message id")
    .addHelpText(
      'after',
      `\nCredentials are found by the AWS SDK: environment, profile, role.${exitCodes}\nExample:\n  posthorn ingest sqs --queue-url https://sqs.eu-west-1.amazonaws.com/123456789012/payments --type attribute:event-type`,
    )
    .action(async (options: SqsCommandOptions) => {
      const { openSqs } = await import('../../ingest/sqs.ts');
      const open = {
        queueUrl: options.queueUrl,
        region: options.region ?? null,
        endpoint: options.endpoint ?? null,
        deadLetterQueueUrl: options.deadLetterQueueUrl ?? null,
        batch: options.batch,
      };
      await ingest(
        {
          name: 'sqs',
          word: 'attribute',
          packages: ['@aws-sdk/client-sqs'],
          open: () => openSqs(open),
        },
        options,
      );
    });
}

interface OutboxCommandOptions extends IngestOptions {
  readonly databaseUrl?: string;
  readonly table: string;
  readonly keyColumn: string;
  readonly dataColumn: string;
  readonly markColumn?: string;
  readonly poll: number;
}

function outboxCommand(): Command {
  const command = new Command('outbox')
    .description('Consume a table of PostgreSQL that applications write in their own transactions')
    .option('--database-url <url>', 'the database (POSTHORN_INGEST_DATABASE_URL)')
    .option('--table <name>', 'the table, with its schema or without', 'outbox')
    .option('--key-column <name>', 'the column that identifies a row and orders the rows', 'id')
    .option('--data-column <name>', 'the column of the data: json, jsonb, text or bytea', 'data')
    .option(
      '--mark-column <name>',
      'set this timestamp in accepted rows (default: accepted rows are deleted)',
    )
    .option('--poll <seconds>', 'time between looks at an empty table', numberBetween(0.01, 3600), 0.5);
  return ingestOptions(command, 'column', 'table and key', 'column:type')
    .addHelpText(
      'after',
      `${exitCodes}\nExample:\n  posthorn ingest outbox --database-url postgres://app@db/shop --table outbox --id column:id --ordering-key column:order_id`,
    )
    .action(async (options: OutboxCommandOptions) => {
      const databaseUrl = options.databaseUrl ?? variable('POSTHORN_INGEST_DATABASE_URL');
      if (databaseUrl === null)
        throw new CommandError('no database: set POSTHORN_INGEST_DATABASE_URL, or give --database-url', 2);
      const { openOutbox } = await import('../../ingest/outbox.ts');
      const open = {
        databaseUrl,
        table: options.table,
        keyColumn: options.keyColumn,
        dataColumn: options.dataColumn,
        markColumn: options.markColumn ?? null,
        pollMs: options.poll * 1000,
        batch: options.batch,
      };
      await ingest(
        { name: 'outbox', word: 'column', packages: [], open: () => openOutbox(open, systemClock) },
        options,
      );
    });
}

export function ingestCommand(): Command {
  return new Command('ingest')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn ingest kafka --brokers kafka:9092 --topic payments --type header:event-type --json',
    )
    .addCommand(kafkaCommand())
    .addCommand(natsCommand())
    .addCommand(sqsCommand())
    .addCommand(outboxCommand());
}
