import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createSecureContext, createServer as createTlsServer, type TlsOptions, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  authority,
  client,
  expiredClient,
  expiredServer,
  nextClient,
  otherAuthority,
  otherName,
  server as trusted,
  stranger,
  type TestCertificate,
} from '../certificates.ts';
import { tempDir } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

// How `posthorn ingest` ends where it cannot reach a broker by TLS or as a user: with what is wrong, what to do, the exit code that is
// documented, and never the password. Brokers that a variable names are in ingest.test.ts.

const password = 'not-for-any-log';

let posthorn: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  posthorn = await serve();
});
afterAll(async () => {
  await posthorn.stop();
});

const sockets = new Set<Socket>();
const servers: Server[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Speaks as NATS until TLS begins. */
const aNats = async (tls: TlsOptions | null, nonce?: string): Promise<string> => {
  const info = {
    nonce,
    server_id: 'A',
    version: '2.10.0',
    proto: 1,
    max_payload: 1024,
    tls_required: tls !== null,
  };
  const server = createServer((socket) => {
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    if (tls === null) return;
    const secured = { isServer: true, requestCert: tls.requestCert, rejectUnauthorized: true } as const;
    const secure = new TLSSocket(socket, { ...secured, secureContext: createSecureContext(tls) });
    secure.on('error', () => {});
  });
  return `localhost:${await listening(server)}`;
};

const file = (text: string): string => {
  const path = join(tempDir(), 'file');
  writeFileSync(path, text);
  return path;
};
const trust = (): string[] => ['--ca', file(authority.cert)];
const identity = ({ cert, key }: TestCertificate): string[] => [
  '--cert',
  file(cert),
  '--cert-key',
  file(key),
];

const places: Readonly<Record<string, (at: string) => string[]>> = {
  kafka: (at) => ['--brokers', at, '--topic', 'payments'],
  nats: (at) => ['--servers', at, '--stream', 'payments'],
  sqs: (at) => ['--queue-url', `${at}/1/payments`, '--endpoint', at, '--region', 'eu-west-1'],
};

async function ingest(kind: keyof typeof places, at: string, ...args: readonly string[]) {
  vi.stubEnv('POSTHORN_INGEST_PASSWORD', password);
  const asked = ['ingest', kind, ...places[kind]!(at), '--type', '=payment.paid', ...args];
  const run = await runHere(...asked, '--url', posthorn.url, '--api-key', apiKey);
  expect(run.out + run.err).not.toContain(password);
  return run;
}

const failsWith = (code: number, text: string) => ({ code, err: expect.stringContaining(text) as string });

const brokenCertificate = authority.cert.replace('MIIB', 'AAAA');
const lockedKey = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n';

describe.each(['kafka', 'nats'])('%s: a file that cannot be used is wrong usage', (kind) => {
  test.each<[text: string, args: () => string[]]>([
    ['--ca: ENOENT', () => ['--ca', '/nowhere/ca.pem']],
    ['has no certificate in PEM', () => ['--ca', file('not PEM')]],
    ['has no certificate in PEM', () => ['--ca', file('')]],
    [
      'has a certificate that cannot be read (number 2)',
      () => ['--ca', file(authority.cert + brokenCertificate)],
    ],
    ['has no certificate in PEM', () => ['--cert', file('not PEM'), '--cert-key', file(client.key)]],
    ['has no private key in PEM', () => ['--cert', file(client.cert), '--cert-key', file('not PEM')]],
    [
      'is encrypted: give the key without',
      () => ['--cert', file(client.cert), '--cert-key', file(lockedKey)],
    ],
    ['is not the key of', () => identity({ ...client, key: nextClient.key })],
    ['expired on 2021-01-01', () => identity(expiredClient)],
    ['--cert and --cert-key belong together', () => identity(client).slice(0, 2)],
    ['--cert and --cert-key belong together', () => identity(client).slice(2)],
  ])('%s', async (text, args) => {
    expect(await ingest(kind, 'localhost:1', ...args())).toMatchObject(failsWith(2, text));
  });
});

describe('wrong usage', () => {
  test.each<[kind: string, at: string, text: string, args: string[]]>([
    ['nats', `nats://ingest:${password}@localhost:4222`, '--servers takes no user and no password', []],
    ['nats', 'https://localhost:4222', 'give host:port', []],
    ['kafka', `kafka://ingest:${password}@localhost:9092`, '--brokers takes no user and no password', []],
    ['kafka', 'kafka://localhost:9092', 'give host:port', []],
    ['kafka', 'localhost:99999', 'give host:port', []],
    ['nats', 'localhost', '--user and --credentials exclude', ['--user', 'a', '--credentials', '/nowhere']],
    ['nats', 'localhost', '--credentials: ENOENT', ['--credentials', '/nowhere/ingest.creds']],
  ])('%s %s', async (kind, at, text, args) => {
    expect(await ingest(kind, at, ...args)).toMatchObject(failsWith(2, text));
  });

  test('a file that is not of credentials', async () => {
    const run = await ingest('nats', 'localhost', '--credentials', file(client.cert));
    expect(run).toMatchObject(failsWith(2, 'is not a credentials file of NATS'));
  });

  test('a seed that is broken', async () => {
    const creds =
      '-----BEGIN NATS USER JWT-----\nA\n------END NATS USER JWT------\n-----BEGIN USER NKEY SEED-----\nSUA\n------END USER NKEY SEED------\n';
    const run = await ingest('nats', await aNats(null, 'a nonce'), '--credentials', file(creds));
    expect(run).toMatchObject(failsWith(1, 'the seed in the file of --credentials cannot be used'));
  });

  test.each([
    ['kafka', '--sasl-username'],
    ['nats', '--user'],
  ])('%s: a user without a password', async (kind, option) => {
    const asked = ['ingest', kind, ...places[kind]!('localhost'), '--type', '=x', option, 'ingest'];
    expect(await runHere(...asked, '--url', posthorn.url, '--api-key', apiKey)).toMatchObject(
      failsWith(2, `${option} needs POSTHORN_INGEST_PASSWORD`),
    );
  });
});

describe('nats', () => {
  test.each<[text: string, tls: TlsOptions, args: () => string[]]>([
    ['give its certificate with --ca', trusted, () => ['--tls']],
    ['give its certificate with --ca', trusted, () => []],
    ['give its certificate with --ca', trusted, () => ['--ca', file(otherAuthority.cert)]],
    ["the broker's certificate, or one of its chain, has expired", expiredServer, trust],
    ["the broker's certificate is for another name", otherName, trust],
    ['require', { ...trusted, ca: authority.cert, requestCert: true }, trust],
  ])('a server with TLS: %s', async (text, tls, args) => {
    const run = await ingest('nats', await aNats(tls), '--user', 'ingest', ...args());
    expect(run).toMatchObject(failsWith(1, text));
  });

  test('a server without TLS gets no password if TLS was asked for', async () => {
    const at = await aNats(null);
    let received = '';
    servers
      .at(-1)!
      .on('connection', (socket: Socket) =>
        socket.on('data', (chunk: Buffer) => (received += chunk.toString())),
      );
    for (const [scheme, ...args] of [['nats', '--tls'], ['nats', ...trust()], ['tls']])
      expect(await ingest('nats', `${scheme}://${at}`, '--user', 'ingest', ...args)).toMatchObject(
        failsWith(1, 'does not speak TLS on this port'),
      );
    expect(received).toBe('');
  });

  test('TLS that begins first, at a server that does not', async () => {
    const run = await ingest('nats', await aNats(null), '--tls-first', '--user', 'ingest');
    expect(run).toMatchObject(failsWith(1, 'does not speak TLS on this port'));
  });

  test('a server that closes before it speaks', async () => {
    const at = `localhost:${await listening(createServer((socket) => socket.end()))}`;
    expect(await ingest('nats', at, '--tls')).toMatchObject(failsWith(1, 'handshake_first'));
  });
});

describe('kafka', () => {
  test('TLS names the host, and says whose certificate is not trusted', async () => {
    const names: string[] = [];
    const server = createTlsServer({
      ...trusted,
      SNICallback: (name, done) => {
        names.push(name);
        done(null);
      },
    }).on('tlsClientError', () => {});
    const port = await listening(server);
    expect(await ingest('kafka', `localhost:${port}`, '--tls')).toMatchObject(
      failsWith(1, 'give its certificate with --ca'),
    );
    expect(new Set(names)).toEqual(new Set(['localhost']));
    expect(await ingest('kafka', `127.0.0.1:${port}`, '--tls')).toMatchObject(
      failsWith(1, 'give its certificate with --ca'),
    );
  });

  test('a port without TLS', async () => {
    const at = `localhost:${await listening(createServer((socket) => socket.end()))}`;
    expect(await ingest('kafka', at, '--tls')).toMatchObject(failsWith(1, 'does not speak TLS on this port'));
  });

  test('a port with TLS', async () => {
    // What a server of TLS says to what is not TLS: an alert.
    const server = createServer((socket) =>
      socket.once('data', () => socket.end('\x15\x03\x03\x00\x02\x02\x46', 'latin1')),
    );
    const at = `localhost:${await listening(server)}`;
    expect(await ingest('kafka', at)).toMatchObject(failsWith(1, 'requires TLS'));
  });

  test('a client certificate that the broker refuses, after the handshake', async () => {
    const asks = { ...trusted, ca: authority.cert, requestCert: true, rejectUnauthorized: true };
    const server = createTlsServer(asks).on('tlsClientError', () => {});
    const at = `localhost:${await listening(server)}`;
    expect(await ingest('kafka', at, ...trust(), ...identity(stranger))).toMatchObject(
      failsWith(1, 'client certificate'),
    );
  });
});

describe('sqs', () => {
  test.each<[text: string, server: () => Server, scheme: string]>([
    ['NODE_EXTRA_CA_CERTS', () => createTlsServer(trusted).on('tlsClientError', () => {}), 'https'],
    [
      'does not speak TLS on this port',
      () => createServer((socket) => socket.end('HTTP/1.1 400 \r\n\r\n')),
      'https',
    ],
    ['give an https:// URL', () => createServer((socket) => socket.once('data', () => socket.end())), 'http'],
  ])('%s', async (text, server, scheme) => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIA');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', password);
    const at = `${scheme}://localhost:${await listening(server())}`;
    expect(await ingest('sqs', at)).toMatchObject(failsWith(1, text));
  });

  test.each(['InvalidClientTokenId', 'ExpiredToken', 'AccessDenied'])('refuses with %s', async (code) => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIA');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', password);
    const server = createHttpServer((_, response) => {
      response.writeHead(403, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: `com.amazon.coral.service#${code}`, message: 'No.' }));
    });
    const at = `http://localhost:${await listening(server)}`;
    expect(await ingest('sqs', at)).toMatchObject(failsWith(1, `SQS refused: No. (${code})`));
  });
});
