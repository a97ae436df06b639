import { expect, test } from 'vitest';
import { systemRandom } from '../runtime/random.ts';
import { createKeyring, isSealed, type Keyring, keyIdFrom, plainKeyring, SecretError } from './keyring.ts';
import { newSecretKey, type SecretKey, secretKeysFrom } from './secret-key.ts';

const keysFrom = (text: string): readonly SecretKey[] => {
  const keys = secretKeysFrom(text);
  if (typeof keys === 'string') throw new Error(keys);
  return keys;
};
const [older, newer] = [newSecretKey(systemRandom), newSecretKey(systemRandom)];
const keyring = (text: string, plaintext = false): Keyring =>
  createKeyring(keysFrom(text), { random: systemRandom, plaintext });

test('G9: what is sealed holds nothing of the secret, is another text each time, and opens', () => {
  const ring = keyring(newer);
  const sealed = ring.seal('Bearer öffne dich', 'header');
  expect(sealed).toMatch(/^sealed:1:[0-9a-f]{8}:header:[A-Za-z0-9+/]+=*$/);
  expect(ring.seal('Bearer öffne dich', 'header')).not.toBe(sealed);
  expect(Buffer.from(sealed.split(':')[4]!, 'base64').includes('Bearer')).toBe(false);
  expect(ring.open(sealed, 'header')).toBe('Bearer öffne dich');
  expect(ring.open(ring.seal('', 'header'), 'header')).toBe('');
  expect(keyIdFrom(sealed)).toBe(ring.keyId);
});

test('what a caller writes is sealed whatever it looks like, and what was never sealed is returned as it is', () => {
  for (const ring of [keyring(newer), plainKeyring])
    for (const text of [keyring(newer).seal('theirs'), 'plain:1:header:x', 'sealed:', 'whsec_abc']) {
      expect(ring.open(ring.seal(text))).toBe(text);
      expect(isSealed(ring.seal(text))).toBe(true);
    }
  expect(keyring(newer).open('whsec_abc')).toBe('whsec_abc');
  expect(isSealed('whsec_abc')).toBe(false);
});

test('several keys open, the first one seals, and renewing seals what another one had sealed, or none', () => {
  const before = keyring(older).seal('secret', 'channel');
  const both = keyring(`${newer},${older}`);
  expect(both.open(before, 'channel')).toBe('secret');
  const renewed = both.renew(before);
  expect(keyIdFrom(renewed)).toBe(keyring(newer).keyId);
  expect(both.renew(renewed)).toBe(renewed);
  expect(keyring(newer).open(renewed, 'channel')).toBe('secret');
  expect(both.renew('never sealed')).toBe('never sealed');
  const plain = plainKeyring.seal('secret', 'channel');
  expect(keyring(newer).open(both.renew(plain), 'channel')).toBe('secret');
  // And back again.
  expect(keyring(newer, true).renew(renewed)).toBe(plain);
  expect(() => keyring(older).open(renewed, 'channel')).toThrow(
    new SecretError(
      `sealed with secret key ${both.keyId}, which this node does not have: add that key to POSTHORN_SECRET_KEY, or set the secret again`,
    ),
  );
  expect(() => keyring(older).renew(renewed)).toThrow(SecretError);
});

test('what was changed, cut, or moved to another use does not open', () => {
  const ring = keyring(newer);
  const sealed = ring.seal('secret', 'header');
  const [, , id, , body] = sealed.split(':');
  const bytes = Buffer.from(body!, 'base64');
  for (let at = 0; at < bytes.length; at += 5) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    expect(() => ring.open(`sealed:1:${id}:header:${changed.toString('base64')}`, 'header')).toThrow(
      SecretError,
    );
  }
  for (const text of [
    sealed.slice(0, -8),
    'sealed:1:',
    'sealed:2:00000000:header:AAAA',
    `sealed:1:${id}:header:AAAA`,
    `sealed:1:${id}:signing:${body}`,
  ])
    for (const purpose of ['header', 'signing'] as const)
      expect(() => ring.open(text, purpose), `${text} ${purpose}`).toThrow(SecretError);
  expect(() => ring.open(sealed, 'signing')).toThrow(/another use \(header\)/);
  expect(() => plainKeyring.open(plainKeyring.seal('x', 'header'))).toThrow(/another use/);
});

test('keys are 32 random bytes in base64, base64url or hexadecimal; files have comments', () => {
  const bytes = Buffer.from(systemRandom.bytes(32));
  const forms = [
    bytes.toString('hex'),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    `phsk_${bytes.toString('base64url')}`,
  ];
  expect(new Set(forms.map((form) => keysFrom(form)[0]!.id)).size).toBe(1);
  expect(keysFrom(forms.join(','))).toHaveLength(1);
  expect(keysFrom(`# a comment, with a comma\n ${newer} \r\n\n${older},\n`)).toHaveLength(2);
});

test.each([
  ['', /contains no key/],
  ['# nothing\n', /contains no key/],
  ['phsk_short-secret', /not 32 bytes/],
  ['correct horse battery staple', /not 32 bytes/],
  ['00'.repeat(32), /repeats itself/],
  ['0123456789abcdef'.repeat(4), /repeats itself/],
  [Buffer.from(Array.from({ length: 32 }, (_, at) => at + 100)).toString('hex'), /repeats itself/],
  [Buffer.from('my-very-secret-passphrase-0123456').subarray(0, 32).toString('base64'), /is text/],
  [`${newer},phsk_short-secret`, /^key 2 is not 32 bytes/],
  [Array.from({ length: 17 }, () => newSecretKey(systemRandom)).join(','), /more than 16 keys/],
])('a weak or wrong key is refused in a sentence that does not repeat it: %s', (text, said) => {
  const found = secretKeysFrom(text);
  expect(found).toMatch(said);
  expect(found).not.toMatch(/short-secret|horse|passphrase|0123/);
});
