import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { aRawReceiver, type RawReceiver } from '../../../../test/raw-receiver.ts';
import { until } from '../../../../test/support.ts';
import { systemClock } from '../runtime/clock.ts';
import { systemRandom } from '../runtime/random.ts';
import { createAddressGuard } from './address-guard.ts';
import { createHttpTransport } from './http-transport.ts';
import { systemNames } from './name-lookup.ts';
import type { AttemptResult, OutboundRequest } from './transport.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function aTransport() {
  const transport = createHttpTransport({
    clock: systemClock,
    random: systemRandom,
    guard: createAddressGuard({ allowPrivateNetworks: true }),
    names: systemNames(systemClock),
  });
  closing.push(() => transport.close());
  return (url: string, fields: Partial<OutboundRequest> = {}): Promise<AttemptResult> =>
    transport.post({ url, headers: [], body: Buffer.from('{}'), timeoutMs: 30_000, ...fields });
}

async function answering(answer: Parameters<typeof aRawReceiver>[0]): Promise<RawReceiver> {
  const receiver = await aRawReceiver(answer);
  closing.push(() => receiver.close());
  return receiver;
}

describe('a final status that was received decides', () => {
  const bodies: readonly (readonly [string, (socket: Socket, head: string) => void])[] = [
    ['cut by FIN', (s, head) => s.end(`${head}Content-Length: 100\r\n\r\nok`)],
    ['chunked without an end', (s, head) => s.end(`${head}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`)],
    ['with a bad chunk', (s, head) => s.write(`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n`)],
    [
      'cut by RST',
      (s, head) => {
        s.write(`${head}Content-Length: 100\r\n\r\nok`);
        setTimeout(() => s.resetAndDestroy(), 20);
      },
    ],
    ['that never comes', (s, head) => s.write(`${head}Content-Length: 100\r\n\r\n`)],
    ['that never ends', (s, head) => s.write(`${head}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`)],
    ['without a length that never ends', (s, head) => s.write(`${head}\r\nok`)],
    ['without a length', (s, head) => s.end(`${head}\r\nok`)],
    ['badly encoded', (s, head) => s.end(`${head}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok`)],
    [
      'longer than is read',
      (s, head) => s.write(`${head}Content-Length: 900000\r\n\r\n${'x'.repeat(100_000)}`),
    ],
  ];
  test.each(bodies)('a body %s', async (_, send) => {
    const post = aTransport();
    const expected = [
      [200, null],
      [404, 'http_4xx'],
      [410, 'gone'],
      [500, 'http_5xx'],
    ] as const;
    await Promise.all(
      expected.map(async ([status, errorClass]) => {
        const receiver = await answering((s) => send(s, `HTTP/1.1 ${status} X\r\n`));
        const result = await post(receiver.url, { timeoutMs: 60_000 });
        expect(result).toMatchObject({ statusCode: status, ok: errorClass === null, errorClass });
        expect(receiver.requests).toHaveLength(1);
      }),
    );
  });

  test('also where the attempt ends before the body', async () => {
    const receiver = await answering((s) => s.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'));
    expect(await aTransport()(receiver.url, { timeoutMs: 100 })).toMatchObject({ ok: true, statusCode: 200 });
  });

  test('after 100, 102 and 103', async () => {
    const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nLink: <a>\r\n\r\n';
    const receiver = await answering((s) => s.write(interim + ok));
    const post = aTransport();
    expect(await post(receiver.url)).toMatchObject({ ok: true, statusCode: 200, responseExcerpt: 'ok' });
    expect(await post(receiver.url)).toMatchObject({ ok: true });
    expect(receiver.connections).toHaveLength(1);
  });

  test('that comes before the request was read, with a close', async () => {
    const { createServer } = await import('node:net');
    for (const [status, errorClass] of [
      [413, 'http_4xx'],
      [200, null],
    ] as const) {
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => {
          socket.pause();
          socket.end(`HTTP/1.1 ${status} X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const result = await aTransport()(`http://127.0.0.1:${port}/`, { body: Buffer.alloc(20_000_000) });
      expect(result).toMatchObject({ statusCode: status, errorClass });
      server.close();
    }
  });
});

test("G9: without options of its own it connects to public addresses only, and networks are opened by the guard's", async () => {
  const receiver = await answering((s) => s.write(ok));
  for (const [options, expected] of [
    [{}, { errorClass: 'blocked_address' }],
    [{ allowPrivateNetworks: true }, { ok: true, statusCode: 200 }],
    [{ allowNetworks: ['127.0.0.1'] }, { ok: true, statusCode: 200 }],
  ] as const) {
    const transport = createHttpTransport({ clock: systemClock, ...options });
    const request = { url: receiver.url, headers: [], body: Buffer.from('{}'), timeoutMs: 5000 };
    expect(await transport.post(request)).toMatchObject(expected);
    await transport.close();
  }
});

describe("what is the receiver's fault is never ours", () => {
  const faults: readonly (readonly [string, (socket: Socket) => void, string])[] = [
    ['status 000', (s) => s.write('HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n'), 'protocol'],
    ['status 600', (s) => s.write('HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n'), 'protocol'],
    ['status 999', (s) => s.write('HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n'), 'protocol'],
    ['a status in letters', (s) => s.write('HTTP/1.1 abc X\r\nContent-Length: 0\r\n\r\n'), 'protocol'],
    ['101', (s) => s.write('HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n'), 'protocol'],
    ['endless 1xx', (s) => s.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(40)), 'protocol'],
    ['a head without an end', (s) => s.write(`HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(20_000)}`), 'protocol'],
    ['another protocol', (s) => s.write('SSH-2.0-OpenSSH_9.9\r\n'), 'protocol'],
    ['a closed connection', (s) => s.end(), 'reset'],
    ['a half head', (s) => s.end('HTTP/1.1 200 OK\r\nContent-Le'), 'reset'],
    ['only 100', (s) => s.end('HTTP/1.1 100 Continue\r\n\r\n'), 'reset'],
    ['a reset', (s) => s.resetAndDestroy(), 'reset'],
  ];
  test.each(faults)('%s', async (_, send, errorClass) => {
    const receiver = await answering(send);
    // Far longer than the test may take: none of these waits for the timeout.
    const result = await aTransport()(receiver.url, { timeoutMs: 600_000 });
    expect(result).toMatchObject({ ok: false, statusCode: null, errorClass });
    expect(receiver.requests).toHaveLength(1);
  });

  test('a TLS server without TLS, a port without a listener, a silent one', async () => {
    const receiver = await answering((s) => s.write(ok));
    const post = aTransport();
    expect(await post(receiver.url.replace('http:', 'https:'), { timeoutMs: 200 })).toMatchObject({
      errorClass: 'timeout',
      message: 'no TLS handshake within the timeout of 200 ms',
    });
    await until('its connection is closed', () => receiver.connections.every(({ destroyed }) => destroyed));
    const silent = await answering(() => {});
    expect(await post(silent.url, { timeoutMs: 100 })).toMatchObject({
      errorClass: 'timeout',
      message: 'no answer within the timeout of 100 ms',
    });
    await receiver.close();
    expect(await post(receiver.url)).toMatchObject({ errorClass: 'connect' });
    const plain = await answering((s) => s.write(ok));
    plain.connections.length = 0;
    const talks = await import('node:net').then(({ createServer }) =>
      createServer((s) => s.end('hello\r\n')),
    );
    await new Promise<void>((resolve) => talks.listen(0, '127.0.0.1', resolve));
    const { port } = talks.address() as { port: number };
    expect(await post(`https://127.0.0.1:${port}/`)).toMatchObject({
      errorClass: 'tls',
      message: 'ERR_SSL_WRONG_VERSION_NUMBER: the receiver does not speak TLS on this port',
    });
    talks.close();
  });

  test('a header that cannot be sent is ours', async () => {
    const receiver = await answering((s) => s.write(ok));
    for (const headers of [
      ['a', 'b\r\nc: d'],
      ['a b', 'c'],
      ['a', 'é→'],
    ])
      expect(await aTransport()(receiver.url, { headers })).toMatchObject({ errorClass: 'internal' });
    expect(receiver.requests).toEqual([]);
  });
});

describe('connections', () => {
  test('are used again, and never by another sender (G8)', async () => {
    const receiver = await answering((s) => s.write(ok));
    const post = aTransport();
    for (let n = 0; n < 3; n++) await post(receiver.url, { sender: 'ep_1' });
    expect(receiver.connections).toHaveLength(1);
    await post(receiver.url, { sender: 'ep_2' });
    expect(receiver.connections).toHaveLength(2);
    await post(receiver.url, { sender: 'ep_1' });
    expect(receiver.connections).toHaveLength(2);
  });

  test('as many as requests: hundreds that hang keep none waiting (G8)', async () => {
    const receiver = await answering(() => {});
    const post = aTransport();
    const hanging = Array.from({ length: 300 }, () =>
      post(receiver.url, { sender: 'ep_1', timeoutMs: 60_000 }),
    );
    await until('all requests have come', () => receiver.requests.length === 300);
    receiver.connections[0]!.write(ok);
    expect(await Promise.race(hanging)).toMatchObject({ ok: true });
  });

  test('are not used again after an answer in HTTP/1.0, a close, or with bytes behind it', async () => {
    for (const text of [
      ok.replace('1.1', '1.0'),
      ok.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
      ok.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=1\r\n\r\n'),
      `${ok}HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n`,
    ]) {
      const receiver = await answering((s) => s.write(text));
      const post = aTransport();
      for (let n = 0; n < 3; n++) expect(await post(receiver.url)).toMatchObject({ ok: true, message: null });
      expect(receiver.connections).toHaveLength(3);
    }
  });

  test('unsolicited bytes end an idle connection', async () => {
    const receiver = await answering((s) => s.write(ok));
    const post = aTransport();
    await post(receiver.url);
    receiver.connections[0]!.write('HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n');
    await until('it is closed', () => receiver.connections[0]!.destroyed);
    expect(await post(receiver.url)).toMatchObject({ ok: true, statusCode: 200 });
  });

  test('another URL has other connections', async () => {
    const [first, second] = [await answering((s) => s.write(ok)), await answering((s) => s.write(ok))];
    const post = aTransport();
    await post(first.url, { sender: 'ep_1' });
    await post(second.url, { sender: 'ep_1' });
    await until('the former one is closed', () => first.connections[0]!.destroyed);
    expect(second.requests).toHaveLength(1);
  });

  test('a closed transport leaves no attempt open', async () => {
    const receiver = await answering(() => {});
    const transport = createHttpTransport({
      clock: systemClock,
      random: systemRandom,
      guard: createAddressGuard({ allowPrivateNetworks: true }),
      names: systemNames(systemClock),
    });
    const post = () =>
      transport.post({ url: receiver.url, headers: [], body: Buffer.from('{}'), timeoutMs: 60_000 });
    const attempt = post();
    await until('it has come', () => receiver.requests.length === 1);
    await transport.close();
    const stopped = { ok: false, errorClass: 'internal', message: 'Posthorn stopped' };
    expect(await attempt).toMatchObject(stopped);
    expect(await post()).toMatchObject(stopped);
    expect(receiver.requests).toHaveLength(1);
  });
});

describe('a kept connection that the receiver closed', () => {
  test('costs nothing: the request is sent once more on a fresh one, within the attempt', async () => {
    // The second request of each connection meets a reset instead of an answer.
    const receiver = await answering((s, { nth }) => void (nth === 1 ? s.write(ok) : s.resetAndDestroy()));
    const post = aTransport();
    expect(await post(receiver.url)).toMatchObject({ ok: true, message: null });
    expect(await post(receiver.url)).toMatchObject({
      ok: true,
      message: 'sent once more on a new connection: the receiver had closed the kept one',
    });
    expect(receiver.requests).toHaveLength(3);
    expect(receiver.requests[2]).toBe(receiver.requests[1]);
  });

  test('is on record also where the second answer is an error', async () => {
    const failure = 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n';
    const receiver = await answering(
      (s, { nth, all }) => void (nth === 2 ? s.resetAndDestroy() : s.write(all === 1 ? ok : failure)),
    );
    const post = aTransport();
    await post(receiver.url);
    expect(await post(receiver.url)).toMatchObject({
      statusCode: 500,
      message: 'HTTP 500 (sent once more on a new connection: the receiver had closed the kept one)',
    });
  });

  test('once only: a fresh one that is closed fails', async () => {
    const receiver = await answering((s, { all }) => void (all === 1 ? s.write(ok) : s.resetAndDestroy()));
    const post = aTransport();
    await post(receiver.url);
    expect(await post(receiver.url)).toMatchObject({ ok: false, errorClass: 'reset' });
    expect(receiver.requests).toHaveLength(3);
  });

  test.each(['H', 'HTTP/1.1 100 Continue\r\n\r\n'])('not after a byte of an answer: %j', async (begun) => {
    const receiver = await answering((s, { nth }) => void (nth === 1 ? s.write(ok) : s.end(begun)));
    const post = aTransport();
    await post(receiver.url);
    expect(await post(receiver.url)).toMatchObject({ ok: false, errorClass: 'reset' });
    expect(receiver.requests).toHaveLength(2);
  });

  test('one that is silent ends the others that are kept: none of them costs an attempt', async () => {
    let fine = true;
    const receiver = await answering((s, { nth }) => void (fine || nth === 1 ? s.write(ok) : undefined));
    const post = aTransport();
    await Promise.all(Array.from({ length: 5 }, () => post(receiver.url)));
    expect(receiver.connections).toHaveLength(5);
    fine = false;
    expect(await post(receiver.url, { timeoutMs: 100 })).toMatchObject({ errorClass: 'timeout' });
    expect(await post(receiver.url)).toMatchObject({ ok: true, message: null });
    expect(receiver.connections).toHaveLength(6);
  });

  test('a receiver that always closes them gets fresh ones', async () => {
    const receiver = await answering((s, { nth }) => void (nth === 1 ? s.write(ok) : s.end()));
    const post = aTransport();
    for (let n = 0; n < 12; n++) expect(await post(receiver.url)).toMatchObject({ ok: true });
    // The first three that were kept met their end; then none is kept.
    expect(receiver.requests).toHaveLength(12 + 3);
  });
});
