import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ask, type Postgres, startPostgres } from './postgres.ts';

// Brokers for the tests of `posthorn ingest`, behind one interface.

/** Messages that were put into a broker, and the arguments of `posthorn ingest` that read them. */
interface Filled {
  readonly args: readonly string[];
  /** Their tenant, which no others have. */
  readonly tenant: string;
}

export interface Broker {
  /** Puts these bodies into a new topic, stream, queue or table, in this order. */
  filled(bodies: readonly string[]): Promise<Filled>;
  /** How many messages of the last one are not yet committed. */
  waiting(): Promise<number>;
  /** Makes a place for refused messages; answers the arguments that name it, and what is in it. */
  place?(): Promise<{ readonly args: readonly string[]; bodies(): Promise<readonly string[]> }>;
  stop(): Promise<void>;
}

export interface BrokerKind {
  readonly name: string;
  readonly hasOwnPlace: boolean;
  /** Whether it is reached as a user whose password is in POSTHORN_INGEST_PASSWORD. */
  readonly hasPassword: boolean;
  start(): Promise<Broker>;
}

const newName = (): string => `t${randomUUID().replaceAll('-', '').slice(0, 12)}`;

async function outbox(): Promise<Broker> {
  const postgres: Postgres = await startPostgres();
  const url = await postgres.createDatabase();
  let table = '';
  return {
    filled: async (bodies) => {
      table = newName();
      await ask(
        url,
        `CREATE TABLE ${table} (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, type text NOT NULL, data text NOT NULL)`,
        ...bodies.map((body) => `INSERT INTO ${table} (type, data) VALUES ('payment.paid', '${body}')`),
      );
      const args = ['outbox', '--database-url', url, '--table', table, '--poll', '0.05'];
      return { args: [...args, '--tenant', `=${table}`], tenant: table };
    },
    waiting: async () => Number((await ask<{ n: string }>(url, `SELECT count(*) AS n FROM ${table}`))[0]!.n),
    stop: async () => await postgres.stop(),
  };
}

/** The inserts of a table, from a slot. */
async function replication(): Promise<Broker> {
  const postgres: Postgres = await startPostgres({ settings: ['wal_level=logical'] });
  const url = await postgres.createDatabase();
  let [table, end] = ['', ''];
  return {
    filled: async (bodies) => {
      table = newName();
      await ask(
        url,
        `CREATE TABLE ${table} (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, type text NOT NULL, data text NOT NULL)`,
        `CREATE PUBLICATION ${table} FOR TABLE ${table} WITH (publish = 'insert')`,
        `SELECT pg_create_logical_replication_slot('${table}', 'pgoutput')`,
        ...bodies.map((body) => `INSERT INTO ${table} (type, data) VALUES ('payment.paid', '${body}')`),
      );
      end = (await ask<{ at: string }>(url, 'SELECT pg_current_wal_lsn()::text AS at'))[0]!.at;
      const args = ['replication', '--database-url', url, '--table', table, '--tenant', `=${table}`];
      return { args: [...args, '--slot', table, '--publication', table], tenant: table };
    },
    // Not by rows: the slot has passed the last of them, or has not.
    waiting: async () => {
      const [slot] = await ask<{ passed: boolean }>(
        url,
        `SELECT confirmed_flush_lsn >= '${end}' AS passed FROM pg_replication_slots WHERE slot_name = '${table}'`,
      );
      return slot!.passed ? 0 : 1;
    },
    stop: async () => await postgres.stop(),
  };
}

/**
 * How `posthorn ingest` reaches a broker, by the arguments that a variable has, and what the same is for the libraries: the test
 * itself fills the broker. Passwords and tokens are where the command finds them.
 */
function accessFrom(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      tls: { type: 'boolean' },
      'tls-first': { type: 'boolean' },
      ca: text,
      cert: text,
      'cert-key': text,
      'sasl-username': text,
      'sasl-mechanism': text,
      user: text,
      credentials: text,
    },
  });
  const { tls, ca, cert, 'cert-key': key } = values;
  const files = Object.entries({ ca, cert, key }).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, readFileSync(path, 'utf8')] as const],
  );
  return {
    ...values,
    ...(tls === true || files.length > 0 ? { tlsOptions: Object.fromEntries(files) } : {}),
  };
}

