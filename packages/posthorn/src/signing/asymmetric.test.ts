import { createPublicKey, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { systemRandom } from '../runtime/random.ts';
import { newKeyPair, parsePrivateKey, signAsymmetrically } from './asymmetric.ts';

test('v1a: Ed25519 over id, timestamp and body, as Standard Webhooks says', () => {
  // RFC 8032, section 7.1, test 1.
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
  const pair = newKeyPair({ bytes: () => seed });
  expect(pair.publicKey).toBe(
    `whpk_${Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex').toString('base64')}`,
  );
  expect(Buffer.from(pair.privateKey.slice(5), 'base64').subarray(0, 32)).toEqual(seed);
  const body = Buffer.from('{"ö":1}');
  const header = signAsymmetrically([parsePrivateKey(pair.privateKey)], 'msg_1', 1700000000, body);
  expect(header).toMatch(/^v1a,[A-Za-z0-9+/]{86}==$/);
  const x = Buffer.from(pair.publicKey.slice(5), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const signature = Buffer.from(header.slice(4), 'base64');
  expect(verify(null, Buffer.concat([Buffer.from('msg_1.1700000000.'), body]), key, signature)).toBe(true);
  expect(verify(null, Buffer.concat([Buffer.from('msg_2.1700000000.'), body]), key, signature)).toBe(false);
});

test('several keys sign side by side, and what is not a key is refused', () => {
  const keys = [newKeyPair(systemRandom), newKeyPair(systemRandom)].map(({ privateKey }) =>
    parsePrivateKey(privateKey),
  );
  expect(signAsymmetrically(keys, 'a', 1, Buffer.from('x')).split(' ')).toHaveLength(2);
  for (const text of ['whsk_', 'whsk_AAAA', `whsec_${'A'.repeat(88)}`])
    expect(() => parsePrivateKey(text)).toThrow(/whsk_/);
});
