import { expect, test } from 'vitest';
import { anEndpoint } from '../../../../test/support.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { systemRandom } from '../runtime/random.ts';
import { createKeyring } from './keyring.ts';
import { newSecretKey, secretKeysFrom } from './secret-key.ts';
import { mapSecrets, missingKeys, sealedPart, sealFault, endpointSecrets } from './sealed-values.ts';

const aKeyring = () =>
  createKeyring(secretKeysFrom(newSecretKey(systemRandom)) as never, { random: systemRandom });
const keyring = aKeyring();

/** One with a secret in every place that an endpoint has for them, each its own. */
function anEndpointWithAll(): Endpoint {
  const seal = (name: string): string => keyring.seal(name);
  return anEndpoint({
    description: seal('not a secret: a caller wrote it'),
    metadata: { a: 'plain:1:header:x' },
    headers: { a: seal('header') },
    channel: { url: seal('channel'), members: { routing_key: seal('member') } },
    signingKeys: [
      {
        id: 'k',
        keySet: 's',
        publicKey: 'whpk_',
        privateKey: seal('private key'),
        createdAt: 0,
        expiresAt: null,
      },
    ],
    auth: { type: 'basic', username: 'sealed:1:not:one:AAAA', password: seal('password') },
    tls: {
      clientCertificate: 'PEM',
      clientKey: seal('client key'),
      ca: null,
      minVersion: null,
      serverName: 'plain:1:header:x',
      clientCertificates: [],
      authorities: [],
    },
    proxy: { url: 'http://a', password: seal('proxy') },
  });
}

test('G9: every secret of an endpoint is found, and nothing else that looks like one', () => {
  const endpoint = anEndpointWithAll();
  const opened = endpointSecrets(endpoint).map((text) => keyring.open(text));
  expect(opened.toSorted()).toEqual(
    [
      'channel',
      'client key',
      'header',
      'member',
      'password',
      'private key',
      'proxy',
      endpoint.secrets[0]!.secret,
    ].toSorted(),
  );
  expect(sealFault(keyring, endpoint)).toBeNull();
  expect(missingKeys(keyring, endpoint)).toEqual([]);
  expect(missingKeys(aKeyring(), endpoint)).toEqual([keyring.keyId]);
  expect(sealFault(aKeyring(), endpoint)).toMatch(/sealed with secret key/);
  const part = sealedPart(endpoint);
  expect(mapSecrets(part, (text) => text)).toEqual(part);
  const changed = { ...endpoint, ...mapSecrets(part, () => 'new') };
  expect(changed.metadata).toEqual(endpoint.metadata);
  expect(changed.tls).toMatchObject({ clientKey: 'new', serverName: 'plain:1:header:x' });
  expect(changed.auth).toMatchObject({ username: 'sealed:1:not:one:AAAA', password: 'new' });
});
