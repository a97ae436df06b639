import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import {
  authority,
  client,
  expiredClient,
  expiredServer,
  nextClient,
  otherAuthority,
  otherName,
  server,
  stranger,
  type TestCertificate,
} from '../../../../test/certificates.ts';
import { systemClock } from '../runtime/clock.ts';
import { createHttpTransport } from './http-transport.ts';
import type { TlsSettings } from './reach.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listening(one: Server): Promise<number> {
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  closing.push(() => one.close());
  return (one.address() as AddressInfo).port;
}

interface Options {
  readonly certificate?: TestCertificate;
  readonly wantsClient?: boolean;
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/** A receiver over TLS; notes who the client was, on which connection, by which version. */
async function aTlsReceiver({
  certificate = server,
  wantsClient = false,
  maxVersion = 'TLSv1.3',
}: Options = {}) {
  const seen: { readonly client: string | null; readonly port: number; readonly version: string | null }[] =
    [];
  const receiver = createServer(
    {
      ...certificate,
      maxVersion,
      ...(wantsClient ? { requestCert: true, rejectUnauthorized: true, ca: authority.cert } : {}),
    },
    (request, response) => {
      request.resume();
      const socket = request.socket as TLSSocket;
      const subject = wantsClient ? String(socket.getPeerCertificate().subject.CN) : null;
      seen.push({ client: subject, port: socket.remotePort!, version: socket.getProtocol() });
      response.end('secure');
    },
  );
  closing.push(() => receiver.closeAllConnections());
  return { port: await listening(receiver), seen };
}

const none: TlsSettings = { certificate: null, key: null, ca: null, minVersion: null, serverName: null };

function aPost() {
  const transport = createHttpTransport({ clock: systemClock, allowPrivateNetworks: true });
  closing.push(() => void transport.close());
  return (url: string, tls: Partial<TlsSettings> | null, key = JSON.stringify(tls)) =>
    transport.post({
      url,
      headers: [],
      body: Buffer.from('{}'),
      timeoutMs: 20_000,
      sender: 'ep_1',
      reach: tls === null ? null : { key, tls: { ...none, ...tls }, proxy: null, oauth: null },
    });
}

const asClient = ({ cert, key }: TestCertificate) => ({ ca: authority.cert, certificate: cert, key });

describe('a private authority', () => {
  test('is trusted where it is set, and it alone; nowhere else', async () => {
    const { port } = await aTlsReceiver();
    const post = aPost();
    const url = `https://localhost:${port}/`;
    const unknown = {
      errorClass: 'tls',
      message: expect.stringContaining("no trusted authority has issued the receiver's certificate"),
    };
    expect(await post(url, null)).toMatchObject(unknown);
    expect(await post(url, { ca: authority.cert })).toMatchObject({ ok: true, responseExcerpt: 'secure' });
    expect(await post(url, { ca: otherAuthority.cert })).toMatchObject(unknown);
    expect(await post(url, { ca: `${otherAuthority.cert}${authority.cert}` })).toMatchObject({ ok: true });
    expect(await post(url, null)).toMatchObject(unknown);
  });

  test.each([
    [expiredServer, 'CERT_HAS_EXPIRED', 'has expired'],
    [otherName, 'ERR_TLS_CERT_ALTNAME_INVALID', "the receiver's certificate is for another name"],
  ])('does not excuse a certificate that is wrong (%#)', async (certificate, code, words) => {
    const { port } = await aTlsReceiver({ certificate });
    const result = await aPost()(`https://localhost:${port}/`, { ca: authority.cert });
    expect(result).toMatchObject({ errorClass: 'tls', statusCode: null });
    expect(result.message).toContain(code);
    expect(result.message).toContain(words);
  });

  test('the name that is expected can be set', async () => {
    const { port } = await aTlsReceiver({ certificate: otherName });
    const tls = { ca: authority.cert, serverName: 'elsewhere.test' };
    expect(await aPost()(`https://127.0.0.1:${port}/`, tls)).toMatchObject({ ok: true });
  });
});

describe('a client certificate', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('is presented (%s)', async (maxVersion) => {
    const { port, seen } = await aTlsReceiver({ wantsClient: true, maxVersion });
    expect(await aPost()(`https://localhost:${port}/`, asClient(client))).toMatchObject({ ok: true });
    expect(seen).toMatchObject([{ client: 'posthorn-client', version: maxVersion }]);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'that is missing, foreign or expired is a clear error (%s)',
    async (maxVersion) => {
      const { port, seen } = await aTlsReceiver({ wantsClient: true, maxVersion });
      const post = aPost();
      const url = `https://localhost:${port}/`;
      const missing = await post(url, { ca: authority.cert });
      expect(missing).toMatchObject({ ok: false, errorClass: 'tls' });
      expect(missing.message).toContain('require');
      expect(missing.message).toContain('client certificate');
      for (const wrong of [stranger, expiredClient]) {
        const refused = await post(url, asClient(wrong));
        expect(refused).toMatchObject({ ok: false, errorClass: 'tls' });
        expect(refused.message).toContain('client certificate');
      }
      expect(seen).toEqual([]);
    },
  );

  test('that is replaced is used at once, and no connection of the former one again', async () => {
    const { port, seen } = await aTlsReceiver({ wantsClient: true });
    const post = aPost();
    const url = `https://localhost:${port}/`;
    for (let n = 0; n < 3; n++) await post(url, asClient(client));
    for (let n = 0; n < 3; n++) await post(url, asClient(nextClient));
    expect(seen.map((one) => one.client)).toEqual([
      ...Array.from({ length: 3 }, () => 'posthorn-client'),
      ...Array.from({ length: 3 }, () => 'posthorn-client-2'),
    ]);
    expect(new Set(seen.slice(0, 3).map((one) => one.port)).size).toBe(1);
    expect(new Set(seen.map((one) => one.port)).size).toBe(2);
  });

  test('settings that were only read again keep their connections', async () => {
    const { port, seen } = await aTlsReceiver();
    const post = aPost();
    for (let n = 0; n < 4; n++) await post(`https://localhost:${port}/`, { ca: authority.cert });
    expect(new Set(seen.map((one) => one.port)).size).toBe(1);
  });
});

test('a receiver that presents far too many certificates is not read to the end', async () => {
  const chain = `${server.cert}${authority.cert.repeat(400)}`;
  const { port } = await aTlsReceiver({ certificate: { cert: chain, key: server.key } });
  const result = await aPost()(`https://localhost:${port}/`, { ca: authority.cert });
  expect(result).toMatchObject({ ok: false, errorClass: 'tls' });
  expect(result.message).toContain('EXCESSIVE_MESSAGE_SIZE');
});

test('a minimum version is kept to', async () => {
  const old = await aTlsReceiver({ maxVersion: 'TLSv1.2' });
  const post = aPost();
  const tls = { ca: authority.cert, minVersion: 'TLSv1.3' as const };
  expect(await post(`https://localhost:${old.port}/`, tls)).toMatchObject({
    errorClass: 'tls',
    message: expect.stringContaining('the receiver does not speak the required version of TLS'),
  });
  expect(await post(`https://localhost:${old.port}/`, { ca: authority.cert })).toMatchObject({ ok: true });
  const modern = await aTlsReceiver();
  expect(await post(`https://localhost:${modern.port}/`, tls)).toMatchObject({ ok: true });
  expect(modern.seen[0]!.version).toBe('TLSv1.3');
});

test('settings that OpenSSL does not take fail the attempt alone', async () => {
  const { port } = await aTlsReceiver();
  const post = aPost();
  expect(await post(`https://localhost:${port}/`, { certificate: 'none', key: 'none' })).toMatchObject({
    ok: false,
    errorClass: 'tls',
  });
  expect(await post(`https://localhost:${port}/`, { ca: authority.cert })).toMatchObject({ ok: true });
});

test('a receiver that is silent in its handshake ends with the timeout, and delays no other (G8)', async () => {
  const silent = await listening(createTcpServer((socket) => socket.on('error', () => {})));
  const { port } = await aTlsReceiver();
  const transport = createHttpTransport({ clock: systemClock, allowPrivateNetworks: true });
  closing.push(() => void transport.close());
  const reach = { key: '', tls: { ...none, ca: authority.cert }, proxy: null, oauth: null };
  const post = (url: string, sender: string, timeoutMs: number) =>
    transport.post({ url, headers: [], body: Buffer.from('{}'), timeoutMs, sender, reach });
  const hanging = Array.from({ length: 20 }, () => post(`https://localhost:${silent}/`, 'ep_1', 1000));
  let others = 0;
  let ended = false;
  void Promise.all(hanging).then(() => (ended = true));
  while (!ended && others < 200) {
    expect(await post(`https://localhost:${port}/`, 'ep_2', 20_000)).toMatchObject({ ok: true });
    others++;
  }
  expect(others).toBeGreaterThan(5);
  for (const result of await Promise.all(hanging))
    expect(result).toMatchObject({
      errorClass: 'timeout',
      message: 'no TLS handshake within the timeout of 1000 ms',
    });
});
