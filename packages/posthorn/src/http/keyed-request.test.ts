import { expect, test } from 'vitest';
import { type RequestContent, requestSecrets, sealNonceBytes } from './keyed-request.ts';

const nonce = new Uint8Array(sealNonceBytes).fill(7);
const answer = { status: 201, contentType: 'application/json', body: '{"secret":"whsec_c2VjcmV0","n":"é"}' };

test('an answer is read with the API key and the Idempotency-Key that it was sealed with, and with no others', () => {
  const sealed = requestSecrets('phk_a', 'key').seal(answer, nonce)!;
  expect(requestSecrets('phk_a', 'key').unseal(sealed)).toEqual(answer);
  expect(requestSecrets('phk_b', 'key').unseal(sealed)).toBeNull();
  expect(requestSecrets('phk_a', 'other').unseal(sealed)).toBeNull();
  expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toContain('whsec');
});

test('an answer that was changed, or is none, is not read', () => {
  const secrets = requestSecrets('phk_a', 'key');
  const bytes = Buffer.from(secrets.seal(answer, nonce)!, 'base64');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    expect(secrets.unseal(changed.toString('base64'))).toBeNull();
  }
  expect(secrets.unseal('')).toBeNull();
  expect(secrets.unseal('AAAA')).toBeNull();
});

test('an answer without a body, and one of the longest that are kept; a longer one is not', () => {
  const secrets = requestSecrets('phk_a', 'key');
  const withBody = (body: string) => ({ status: 204, contentType: '', body });
  for (const body of ['', 'x'.repeat(1024 * 1024)])
    expect(secrets.unseal(secrets.seal(withBody(body), nonce)!)).toEqual(withBody(body));
  expect(secrets.seal(withBody(`${'x'.repeat(1024 * 1024 - 1)}é`), nonce)).toBeNull();
});

test('a fingerprint is of method, path, query and body, and nothing runs into its neighbor', () => {
  const of = (fields: Partial<RequestContent>, apiKey = 'phk_a', key = 'key'): string =>
    requestSecrets(apiKey, key).fingerprint({ method: 'POST', url: '/v1/a', body: '{}', ...fields });
  const prints = [
    of({}),
    of({ method: 'PUT' }),
    of({ url: '/v1/b' }),
    of({ url: '/v1/a?tenant=b' }),
    of({ body: '' }),
    of({ body: '{} ' }),
    of({ url: '/v1/a{}', body: '' }),
    of({}, 'phk_b'),
    of({}, 'phk_a', 'other'),
  ];
  expect(new Set(prints).size).toBe(prints.length);
  expect(of({})).toBe(of({}));
});
