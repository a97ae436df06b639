import { afterAll, beforeAll, expect, test } from 'vitest';
import { aReceiver, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

// What a key sees of payloads and of what receivers answered.

const card = '4111 1111 1111 1111';
const data = `{ "amount": 1099.00, "ids": [12345678901234567891, 4111111111111111], "note": "card ${card}, jenny@example.com" }`;

let server: Awaited<ReturnType<typeof serve>>;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
const seen = new Map<string, { readonly event: string; readonly delivery: string }>();

beforeAll(async () => {
  receiver = await aReceiver((_, response) => {
    response.statusCode = 500;
    response.end(`cannot charge ${card}`);
  });
  server = await serve();
  const call = async (key: string, method: string, path: string, body?: string): Promise<string> => {
    const response = await fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
    });
    expect(response.status).toBeLessThan(300);
    return await response.text();
  };
  await call(apiKey, 'POST', '/v1/endpoints', JSON.stringify({ url: receiver.url }));
  await call(apiKey, 'POST', '/v1/events', `{"id":"evt","type":"payment.failed","data":${data}}`);
  const delivery = async (key: string): Promise<string> => {
    const list = await call(key, 'GET', '/v1/deliveries');
    const { items } = JSON.parse(list) as { items: { id: string; attempt_count: number }[] };
    return items[0]!.attempt_count === 0 ? '' : await call(key, 'GET', `/v1/deliveries/${items[0]!.id}`);
  };
  await until('it was attempted', async () => (await delivery(apiKey)) !== '');
  for (const payloads of ['none', 'masked', 'full', undefined]) {
    const made = await call(
      apiKey,
      'POST',
      '/v1/keys',
      JSON.stringify({ name: 'x', scopes: ['read'], payloads }),
    );
    const { key } = JSON.parse(made) as { key: string };
    seen.set(payloads ?? 'default', {
      event: await call(key, 'GET', '/v1/events/evt'),
      delivery: await delivery(key),
    });
  }
});
afterAll(async () => {
  await server.stop();
  await receiver.close();
});

test('G9: full: byte for byte as it was published, and as the receiver answered', () => {
  const { event, delivery } = seen.get('full')!;
  expect(event.endsWith(`,"payloads":"full","data":${data}}`)).toBe(true);
  expect(delivery).toContain(`"response_excerpt":"cannot charge ${card}"`);
});

test.each(['masked', 'default'])('G9: %s: without payment data; all else as it was published', (kind) => {
  const { event, delivery } = seen.get(kind)!;
  expect(
    event.endsWith(
      `,"payloads":"masked","data":{ "amount": 1099.00, "ids": [12345678901234567891, "[card number]"], "note": "card [card number], [email address]" }}`,
    ),
  ).toBe(true);
  expect(delivery).toContain('"response_excerpt":"cannot charge [card number]"');
});

test('G9: none: neither data nor what the receiver answered', () => {
  const { event, delivery } = seen.get('none')!;
  expect(event.endsWith(',"payloads":"none","data":null}')).toBe(true);
  expect(delivery).toContain('"response_excerpt":null');
});
