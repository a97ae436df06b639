import { describe, expect, test } from 'vitest';
import { anEndpoint } from '../../../../test/support.ts';
import { endpointOperations } from '../contract/endpoints.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { systemRandom } from '../runtime/random.ts';
import { createKeyring, plainKeyring, SecretError } from '../secrets/keyring.ts';
import { newSecretKey, secretKeysFrom } from '../secrets/secret-key.ts';
import { requestHead } from '../transport/request-head.ts';
import { Target } from '../transport/target.ts';
import type { OutboundRequest } from '../transport/transport.ts';
import { signerFrom, traceHeaders, webhookRequest } from './webhook.ts';

const keyring = createKeyring(secretKeysFrom(newSecretKey(systemRandom)) as never, { random: systemRandom });
const delivery = {
  number: 7,
  claim: 2,
  eventId: 'evt_1',
  eventType: 'a.b',
  occurredAt: 0,
  data: '{ "a": 1.10 }',
};

function requestTo(endpoint: Endpoint, data = delivery.data): OutboundRequest {
  const signer = signerFrom(endpoint, keyring);
  if (signer instanceof SecretError) throw signer;
  const trace = traceHeaders(systemRandom)({
    traceId: '1'.repeat(32),
    spanId: '2'.repeat(16),
    state: 'a=b',
  } as never);
  return webhookRequest(
    { ...delivery, data },
    endpoint,
    signer,
    { now: 1000, lived: 1000 },
    trace,
    'Posthorn/test',
  );
}
const bodyOf = (request: OutboundRequest): string => Buffer.from(request.body).toString();

describe('the body', () => {
  test('an envelope, or the data alone, byte for byte', () => {
    expect(bodyOf(requestTo(anEndpoint()))).toBe(
      '{"id":"evt_1","type":"a.b","timestamp":"1970-01-01T00:00:00.000Z","data":{ "a": 1.10 }}',
    );
    for (const data of ['{ "a": 1.10 }', '  [1 , 2]', '"ö"', 'null', '1e400'])
      expect(bodyOf(requestTo(anEndpoint({ body: 'data' }), data))).toBe(data);
  });

  test.each([
    ['{"a":1}', '{"a":1,"routing_key":"k\\"ey"}'],
    ['{}', '{"routing_key":"k\\"ey"}'],
    [' { } ', ' {"routing_key":"k\\"ey"}'],
  ])("G9: what only a channel's sender knows is put in when it is sent: %s", (data, sent) => {
    const channel = {
      url: keyring.seal('https://hooks.test/services/secret-path', 'channel'),
      members: { routing_key: keyring.seal('k"ey', 'channel') },
    };
    const request = requestTo(anEndpoint({ body: 'data', url: 'https://hooks.test/#1', channel }), data);
    expect(bodyOf(request)).toBe(sent);
    expect(request.url).toBe('https://hooks.test/services/secret-path');
  });
});

describe('headers', () => {
  /** Every header that a request of ours has, whatever made it. */
  const ours = (): string[] => {
    const { headers, ...request } = requestTo(anEndpoint());
    const head = requestHead(new Target('https://a.test/', () => null, null), { headers, ...request });
    return head
      .split('\r\n')
      .slice(1, -2)
      .map((line) => line.split(':')[0]!);
  };
  const spelled = (name: string): string[] => [
    name,
    name.toUpperCase(),
    name.replaceAll(/\b./g, (c) => c.toUpperCase()),
  ];

  test('a custom one never takes the place of ours, however it is spelled: refused when it is written', () => {
    expect(ours()).toEqual(
      expect.arrayContaining([
        'host',
        'connection',
        'content-length',
        'content-type',
        'user-agent',
        'webhook-signature',
      ]),
    );
    expect(ours()).toEqual(expect.arrayContaining(['posthorn-attempt', 'traceparent', 'tracestate']));
    const { body } = endpointOperations['endpoints.create'];
    for (const name of ours().flatMap(spelled))
      expect(body.safeParse({ url: 'https://a.test/', headers: { [name]: 'x' } }).success, name).toBe(false);
    expect(body.safeParse({ url: 'https://a.test/', headers: { 'X-A': '1', 'x-a': '2' } }).success).toBe(
      false,
    );
    expect(body.safeParse({ url: 'https://a.test/', headers: { Authorization: '1' } }).success).toBe(true);
  });

  test('and left out where it was stored before it was ours', () => {
    const names = ours().flatMap(spelled);
    const stored = Object.fromEntries(
      [...names, 'X-Theirs'].map((name) => [name, keyring.seal('theirs', 'header')]),
    );
    const { headers } = requestTo(anEndpoint({ headers: stored }));
    const theirs = headers.filter((_, at) => headers[at + (at % 2 === 0 ? 1 : 0)] === 'theirs');
    expect(theirs).toEqual(['X-Theirs', 'theirs']);
  });
});

test('a secret that cannot be opened is an answer, not an exception', () => {
  const endpoint = anEndpoint({ headers: { a: keyring.seal('x', 'header') } });
  expect(signerFrom(endpoint, plainKeyring)).toBeInstanceOf(SecretError);
  expect(signerFrom(anEndpoint({ headers: { a: keyring.seal('x') } }), keyring)).toBeInstanceOf(SecretError);
});
