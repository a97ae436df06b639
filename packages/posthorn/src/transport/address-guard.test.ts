import fc from 'fast-check';
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { expect, test } from 'vitest';
import { closedAddresses, closedForms, closedNames, openHosts } from '../../../../test/address-forms.ts';
import { aReceiver } from '../../../../test/support.ts';
import { systemClock } from '../runtime/clock.ts';
import { systemRandom } from '../runtime/random.ts';
import { createAddressGuard, guardedLookup, isPublicAddress } from './address-guard.ts';
import { systemNames } from './name-lookup.ts';
import { createHttpTransport } from './http-transport.ts';
import { createMailTransport } from './mail-transport.ts';

const closed = [...closedAddresses, ...closedForms, ...closedNames];
const guard = createAddressGuard();
/** The host as a URL of this scheme holds it. */
const hostIn = (scheme: string, host: string): string => new URL(`${scheme}://${host}/`).hostname;

test('the table has at least 150 forms, none of them twice', () => {
  expect(closed.length).toBeGreaterThanOrEqual(150);
  expect(new Set([...closed, ...openHosts]).size).toBe(closed.length + openHosts.length);
});

test.each(closed)('G9: %s is refused', (host) => {
  for (const scheme of ['http', 'https', 'smtp', 'smtps'])
    expect(guard.refusesHost(hostIn(scheme, host)), scheme).toMatchObject({
      code: 'POSTHORN_BLOCKED_ADDRESS',
    });
});

test.each(openHosts)('G9: %s passes', (host) => {
  for (const scheme of ['http', 'https', 'smtp', 'smtps'])
    expect(guard.refusesHost(hostIn(scheme, host)), scheme).toBeNull();
});

test('G9: of IPv6 nothing outside 2000::/3 passes, whatever is inside it', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(fc.array(byte, { minLength: 16, maxLength: 16 }), (bytes) => {
      fc.pre(bytes[0]! >> 5 !== 1);
      const address = Array.from({ length: 8 }, (_, at) =>
        ((bytes[2 * at]! << 8) | bytes[2 * at + 1]!).toString(16),
      ).join(':');
      expect(isPublicAddress(address)).toBe(false);
    }),
  );
});

test('G9: metadata stays closed where private networks are open, unless its very address is named', () => {
  const open = createAddressGuard({ allowPrivateNetworks: true });
  for (const host of ['127.0.0.1', '[::1]', 'localhost', '10.0.0.1', 'redis', '2130706433', '[fd00::1]'])
    expect(open.refusesHost(host)).toBeNull();
  const metadata = [
    '169.254.169.254',
    '[::ffff:169.254.169.254]',
    '[::169.254.169.254]',
    '[::ffff:0:169.254.169.254]',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:a9fe:a9fe::1]',
    '2852039166',
    '168.63.129.16',
    '100.100.100.200',
    '[fd00:ec2::254]',
    'metadata.google.internal',
  ];
  for (const host of metadata) {
    expect(open.refusesHost(host), host).not.toBeNull();
    const wide = createAddressGuard({ allowNetworks: ['169.254.0.0/16', '0.0.0.0/0', '::/0'] });
    expect(wide.refusesHost(host), host).not.toBeNull();
  }
  const named = createAddressGuard({ allowNetworks: ['169.254.169.254/32', 'fd00:ec2::254'] });
  for (const host of ['169.254.169.254', 'metadata.google.internal', '[::ffff:a9fe:a9fe]', '[fd00:ec2::254]'])
    expect(named.refusesHost(host), host).toBeNull();
  expect(named.refusesHost('168.63.129.16')).not.toBeNull();
});

test('G9: allowed networks open themselves alone, and denied ones win', () => {
  const some = createAddressGuard({
    allowNetworks: ['10.1.0.0/16', 'fd12::/16'],
    denyNetworks: ['10.1.2.0/24', '1.1.1.1', '2606:4700::/32'],
  });
  for (const host of ['10.1.0.1', '[::ffff:10.1.0.1]', '[fd12::1]', '8.8.8.8', 'payments.internal', 'redis'])
    expect(some.refusesHost(host), host).toBeNull();
  for (const host of [
    '10.2.0.1',
    '10.1.2.3',
    '[::ffff:10.1.2.3]',
    '[fd13::1]',
    '1.1.1.1',
    '[2606:4700::1]',
    '127.0.0.1',
    'localhost',
  ])
    expect(some.refusesHost(host), host).not.toBeNull();
  const all = createAddressGuard({ allowPrivateNetworks: true, denyNetworks: ['10.0.0.0/8'] });
  expect(all.refusesHost('10.9.9.9')).not.toBeNull();
  expect(all.refusesHost('127.0.0.1')).toBeNull();
});

test.each([
  '10.0.0.0/33',
  '10.0.0/8',
  'fd00::/129',
  '::ffff:10.0.0.0/104',
  'fe80::1%eth0',
  '10.0.0.0/8/8',
  'x',
  '',
])('%s is not a network', (text) => {
  expect(() => createAddressGuard({ denyNetworks: [text] })).toThrow('Invalid network');
});

test('G9: of what a name leads to, only permitted addresses are handed on, and the error names none', async () => {
  const answers = [
    { address: '10.0.0.5', family: 4 },
    { address: '8.8.8.8', family: 4 },
    { address: '::1', family: 6 },
    { address: '2606:4700::1', family: 6 },
  ];
  const ask = (found: typeof answers, all: boolean): Promise<unknown[]> =>
    new Promise((resolve) => {
      const fake = ((_name: string, _options: object, done: (...answer: unknown[]) => void) =>
        done(null, found)) as unknown as LookupFunction;
      guardedLookup(guard, fake)('a.example', { all }, (...answer: unknown[]) => resolve(answer));
    });
  expect(await ask(answers, true)).toEqual([null, [answers[1], answers[3]]]);
  expect(await ask(answers, false)).toEqual([null, '8.8.8.8', 4]);
  const [error] = await ask([answers[0]!], true);
  expect(error).toMatchObject({ code: 'POSTHORN_BLOCKED_ADDRESS' });
  expect(String(error)).not.toContain('10.0.0.5');
});

test('G9: no form of an address of this machine is connected to, over HTTP or by mail', async () => {
  const sink = await aReceiver();
  const { port } = new URL(sink.url);
  const http = createHttpTransport({
    clock: systemClock,
    random: systemRandom,
    guard,
    names: systemNames(systemClock),
  });
  const mail = createMailTransport({ clock: systemClock, guard, lookup: lookup as LookupFunction });
  const post = async (transport: typeof http, url: string): Promise<string | null> => {
    const body = Buffer.from(
      JSON.stringify({ from: 'a@example.com', to: ['b@example.com'], subject: 's', text: 't' }),
    );
    return (await transport.post({ url, headers: ['webhook-id', 'x'], body, timeoutMs: 2000 })).errorClass;
  };
  for (const host of closed) {
    expect(await post(http, `http://${host}:${port}/`), host).toBe('blocked_address');
    expect(await post(mail, `smtp://${host}:${port}`), host).toBe('blocked_address');
  }
  expect(sink.requests).toEqual([]);
  await http.close();
  await sink.close();
});
