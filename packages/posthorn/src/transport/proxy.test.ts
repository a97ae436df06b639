import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { testCertificate, testKey } from '../../../../test/certificate.ts';
import { aRawReceiver } from '../../../../test/raw-receiver.ts';
import { proxyFromEnvironment } from '../config/settings.ts';
import { systemClock } from '../runtime/clock.ts';
import { systemRandom } from '../runtime/random.ts';
import { createAddressGuard } from './address-guard.ts';
import { createHttpTransport } from './http-transport.ts';
import { systemNames } from './name-lookup.ts';
import { parseProxy, proxyChoice, type ProxyVariables } from './proxy.ts';
import type { OutboundRequest } from './transport.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function aTransport(
  proxy?: string | ProxyVariables,
  guard = createAddressGuard({ allowPrivateNetworks: true }),
) {
  const names = systemNames(systemClock);
  const transport = createHttpTransport({ clock: systemClock, random: systemRandom, guard, names, proxy });
  closing.push(() => {
    void transport.close();
    names.close();
  });
  return (url: string, fields: Partial<OutboundRequest> = {}) =>
    transport.post({ url, headers: [], body: Buffer.from('{}'), timeoutMs: 30_000, ...fields });
}

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A receiver over TLS; tells for each request whether its session had been resumed. */
async function aTlsReceiver() {
  const resumed: boolean[] = [];
  const server = createHttpsServer({ key: testKey, cert: testCertificate }, (request, response) => {
    request.resume();
    resumed.push((request.socket as import('node:tls').TLSSocket).isSessionReused());
    response.end('secure');
  });
  server.keepAliveTimeout = 1;
  return { port: await listening(server), resumed };
}

/** A proxy that sends everything to one port; `refuse` answers CONNECT with a status instead. */
async function aProxy(to: number, options: { readonly refuse?: number; readonly secure?: boolean } = {}) {
  const seen: string[] = [];
  const credentials: (string | undefined)[] = [];
  const server = options.secure
    ? createHttpsServer({ key: testKey, cert: testCertificate })
    : createHttpServer();
  server.on('request', (request, response) => {
    request.resume();
    seen.push(`${request.method} ${request.url}`);
    credentials.push(request.headers['proxy-authorization']);
    if (options.refuse !== undefined) response.statusCode = options.refuse;
    response.end('by the proxy');
  });
  server.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    credentials.push(request.headers['proxy-authorization']);
    if (options.refuse !== undefined) {
      socket.end(`HTTP/1.1 ${options.refuse} No\r\n\r\n`);
      return;
    }
    const onward = connect(to, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\nContent-Length: 9\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const one of [onward, socket]) one.on('error', () => {});
  });
  const port = await listening(server);
  return { url: `${options.secure ? 'https' : 'http'}://127.0.0.1:${port}`, port, seen, credentials };
}

describe('TLS', () => {
  test('an unknown authority is refused', async () => {
    const { port } = await aTlsReceiver();
    expect(await aTransport()(`https://localhost:${port}/`)).toMatchObject({ ok: false, errorClass: 'tls' });
  });

  describe('of a known authority', () => {
    beforeAll(() => setDefaultCACertificates([...getCACertificates('default'), testCertificate]));

    test('by name and by address; the next connection resumes the session', async () => {
      const { port, resumed } = await aTlsReceiver();
      const post = aTransport();
      for (const host of ['localhost', '127.0.0.1'])
        expect(await post(`https://${host}:${port}/`)).toMatchObject({ ok: true, responseExcerpt: 'secure' });
      expect(resumed).toEqual([false, false]);
      for (let n = 0; n < 20 && !resumed.includes(true); n++)
        expect(await post(`https://localhost:${port}/`, { headers: ['connection', 'close'] })).toMatchObject({
          ok: true,
        });
      expect(resumed).toContain(true);
    });

    test('of another name is refused', async () => {
      const { port } = await aTlsReceiver();
      expect(await aTransport()(`https://other.localhost:${port}/`)).toMatchObject({
        errorClass: 'tls',
        message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
      });
    });

    test.each([false, true])('through a proxy (itself over TLS: %s), by CONNECT', async (secure) => {
      const { port } = await aTlsReceiver();
      const proxy = await aProxy(port, { secure });
      const post = aTransport(proxy.url.replace('://', '://user:p%40ss@'));
      // No name server knows it: the proxy does.
      expect(await post('https://receiver.test:4430/')).toMatchObject({
        ok: true,
        responseExcerpt: 'secure',
      });
      expect(proxy.seen).toEqual(['CONNECT receiver.test:4430']);
      expect(proxy.credentials).toEqual([`Basic ${Buffer.from('user:p@ss').toString('base64')}`]);
    });
  });
});

