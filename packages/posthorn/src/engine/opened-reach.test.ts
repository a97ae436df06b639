import { expect, test } from 'vitest';
import { anEndpoint, secretKey } from '../../../../test/support.ts';
import { systemRandom } from '../runtime/random.ts';
import { createKeyring, plainKeyring } from '../secrets/keyring.ts';
import { secretKeysFrom } from '../secrets/secret-key.ts';
import { openedReach, reachesOtherwise } from './opened-reach.ts';

const keys = secretKeysFrom(secretKey);
if (typeof keys === 'string') throw new Error(keys);
const keyring = createKeyring(keys, { random: systemRandom });

test('a receiver is reached otherwise when a setting or a secret is another, not when it is sealed anew (G9)', () => {
  const seal = (text: string) => keyring.seal(text);
  const bearer = (token: string) => anEndpoint({ id: 'ep_1', auth: { type: 'bearer', token: seal(token) } });
  const through = (password: string) =>
    anEndpoint({ id: 'ep_1', proxy: { url: 'http://user@proxy.example:3128', password: seal(password) } });
  const plain = anEndpoint({ id: 'ep_1' });
  expect(reachesOtherwise(bearer('one'), bearer('one'), keyring)).toBe(false);
  expect(reachesOtherwise(through('one'), through('one'), keyring)).toBe(false);
  expect(reachesOtherwise(plain, { ...plain, description: 'other' }, keyring)).toBe(false);
  expect(reachesOtherwise(bearer('one'), bearer('two'), keyring)).toBe(true);
  expect(reachesOtherwise(through('one'), through('two'), keyring)).toBe(true);
  expect(reachesOtherwise(plain, bearer('one'), keyring)).toBe(true);
  expect(reachesOtherwise(through('one'), { ...plain, proxy: 'direct' }, keyring)).toBe(true);
  // What cannot be opened may be anything.
  expect(reachesOtherwise(bearer('one'), bearer('one'), plainKeyring)).toBe(true);
});

test('an endpoint without such settings costs its requests nothing', () => {
  const { reach, headers, hidden } = openedReach(anEndpoint(), keyring);
  expect([reach, headers, hidden]).toEqual([null, [], []]);
});
