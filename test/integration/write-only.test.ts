import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { startServing } from '../../packages/posthorn/src/cli/serve-process.ts';
import { readSettings } from '../../packages/posthorn/src/config/settings.ts';
import { openHere } from '../../packages/posthorn/src/store/sqlite/open-here.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { aReceiver, anEvent, evaluated, evaluatedOnce, until } from '../support.ts';

const key = 'phk_write_only_0123456789';
const secrets = {
  header: 'Bearer header-value-1f2e3d',
  other: 'header-value-4c5b6a',
  path: '/services/T000/B000/slack-path-778899',
  query: 'webhook-token-aabbcc',
  routing: 'ddeeff00112233445566778899aabbcc',
  password: 'mail-password-44556677',
};
let url: string;
let store: Store;
let log = '';
let stop: () => Promise<unknown>;
const answers: string[] = [];

beforeAll(async () => {
  const read = readSettings({ port: 0, apiKey: key, allowPrivateNetworks: true, ...evaluatedOnce }, {});
  if ('faults' in read) throw new Error(read.faults.join());
  store = openHere({ dataDir: ':memory:' });
  const write = (fields: Record<string, unknown>, message: string): void => {
    log += `${JSON.stringify(fields)} ${message}\n`;
  };
  const logger = { debug: write, info: write, warn: write, error: write };
  const say = (line: string): void => write({}, line);
  const serving = await startServing(read.settings, {
    store,
    logger: { logger, note: say, print: say, dropped: () => 0 },
  });
  ({ url, stop } = serving);
  // An evaluation in between would be faster than the test to save alerts.
  await evaluated(store);
});
afterAll(() => stop());

async function call(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  answers.push(text);
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

test('G9: what is write-only is in no answer, no event, no metric and no line of the log', async () => {
  const receiver = await aReceiver();
  const pages: string[] = [];
  const pagerDuty = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => pages.push(chunk.toString()));
    request.on('end', () => response.end('{}'));
  });
  await new Promise<void>((resolve) => pagerDuty.listen(0, '127.0.0.1', resolve));
  const pagerUrl = `http://127.0.0.1:${(pagerDuty.address() as AddressInfo).port}/v2/enqueue`;
  try {
    const made = await call('POST', '/v1/endpoints', {
      url: receiver.url,
      headers: { Authorization: secrets.header, 'X-Other': secrets.other },
      retry: { schedule_s: [] },
    });
    const { id, secret } = made.body as { id: string; secret: string };
    expect(made.body['headers']).toEqual({ Authorization: null, 'X-Other': null });
    answers.length = 0;

    // What an answer has can be sent back: null keeps the stored value.
    const { body: read } = await call('GET', `/v1/endpoints/${id}`);
    expect(read['headers']).toEqual({ Authorization: null, 'X-Other': null });
    await call('PATCH', `/v1/endpoints/${id}`, { headers: read['headers'] });
    await call('PATCH', `/v1/endpoints/${id}`, { headers: { Authorization: null } });
    expect(await call('PATCH', `/v1/endpoints/${id}`, { headers: { 'x-never/set': null } })).toMatchObject({
      status: 422,
    });
    expect(await call('PATCH', `/v1/endpoints/${id}`, { headers: { 'x-unset': null } })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/headers/x-unset' }] },
    });
    expect(await call('POST', '/v1/endpoints', { url: receiver.url, headers: { a: null } })).toMatchObject({
      status: 422,
    });
    await call('POST', '/v1/events', { id: 'first', type: 'a.b', data: 1 });
    await until('it is delivered', () => receiver.requests.length === 1);
    expect(receiver.requests[0]!.headers['authorization']).toBe(secrets.header);
    expect(receiver.requests[0]!.headers['x-other']).toBeUndefined();

    const closed = `http://127.0.0.1:${await freePort()}`;
    await call('PUT', '/v1/channels/slack', { kind: 'slack', url: `${closed}${secrets.path}` });
    await call('PUT', '/v1/channels/hook', { kind: 'webhook', url: `${closed}/x?token=${secrets.query}` });
    await call('PUT', '/v1/channels/duty', {
      kind: 'pagerduty',
      routing_key: secrets.routing,
      url: pagerUrl,
    });
    const server = `smtp://ops:${secrets.password}@127.0.0.1:${new URL(closed).port}`;
    await call('PUT', '/v1/channels/mail', {
      kind: 'email',
      server,
      from: 'a@example.com',
      to: ['b@example.com'],
    });
    // What the evaluator stores for the channels of an alert.
    const channels = (await call('GET', '/v1/channels')).body['items'] as {
      name: string;
      endpoint_id: string;
    }[];
    const data = JSON.stringify({
      routing_key: secrets.routing,
      event_action: 'trigger',
      from: 'a',
      to: ['b'],
    });
    const notifications = channels.map(({ name, endpoint_id: endpointId }) => ({
      event: anEvent({ id: `alr_1-firing-1-${name}`, tenant: 'posthorn', type: 'posthorn.alert', data }),
      endpointId,
    }));
    const { version } = await store.read.alerts();
    const now = Date.now();
    expect(await store.write.saveAlerts({ version, changed: [], forgotten: [], notifications, now })).toBe(
      true,
    );
    await call('GET', '/v1/accounting');
    for (const { endpoint_id: endpointId } of channels)
      await call('POST', `/v1/endpoints/${endpointId}/test`);
    await until('PagerDuty is notified', () => pages.some((page) => page.includes('routing_key')));
    expect(pages.join()).toContain(secrets.routing);

    const lists = [
      'endpoints',
      'endpoints?tenant=posthorn',
      'channels',
      'alerts',
      'dead-letters',
      'deliveries?tenant=posthorn',
      'deliveries',
    ];
    for (const list of lists) await call('GET', `/v1/${list}`);
    for (const name of ['slack', 'hook', 'duty', 'mail']) await call('GET', `/v1/channels/${name}`);
    const { body: told } = await call('GET', '/v1/deliveries?tenant=posthorn');
    for (const { id: delivery, event_id: event } of told['items'] as { id: string; event_id: string }[]) {
      await call('GET', `/v1/deliveries/${delivery}`);
      const shown = await call('GET', `/v1/events/${encodeURIComponent(event)}?tenant=posthorn`);
      expect(shown.status).toBe(200);
    }
    for (const path of ['/metrics', '/openapi.json', '/readyz', '/healthz'])
      answers.push(await (await fetch(`${url}${path}`)).text());
    const all = answers.join('\n') + log;
    for (const value of [...Object.values(secrets), secret]) expect(all).not.toContain(value);
    // A new one is shown where it is made, and not again.
    const rotated = (await call('POST', `/v1/endpoints/${id}/rotate-secret`, { grace_s: 60 })).body[
      'secret'
    ] as string;
    expect(JSON.stringify((await call('GET', `/v1/endpoints/${id}`)).body)).not.toContain(rotated);
  } finally {
    pagerDuty.closeAllConnections();
    pagerDuty.close();
    await receiver.close();
  }
});
