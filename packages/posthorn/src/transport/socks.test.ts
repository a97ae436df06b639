import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authority, server } from '../../../../test/certificates.ts';
import { aConnectProxy, aSocksProxy, type TestProxy } from '../../../../test/proxies.ts';
import { aReceiver } from '../../../../test/support.ts';
import { createServer as createHttpsServer } from 'node:https';
import { systemClock } from '../runtime/clock.ts';
import { type AddressGuard, createAddressGuard } from './address-guard.ts';
import { createHttpTransport } from './http-transport.ts';
import type { FoundAddresses, Names } from './names.ts';
import { parseProxy } from './proxy.ts';
import type { Reach } from './reach.ts';
import type { OutboundRequest } from './transport.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Names of the test's own; others are not found. */
function namesOf(known: Readonly<Record<string, readonly string[]>>): Names {
  const found = (host: string): FoundAddresses | null =>
    known[host] === undefined ? null : { addresses: known[host], ttlMs: 60_000 };
  return {
    find: (host, _tenant, listener) => {
      listener.onLookupStarted();
      const answer = found(host);
      if (answer === null)
        listener.onNotFound(Object.assign(new Error(`${host} is not known`), { code: 'ENOTFOUND' }));
      else listener.onFound(answer);
      return () => {};
    },
    known: (host) => found(host),
    close: () => {},
  };
}

const reachThrough = (url: string, tls: Reach['tls'] = null): Reach => ({
  key: url,
  tls,
  proxy: url === 'direct' ? 'direct' : parseProxy(url, false),
  oauth: null,
});

function aPost(
  options: {
    readonly known?: Readonly<Record<string, readonly string[]>>;
    readonly guard?: AddressGuard;
    readonly proxy?: string;
  } = {},
) {
  const { known = {}, guard = createAddressGuard({ allowPrivateNetworks: true }), proxy } = options;
  const transport = createHttpTransport({
    clock: systemClock,
    guard,
    names: namesOf(known),
    ...(proxy === undefined ? {} : { proxy }),
  });
  closing.push(() => transport.close());
  return (url: string, fields: Partial<OutboundRequest> = {}) =>
    transport.post({ url, headers: [], body: Buffer.from('{}'), timeoutMs: 20_000, ...fields });
}

/** One that answers with given bytes to each chunk that it gets, the last ones for good. */
async function aRudeProxy(...answers: readonly (string | number[])[]): Promise<number> {
  const sockets = new Set<Socket>();
  const rude = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let nth = 0;
    socket.on('data', () => {
      const answer = answers[nth++];
      if (answer !== undefined) socket.write(Buffer.from(answer as never));
    });
  });
  await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    rude.close();
  });
  return (rude.address() as AddressInfo).port;
}

let receiver: Awaited<ReturnType<typeof aReceiver>>;
let receiverPort: number;
beforeEach(async () => {
  receiver = await aReceiver();
  receiverPort = Number(new URL(receiver.url).port);
  closing.push(() => receiver.close());
});

async function socks(password?: string): Promise<TestProxy> {
  const proxy = await aSocksProxy(() => receiverPort, password);
  closing.push(() => proxy.close());
  return proxy;
}
async function connectProxy(
  route: (asked: string) => number | null = () => receiverPort,
): Promise<TestProxy> {
  const proxy = await aConnectProxy(route);
  closing.push(() => proxy.close());
  return proxy;
}

