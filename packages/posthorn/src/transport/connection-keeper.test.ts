import { afterEach, expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { aRawReceiver, type RawReceiver } from '../../../../test/raw-receiver.ts';
import { until } from '../../../../test/support.ts';
import { systemRandom } from '../runtime/random.ts';
import { createAddressGuard } from './address-guard.ts';
import { createHttpTransport } from './http-transport.ts';
import type { Names } from './names.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A transport on time of the test's own, with one name whose addresses the test decides. */
function aTransport(found: { addresses: string[] } = { addresses: ['127.0.0.1'] }, maxOpenFiles = 20_000) {
  const clock = aClock();
  let lookups = 0;
  const names: Names = {
    find: (_host, _tenant, listener) => {
      lookups++;
      listener.onLookupStarted();
      listener.onFound({ addresses: found.addresses, ttlMs: 1000 });
      return () => {};
    },
    known: () => ({ addresses: found.addresses, ttlMs: 1000 }),
    close: () => {},
  };
  const transport = createHttpTransport({
    clock,
    random: { ...systemRandom, float: () => 0.5 },
    guard: createAddressGuard({ allowPrivateNetworks: true }),
    names,
    maxOpenFiles,
  });
  closing.push(() => transport.close());
  const post = (url: string, sender = 'ep_1') =>
    transport.post({ url, headers: [], body: Buffer.from('{}'), timeoutMs: 30_000, sender });
  return { clock, post, transport, lookups: () => lookups };
}

async function receiving(host: string, port?: number, answer = ok): Promise<RawReceiver> {
  const receiver = await aRawReceiver((s) => s.write(answer), {
    host,
    ...(port === undefined ? {} : { port }),
  });
  closing.push(() => receiver.close());
  return receiver;
}

test('a name that leads elsewhere is followed under steady traffic, within ten seconds', async () => {
  const former = await receiving('127.0.0.1');
  const latter = await receiving('127.0.0.2', former.port);
  const found = { addresses: ['127.0.0.1'] };
  const { clock, post } = aTransport(found);
  const url = `http://receiver.test:${former.port}/`;
  for (let n = 0; n < 20; n++) {
    await post(url);
    clock.pass(1000);
  }
  expect(former.connections).toHaveLength(1);
  found.addresses = ['127.0.0.2'];
  for (let n = 0; n < 11; n++) {
    await post(url);
    clock.pass(1000);
  }
  expect(latter.requests.length).toBeGreaterThan(0);
  const { length } = former.requests;
  await post(url);
  expect(former.requests).toHaveLength(length);
});

test('no connection lives longer than five minutes, however busy', async () => {
  const receiver = await receiving('127.0.0.1');
  const { clock, post } = aTransport();
  for (let n = 0; n < 31; n++) {
    await post(`http://receiver.test:${receiver.port}/`);
    clock.pass(10_000);
  }
  expect(receiver.connections).toHaveLength(2);
});

test('an idle connection is closed after 30 seconds, or before the receiver would', async () => {
  for (const [answer, keptMs] of [
    [ok, 29_000],
    [ok.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=5\r\n\r\n'), 3900],
  ] as const) {
    const receiver = await receiving('127.0.0.1', undefined, answer);
    const { clock, post } = aTransport();
    await post(receiver.url);
    clock.pass(keptMs);
    await post(receiver.url);
    expect(receiver.connections).toHaveLength(1);
    clock.pass(keptMs + 1100);
    await until('it is closed', () => receiver.connections[0]!.destroyed);
    await post(receiver.url);
    expect(receiver.connections).toHaveLength(2);
  }
});

test('an answer that never ends is read to 64 KiB, and then its status counts', async () => {
  const receiver = await aRawReceiver((s) => {
    s.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
    s.write('x'.repeat(70_000));
  });
  closing.push(() => receiver.close());
  const { post } = aTransport();
  // No time passes here: neither the wait for a body nor the attempt's timeout can end it.
  const result = await post(receiver.url);
  expect(result).toMatchObject({ ok: true, statusCode: 200 });
  expect(result.responseExcerpt).toHaveLength(4096);
  await until('its connection is closed', () => receiver.connections[0]!.destroyed);
});

test('the next address is tried where one refuses', async () => {
  const receiver = await receiving('127.0.0.3');
  const { post } = aTransport({ addresses: ['127.0.0.1', '127.0.0.2', '127.0.0.3'] });
  expect(await post(`http://receiver.test:${receiver.port}/`)).toMatchObject({ ok: true });
  const { post: none } = aTransport({ addresses: ['127.0.0.1', '127.0.0.2'] });
  expect(await none(`http://receiver.test:${receiver.port}/`)).toMatchObject({ errorClass: 'connect' });
});

test('a name that leads to refused addresses only is not connected to, and which ones stays unsaid (G9)', async () => {
  const clock = aClock();
  const transport = createHttpTransport({
    clock,
    random: systemRandom,
    guard: createAddressGuard(),
    names: {
      find: (_host, _tenant, listener) => {
        listener.onFound({ addresses: ['10.1.2.3', '169.254.169.254'], ttlMs: 1000 });
        return () => {};
      },
      known: () => null,
      close: () => {},
    },
  });
  closing.push(() => transport.close());
  const request = { headers: [], body: Buffer.from('{}'), timeoutMs: 1000 };
  expect(await transport.post({ ...request, url: 'http://receiver.example.com/' })).toMatchObject({
    errorClass: 'blocked_address',
    message: 'receiver.example.com does not lead to a public address',
  });
});

test('of the files that the process may open, idle connections take half', async () => {
  const receiver = await receiving('127.0.0.1');
  const { post } = aTransport(undefined, 20);
  for (let round = 0; round < 2; round++)
    await Promise.all(Array.from({ length: 30 }, (_, n) => post(receiver.url, `ep_${n}`)));
  expect(receiver.requests).toHaveLength(60);
  expect(receiver.connections).toHaveLength(30 + 20);
});

test('the files that the process may open bound how many requests it can carry at once', () => {
  expect(aTransport(undefined, 1024).transport.capacity).toBe(256);
  expect(aTransport(undefined, 40).transport.capacity).toBe(16);
});

test('thousands of origins keep their connections (G8)', async () => {
  const receiver = await receiving('0.0.0.0');
  const { post } = aTransport();
  const origins = 1500;
  const round = async (): Promise<void> => {
    for (let at = 0; at < origins; at += 100)
      await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          post(`http://127.9.${(at + n) >> 8}.${(at + n) & 255}:${receiver.port}/`, `ep_${at + n}`),
        ),
      );
  };
  await round();
  await round();
  expect(receiver.requests).toHaveLength(2 * origins);
  expect(receiver.connections).toHaveLength(origins);
});