type Access = ReturnType<typeof accessFrom>;

const password = (): string => process.env['POSTHORN_INGEST_PASSWORD'] ?? '';

async function nats(url: string, access: Access, accessArgs: readonly string[]): Promise<Broker> {
  const { connect, credsAuthenticator } = await import('@nats-io/transport-node');
  const { jetstream, jetstreamManager, AckPolicy } = await import('@nats-io/jetstream');
  const { credentials, user, tlsOptions, 'tls-first': handshakeFirst = false } = access;
  const token = process.env['POSTHORN_INGEST_TOKEN'];
  const connection = await connect({
    servers: url,
    ...(tlsOptions === undefined ? {} : { tls: { ...tlsOptions, handshakeFirst } }),
    ...(credentials === undefined ? {} : { authenticator: credsAuthenticator(readFileSync(credentials)) }),
    ...(user === undefined ? {} : { user, pass: password() }),
    ...(token === undefined ? {} : { token }),
  });
  const manager = await jetstreamManager(connection);
  const js = jetstream(connection);
  let stream = '';
  return {
    filled: async (bodies) => {
      stream = newName();
      await manager.streams.add({ name: stream, subjects: [`${stream}.>`] });
      // Redelivered soon after a kill, so that the test does not wait for the usual 30 s.
      const ack = { ack_policy: AckPolicy.Explicit, ack_wait: 1e9 };
      await manager.consumers.add(stream, { durable_name: 'posthorn', ...ack });
      for (const body of bodies) await js.publish(`${stream}.payment`, body);
      const args = ['nats', '--servers', url, '--stream', stream, '--type', '=payment.paid'];
      return { args: [...args, ...accessArgs, '--tenant', `=${stream}`], tenant: stream };
    },
    waiting: async () => {
      const { num_pending: pending, num_ack_pending: unacknowledged } = await manager.consumers.info(
        stream,
        'posthorn',
      );
      return pending + unacknowledged;
    },
    place: async () => {
      const name = newName();
      await manager.streams.add({ name, subjects: [`${name}.refused`] });
      return {
        args: ['--dead-letter-subject', `${name}.refused`],
        bodies: async () => {
          const { state } = await manager.streams.info(name);
          const found = await Promise.all(
            Array.from({ length: state.messages }, (_, n) =>
              manager.streams.getMessage(name, { seq: n + 1 }),
            ),
          );
          return found.map((message) => message!.string());
        },
      };
    },
    stop: async () => await connection.close(),
  };
}

async function kafka(broker: string, access: Access, accessArgs: readonly string[]): Promise<Broker> {
  const { Admin, Consumer, Producer } = await import('@platformatic/kafka');
  const { tlsOptions, 'sasl-username': username, 'sasl-mechanism': mechanism = 'SCRAM-SHA-512' } = access;
  const connection = {
    clientId: 'test',
    bootstrapBrokers: [broker],
    ...(tlsOptions === undefined ? {} : { tls: tlsOptions }),
    ...(username === undefined
      ? {}
      : { sasl: { mechanism: mechanism as 'PLAIN', username, password: password() } }),
  };
  const admin = new Admin(connection);
  const producer = new Producer(connection);
  let topic = '';
  let length = 0;
  const newTopic = async (): Promise<string> => {
    const name = newName();
    await admin.createTopics({ topics: [name], partitions: 1, replicas: 1 });
    return name;
  };
  return {
    filled: async (bodies) => {
      topic = await newTopic();
      length = bodies.length;
      await producer.send({
        messages: bodies.map((body) => ({ topic, key: Buffer.from('k'), value: Buffer.from(body) })),
        acks: -1,
      });
      const args = [
        'kafka',
        '--brokers',
        broker,
        '--topic',
        topic,
        '--group',
        topic,
        '--type',
        '=payment.paid',
      ];
      return {
        args: [...args, ...accessArgs, '--tenant', `=${topic}`, '--ordering-key', 'key'],
        tenant: topic,
      };
    },
    waiting: async () => {
      const groups = await admin.listConsumerGroupOffsets({ groups: [topic] });
      const committed = groups[0]?.topics[0]?.partitions[0]?.committedOffset ?? 0n;
      return length - Number(committed);
    },
    place: async () => {
      const name = await newTopic();
      return {
        args: ['--dead-letter-topic', name],
        bodies: async () => {
          const consumer = new Consumer({ ...connection, groupId: name });
          const stream = await consumer.consume({ topics: [name], mode: 'earliest' });
          for await (const message of stream) {
            await consumer.close(true);
            return [message.value.toString()];
          }
          return [];
        },
      };
    },
    stop: async () => {
      await producer.close();
      await admin.close();
    },
  };
}

