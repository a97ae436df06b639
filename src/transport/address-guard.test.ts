import { expect, test } from 'vitest';
import { systemClock } from '../runtime/clock.ts';
import { aReceiver } from '../../test/support.ts';
import { isPublicAddress } from './address-guard.ts';
import { createHttpTransport } from './http-transport.ts';
import { parseRetryAfter } from './retry-after.ts';

test.each([
  '127.0.0.1',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  '[::1]',
  'fe80::1',
  'fc00::1',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  'no address',
])('%s is not public', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each(['8.8.8.8', '1.1.1.1', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test('a guarded transport connects to no private address, by number or by name', async () => {
  const sink = await aReceiver();
  const transport = createHttpTransport({ clock: systemClock, allowPrivateNetworks: false });
  const { port } = new URL(sink.url);
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f.1']) {
    const result = await transport.post({
      url: `http://${host}:${port}/`,
      headers: [],
      body: Buffer.from('{}'),
      timeoutMs: 2000,
    });
    expect(result).toMatchObject({ ok: false, errorClass: 'blocked_address' });
  }
  expect(sink.requests).toEqual([]);
  await transport.close();
  await sink.close();
});

test('Retry-After is seconds or a date', () => {
  const now = Date.UTC(2026, 0, 1);
  expect(parseRetryAfter('120', now)).toBe(120_000);
  expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now)).toBe(30_000);
  expect(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
  for (const bad of [undefined, 'soon', '-5', '1e9', '']) expect(parseRetryAfter(bad, now)).toBeNull();
});