describe('SOCKS5', () => {
  test.each(['socks5', 'socks5h'])(
    '%s: the name is looked up here, and its address is asked for',
    async (scheme) => {
      const proxy = await socks();
      const post = aPost({ known: { 'receiver.example': ['93.184.216.34'] } });
      const reach = reachThrough(proxy.url.replace('socks5', scheme));
      expect(await post('http://receiver.example:8080/hook', { reach })).toMatchObject({ ok: true });
      expect(await post('http://receiver.example:8080/hook', { reach })).toMatchObject({ ok: true });
      expect(proxy.asked).toEqual(['93.184.216.34:8080']);
      expect(receiver.requests[0]!.headers.host).toBe('receiver.example:8080');
    },
  );

  test('with user and password', async () => {
    const proxy = await socks('user:p@ss wörd');
    const post = aPost();
    const withUser = (password: string) =>
      reachThrough(proxy.url.replace('://', `://user:${encodeURIComponent(password)}@`));
    const url = 'http://93.184.216.34/hook';
    expect(await post(url, { reach: withUser('p@ss wörd') })).toMatchObject({ ok: true });
    const refused = await post(url, { reach: withUser('wrong'), sender: 'other' });
    expect(refused).toMatchObject({ errorClass: 'proxy', message: expect.stringContaining('credentials') });
    expect(refused.message).not.toContain('wrong');
    expect(await post(url, { reach: reachThrough(proxy.url), sender: 'third' })).toMatchObject({
      errorClass: 'proxy',
      message: expect.stringContaining('asks for credentials'),
    });
  });

  test('carries TLS, whose certificate is the receiver’s by its name', async () => {
    const secure = createHttpsServer(server, (request, response) => {
      request.resume();
      response.end('secure');
    });
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    closing.push(
      () => secure.close(),
      () => secure.closeAllConnections(),
    );
    const { port } = secure.address() as AddressInfo;
    const proxy = await aSocksProxy(() => port);
    closing.push(() => proxy.close());
    const tls = { certificate: null, key: null, ca: authority.cert, minVersion: null, serverName: null };
    const post = aPost({ known: { 'receiver.test': ['93.184.216.34'], 'wrong.test': ['93.184.216.34'] } });
    expect(await post('https://receiver.test/', { reach: reachThrough(proxy.url, tls) })).toMatchObject({
      ok: true,
      responseExcerpt: 'secure',
    });
    expect(await post('https://wrong.test/', { reach: reachThrough(proxy.url, tls) })).toMatchObject({
      errorClass: 'tls',
    });
  });

  test('addresses that the proxy cannot reach are tried one after the other', async () => {
    const proxy = await aSocksProxy((asked) => (asked.startsWith('[') ? null : receiverPort));
    closing.push(() => proxy.close());
    const known = {
      'both.example': ['2606:4700::1', '93.184.216.34'],
      'six.example': ['2606:4700::1', '2606:4700::2'],
    };
    const post = aPost({ known });
    const reach = reachThrough(proxy.url);
    expect(await post('http://both.example/', { reach })).toMatchObject({ ok: true });
    expect(await post('http://six.example/', { reach })).toMatchObject({
      errorClass: 'connect',
      message: 'the proxy cannot reach the receiver (host unreachable)',
    });
    expect(proxy.asked).toHaveLength(3);
  });

  test.each([
    ['speaks HTTP', ['HTTP/1.1 400 Bad Request\r\n\r\n'], 'does not answer as a SOCKS5 proxy'],
    ['speaks version 4', [[4, 0]], 'does not answer as a SOCKS5 proxy'],
    ['wants a method that was not offered', [[5, 1]], 'does not answer as a SOCKS5 proxy'],
    ['takes no method', [[5, 0xff]], 'asks for credentials'],
    [
      'forbids it',
      [
        [5, 0],
        [5, 2, 0, 1, 0, 0, 0, 0, 0, 0],
      ],
      'not allowed by its rules',
    ],
    [
      'has its own codes',
      [
        [5, 0],
        [5, 200, 0, 1, 0, 0, 0, 0, 0, 0],
      ],
      'reply 200',
    ],
    [
      'has an address of an unknown type',
      [
        [5, 0],
        [5, 0, 0, 9, 0, 0, 0, 0, 0, 0],
      ],
      'does not answer as',
    ],
    [
      'speaks for the receiver',
      [
        [5, 0],
        [5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 72, 84, 84, 80],
      ],
      'more than its answer',
    ],
    [
      'answers without end',
      [
        [5, 0],
        [5, 0, 0, 1, ...Array.from({ length: 100_000 }, () => 5)],
      ],
      'more than its answer',
    ],
    ['says nothing', [], 'within the timeout'],
    [
      'stops in its answer',
      [
        [5, 0],
        [5, 0, 0, 3, 255, 97],
      ],
      'within the timeout',
    ],
  ])('a proxy that %s fails the attempt, bounded', async (_, answers, words) => {
    const port = await aRudeProxy(...(answers as number[][]));
    const reach = reachThrough(`socks5://127.0.0.1:${port}`);
    const result = await aPost()('http://93.184.216.34/', { reach, timeoutMs: 500 });
    expect(result.ok).toBe(false);
    expect(['proxy', 'timeout', 'connect']).toContain(result.errorClass);
    expect(result.message).toContain(words);
  });
});