async function sqs(endpoint: string): Promise<Broker> {
  const library = await import('@aws-sdk/client-sqs');
  const client = new library.SQSClient({ endpoint, region: 'us-east-1' });
  let queue = '';
  const newQueue = async (visibilityS: number): Promise<string> => {
    const command = new library.CreateQueueCommand({
      QueueName: newName(),
      Attributes: { VisibilityTimeout: String(visibilityS) },
    });
    return (await client.send(command)).QueueUrl!;
  };
  const attribute = async (
    ...names: ('ApproximateNumberOfMessages' | 'ApproximateNumberOfMessagesNotVisible')[]
  ) => {
    const command = new library.GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: names });
    const { Attributes: found = {} } = await client.send(command);
    return names.reduce((sum, name) => sum + Number(found[name]), 0);
  };
  return {
    filled: async (bodies) => {
      // The shortest that `ingest` takes: a killed process delays the test by no more.
      queue = await newQueue(5);
      for (const body of bodies)
        await client.send(new library.SendMessageCommand({ QueueUrl: queue, MessageBody: body }));
      const tenant = newName();
      const args = ['sqs', '--queue-url', queue, '--endpoint', endpoint, '--region', 'us-east-1'];
      return { args: [...args, '--type', '=payment.paid', '--tenant', `=${tenant}`], tenant };
    },
    waiting: async () =>
      await attribute('ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'),
    place: async () => {
      const url = await newQueue(30);
      return {
        args: ['--dead-letter-queue-url', url],
        bodies: async () => {
          const command = new library.ReceiveMessageCommand({ QueueUrl: url });
          const { Messages: found = [] } = await client.send(command);
          return found.map(({ Body: body }) => body!);
        },
      };
    },
    stop: () => {
      client.destroy();
      return Promise.resolve();
    },
  };
}

/**
 * Brokers that are not npm packages: tested where a variable names one, and another may have arguments for `posthorn ingest`, separated by
 * spaces, that reach it by TLS and as a user.
 */
const named = [
  ['nats', 'POSTHORN_TEST_NATS_URL', 'POSTHORN_TEST_NATS_ARGS', nats],
  ['kafka', 'POSTHORN_TEST_KAFKA_BROKERS', 'POSTHORN_TEST_KAFKA_ARGS', kafka],
  ['sqs', 'POSTHORN_TEST_SQS_URL', null, sqs],
] as const;

export const brokers: readonly BrokerKind[] = [
  { name: 'outbox', hasOwnPlace: false, hasPassword: false, start: outbox },
  { name: 'replication', hasOwnPlace: false, hasPassword: false, start: replication },
  ...named.flatMap(([name, variable, argsVariable, start]) => {
    const at = process.env[variable] ?? '';
    if (at === '') return [];
    const args = (argsVariable === null ? '' : (process.env[argsVariable] ?? '')).split(' ').filter(Boolean);
    const access = accessFrom(args);
    const hasPassword = (access.user ?? access['sasl-username']) !== undefined;
    return [{ name, hasOwnPlace: true, hasPassword, start: () => start(at, access, args) }];
  }),
];