describe('a proxy', () => {
  test('takes requests without TLS as they are, with its credentials', async () => {
    const proxy = await aProxy(1);
    const post = aTransport(proxy.url.replace('://', '://user:pass@'));
    expect(await post('http://receiver.invalid/hook?a=1')).toMatchObject({
      ok: true,
      responseExcerpt: 'by the proxy',
    });
    expect(proxy.seen).toEqual(['POST http://receiver.invalid/hook?a=1']);
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from('user:pass').toString('base64')}`]);
  });

  test.each([
    [407, 'internal', 'does not accept the credentials (HTTP 407)'],
    [403, 'internal', 'refuses the connection (HTTP 403)'],
    [503, 'connect', 'the proxy cannot reach the receiver (HTTP 503)'],
  ])('that answers CONNECT with %i', async (refuse, errorClass, message) => {
    const proxy = await aProxy(1, { refuse });
    expect(await aTransport(proxy.url)('https://receiver.invalid/')).toMatchObject({
      statusCode: null,
      errorClass,
      message: expect.stringContaining(message),
    });
  });

  test('that wants credentials for a request without TLS is our fault, its other answers are answers', async () => {
    for (const [refuse, statusCode, errorClass] of [
      [407, null, 'internal'],
      [502, 502, 'http_5xx'],
    ] as const) {
      const proxy = await aProxy(1, { refuse });
      expect(await aTransport(proxy.url)('http://receiver.invalid/')).toMatchObject({
        statusCode,
        errorClass,
      });
    }
  });

  test('that cannot be reached is our fault, and its credentials stay unsaid', async () => {
    const closed = await aRawReceiver(() => {});
    await closed.close();
    const silent = await listening(createTcpServer());
    const rude = await listening(createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n')));
    const gone = await listening(createTcpServer((socket) => socket.end()));
    const resets = await listening(
      createTcpServer((socket) => socket.on('error', () => {}).once('data', () => socket.resetAndDestroy())),
    );
    for (const [proxy, what] of [
      [`http://user:secret@127.0.0.1:${resets}`, 'closed the connection: read ECONNRESET'],
      [`http://user:secret@127.0.0.1:${closed.port}`, 'cannot be reached: connect ECONNREFUSED'],
      ['http://user:secret@proxy.invalid:3128', 'cannot be reached: '],
      [`https://user:secret@127.0.0.1:${silent}`, 'cannot be reached within the timeout of 300 ms'],
      [`http://user:secret@127.0.0.1:${rude}`, 'does not answer as a proxy'],
      [`http://user:secret@127.0.0.1:${gone}`, 'closed the connection'],
    ] as const) {
      const result = await aTransport(proxy)('https://receiver.invalid/', { timeoutMs: 300 });
      expect(result, proxy).toMatchObject({ errorClass: 'internal', message: expect.stringContaining(what) });
      expect(result.message).not.toContain('secret');
    }
  });

  test('is trusted wherever it is, and opens no private address to anyone (G8)', async () => {
    const proxy = await aProxy(1);
    const post = aTransport(proxy.url, createAddressGuard());
    expect(await post('http://receiver.example.com/')).toMatchObject({ ok: true });
    for (const host of ['127.0.0.1', '[::1]', '169.254.169.254', 'localhost', '10.0.0.1'])
      expect(await post(`http://${host}/`)).toMatchObject({ errorClass: 'blocked_address' });
    expect(proxy.seen).toHaveLength(1);
  });
});

describe('which proxy', () => {
  const to = (host: string, secure = true, port = secure ? 443 : 80) => ({ host, secure, port });

  test('none by default, one for all, or one for each scheme', () => {
    expect(proxyChoice(undefined)(to('a.example'))).toBeNull();
    expect(proxyChoice('http://p:8080')(to('a.example'))).toMatchObject({ host: 'p', port: 8080 });
    const choose = proxyChoice({ http: 'http://one', https: 'https://two', no: '' });
    expect(choose(to('a.example', false))).toMatchObject({ name: 'http://one', port: 80 });
    expect(choose(to('a.example'))).toMatchObject({ name: 'https://two', port: 443, secure: true });
    expect(proxyChoice({ http: 'http://one' })(to('a.example'))).toBeNull();
  });

  test.each([
    ['*', ['a.example', '10.0.0.1'], []],
    ['a.example', ['a.example', 'A.EXAMPLE', 'a.example.'], ['b.a.example', 'ba.example']],
    ['.a.example', ['a.example', 'b.a.example', 'c.b.a.example'], ['ba.example']],
    ['*.a.example', ['b.a.example'], ['ba.example']],
    ['a.example:443, b.example:80', ['a.example'], ['b.example']],
    ['10.0.0.1', ['10.0.0.1'], ['10.0.0.2']],
    ['10.0.0.1-10.0.0.9', ['10.0.0.5'], ['10.0.0.10']],
    ['10.0.0.0/8 fd00::/8', ['10.1.2.3', 'fd00::1'], ['11.0.0.1', 'fe80::1']],
    ['[::1]', ['::1'], ['::2']],
  ])('NO_PROXY=%s', (no, direct, proxied) => {
    const choose = proxyChoice({ https: 'http://p', no });
    for (const host of direct) expect(choose(to(host)), host).toBeNull();
    for (const host of proxied) expect(choose(to(host)), host).not.toBeNull();
  });

  test.each([
    '',
    'ftp://p',
    'http://',
    'socks4://p:1080',
    'http://p:99999',
    'http://user:secret@',
    'socks5://secret@p',
  ])('%j is none, and its message does not show the secret', (url) => {
    expect(() => parseProxy(url)).toThrow(/^Invalid proxy: /);
    expect(() => parseProxy(url)).not.toThrow(/secret/);
  });

  test('the variables of the environment apply only if Node is configured to use them', () => {
    const env = { HTTP_PROXY: 'http://a', https_proxy: 'http://b', HTTPS_PROXY: 'http://c', NO_PROXY: 'd' };
    expect(proxyFromEnvironment(env)).toBeUndefined();
    expect(proxyFromEnvironment({ ...env, NODE_USE_ENV_PROXY: '1' })).toEqual({
      http: 'http://a',
      https: 'http://b',
      no: 'd',
    });
  });
});