describe("an endpoint's own proxy", () => {
  test('wins over the one of the node; `direct` goes past it', async () => {
    const global = await connectProxy();
    const own = await connectProxy();
    const post = aPost({ proxy: global.url });
    const url = `http://127.0.0.1:${receiverPort}/hook`;
    expect(await post(url, { sender: '1' })).toMatchObject({ ok: true, responseExcerpt: 'by the proxy' });
    expect(await post(url, { sender: '2', reach: reachThrough(own.url) })).toMatchObject({
      ok: true,
      responseExcerpt: 'ok',
    });
    expect(await post(url, { sender: '3', reach: reachThrough('direct') })).toMatchObject({
      ok: true,
      responseExcerpt: 'ok',
    });
    expect(global.asked).toEqual([url]);
    expect(own.asked).toEqual([`127.0.0.1:${receiverPort}`]);
  });

  test.each([
    ['http', connectProxy],
    ['socks5', () => socks()],
  ])('%s: its own address is checked, and so is what it is asked to reach (G9)', async (_, make) => {
    const proxy = await make();
    const name = 'proxy.example';
    const known = {
      [name]: ['127.0.0.1'],
      'private.example': ['10.0.0.1'],
      'metadata.example': ['169.254.169.254'],
      'public.example': ['93.184.216.34'],
    };
    const strict = aPost({ known, guard: createAddressGuard() });
    const byName = reachThrough(proxy.url.replace('127.0.0.1', name));
    for (const reach of [reachThrough(proxy.url), byName])
      expect(await strict('http://public.example/', { reach })).toMatchObject({
        errorClass: 'blocked_address',
      });
    // The proxy alone may be reached: nothing that is private behind it.
    const lenient = aPost({ known, guard: createAddressGuard({ allowNetworks: ['127.0.0.1'] }) });
    for (const host of [
      'private.example',
      'metadata.example',
      '10.0.0.1',
      '[::ffff:10.0.0.1]',
      '169.254.169.254',
    ])
      expect(await lenient(`http://${host}/`, { reach: byName }), host).toMatchObject({
        errorClass: 'blocked_address',
      });
    expect(proxy.asked).toEqual([]);
    expect(await lenient('http://public.example/', { reach: byName })).toMatchObject({ ok: true });
    // A name that is not known here is not left to a foreign proxy.
    expect(await lenient('http://unknown.example/', { reach: byName })).toMatchObject({ errorClass: 'dns' });
    expect(proxy.asked).toEqual(['93.184.216.34:80']);
  });

  test('that fails is its own class, and not ours', async () => {
    const post = aPost();
    const rude = await aRudeProxy('HTTP/1.1 403 No\r\n\r\n');
    expect(
      await post('http://93.184.216.34/', { reach: reachThrough(`http://127.0.0.1:${rude}`) }),
    ).toMatchObject({
      errorClass: 'proxy',
      message: expect.stringContaining('refuses the connection (HTTP 403)'),
    });
    const endless = await aRudeProxy(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(200_000)}`);
    expect(
      await post('http://93.184.216.34/', { reach: reachThrough(`http://127.0.0.1:${endless}`) }),
    ).toMatchObject({
      errorClass: 'proxy',
      message: expect.stringContaining('the head of the answer is too long'),
    });
  });
});

describe('the proxy of the node', () => {
  test('is asked for the address of a name that is known here, once the guard has passed it (G9)', async () => {
    const proxy = await connectProxy(() => null);
    const known = { 'public.example': ['93.184.216.34'], 'private.example': ['10.0.0.1'] };
    const post = aPost({ known, guard: createAddressGuard(), proxy: proxy.url });
    await post('https://public.example/');
    for (const url of ['https://private.example/', 'http://private.example/'])
      expect(await post(url)).toMatchObject({ errorClass: 'blocked_address' });
    expect(proxy.asked).toEqual(['93.184.216.34:443']);
  });

  test('is asked for a name that only the proxy can know', async () => {
    const proxy = await connectProxy(() => null);
    await aPost({ guard: createAddressGuard(), proxy: proxy.url })('https://unknown.example/');
    expect(proxy.asked).toEqual(['unknown.example:443']);
    const other = await socks();
    await aPost({ guard: createAddressGuard(), proxy: other.url })('http://unknown.example/');
    expect(other.asked).toEqual(['unknown.example:80']);
  });
});
