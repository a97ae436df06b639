import { Command, Option } from 'commander';
import { systemClock } from '../../runtime/clock.ts';
import type { TlsPeer } from '../../runtime/tls-reasons.ts';
import { outboxCommand, replicationCommand } from '../ingest/databases.ts';
import { credentialsText, tlsFrom, type TlsOptions, tlsOptions } from '../ingest/files.ts';
import { exitCodes, ingest, ingestOptions, type IngestOptions, variable } from '../ingest/run.ts';
import { CommandError } from '../output.ts';

const list = (text: string): string[] => text.split(',').map((one) => one.trim());

/**
 * Hosts with their ports from a list of them or of URLs with these schemes. A user and a password in a URL would be in the list of
 * processes, so neither is taken, nor repeated in the message.
 */
function hostsFrom(option: string, given: readonly string[], schemes: RegExp, defaultPort: number) {
  return given.map((text) => {
    const [, scheme = '', rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/i.exec(text) ?? [];
    if (rest.includes('@'))
      throw new CommandError(`${option} takes no user and no password: see --help for how to give them`, 2);
    const [, v6, name, port = String(defaultPort)] =
      /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?\/?$/i.exec(rest) ?? [];
    const host = v6 ?? name;
    if (host === undefined || Number(port) > 65_535 || !schemes.test(scheme))
      throw new CommandError(`${option} cannot use ${text}: give host:port, separated by commas`, 2);
    return { scheme, host, port: Number(port) };
  });
}

function demandPassword(option: string): string {
  const password = variable('POSTHORN_INGEST_PASSWORD');
  if (password === null) throw new CommandError(`${option} needs POSTHORN_INGEST_PASSWORD`, 2);
  return password;
}

const brokerWithOptions: TlsPeer = {
  name: 'the broker',
  trust: 'give its certificate with --ca',
  identify: 'give it with --cert and --cert-key',
};

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
  return { mechanism, username, password: demandPassword('--sasl-username') };
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
      const fixed = {
        brokers: hostsFrom('--brokers', options.brokers, /^$/, 9092),
        topics: options.topic,
        group: options.group,
        from: options.from,
        sasl: saslFrom(options),
        skipDeleted: options.skipDeleted === true,
        deadLetterTopic: options.deadLetterTopic ?? null,
        batch: options.batch,
      };
      // Read again for each connection: files may have been replaced.
      const files = () => ({ tls: tlsFrom(options) });
      files();
      await ingest(
        {
          name: 'kafka',
          word: 'header',
          packages: ['@platformatic/kafka'],
          peer: brokerWithOptions,
          open: () => openKafka({ ...fixed, ...files() }, systemClock),
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
  readonly tlsFirst?: boolean;
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
    .option('--tls-first', 'begin with TLS, for a server with handshake_first')
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
      if (user !== undefined && credentials !== undefined)
        throw new CommandError('--user and --credentials exclude each other', 2);
      const servers = hostsFrom('--servers', options.servers, /^(nats|tls)?$/i, 4222);
      const tlsFirst = options.tlsFirst === true;
      const isTls = tlsFirst || servers.some(({ scheme }) => scheme.toLowerCase() === 'tls');
      const fixed = {
        servers: options.servers,
        stream: options.stream,
        consumer: options.consumer,
        subjects: options.subject ?? [],
        from: options.from,
        token: user === undefined && credentials === undefined ? variable('POSTHORN_INGEST_TOKEN') : null,
        user: user === undefined ? null : { user, pass: demandPassword('--user') },
        tlsFirst,
        deadLetterSubject: options.deadLetterSubject ?? null,
        batch: options.batch,
      };
      // Read again for each connection: files may have been replaced.
      const files = () => ({
        credentials: credentials === undefined ? null : credentialsText(credentials),
        tls: tlsFrom(isTls ? { ...options, tls: true } : options),
      });
      files();
      await ingest(
        {
          name: 'nats',
          word: 'header',
          packages: ['@nats-io/jetstream', '@nats-io/transport-node'],
          peer: brokerWithOptions,
          open: () => openNats({ ...fixed, ...files() }, systemClock),
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
          peer: {
            name: 'the broker',
            trust: "name the authority's certificate in NODE_EXTRA_CA_CERTS",
            identify: 'this source cannot present one',
          },
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
