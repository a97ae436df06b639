import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { Tls } from '../../ingest/source.ts';
import { systemClock } from '../../runtime/clock.ts';
import { outboxCommand, replicationCommand } from '../ingest/databases.ts';
import { exitCodes, ingest, ingestOptions, type IngestOptions, variable } from '../ingest/run.ts';
import { CommandError } from '../output.ts';

/** The text of a file that an option names. */
function fileText(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(`${option}: ${(error as Error).message}`, 2);
  }
}

const list = (text: string): string[] => text.split(',').map((one) => one.trim());

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

/** For messages with a body; of a row the data is a column. */
const dataOption = (): Option =>
  new Option('--data <pointer>', 'JSON Pointer to the data in the body (default: the whole body)');

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

export function ingestCommand(): Command {
  return new Command('ingest')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn ingest kafka --brokers kafka:9092 --topic payments --type header:event-type --json',
    )
    .addCommand(kafkaCommand())
    .addCommand(natsCommand())
    .addCommand(sqsCommand())
    .addCommand(outboxCommand())
    .addCommand(replicationCommand());
}
