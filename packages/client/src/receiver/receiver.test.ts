import { Webhook as Signer } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import {
  createReceiver,
  type Receiver,
  type ReceiverOptions,
  type Rejection,
  type Webhook,
  webHandler,
  type WebhookEvent,
} from './index.ts';

const secret = `whsec_${Buffer.from('a'.repeat(32)).toString('base64')}`;
const other = `whsec_${Buffer.from('b'.repeat(32)).toString('base64')}`;
const now = Date.UTC(2026, 10, 26);
const text = '{"id":"evt_1","type":"a.b","timestamp":"2026-11-26T00:00:00.000Z","data":{"n":1}}';

function signed(by = secret, body = text, at = now): Record<string, string> {
  return {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(at / 1000),
    'webhook-signature': new Signer(by).sign('evt_1', new Date(at), body),
  };
}

function make(options: Partial<ReceiverOptions<WebhookEvent>> = {}) {
  const handled: Webhook[] = [];
  const rejections: Rejection[] = [];
  const failures: { webhookId: string | null; error: unknown }[] = [];
  const receiver = createReceiver({
    keys: secret,
    handle: (webhook) => void handled.push(webhook),
    onRejected: (rejection) => rejections.push(rejection),
    onFailed: (failure) => failures.push(failure),
    now: () => now,
    ...options,
  });
  return { receiver, handled, rejections, failures };
}

const post = async (receiver: Receiver, headers = signed(), body = text) => {
  const request = new Request('http://x/hook', { method: 'POST', headers, body });
  const response = await webHandler(receiver)(request);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

describe('createReceiver', () => {
  test('hands a verified webhook to the handler', async () => {
    const { receiver, handled } = make();
    expect(await post(receiver)).toEqual({ status: 200, body: { outcome: 'processed' } });
    expect(handled).toEqual([
      { id: 'evt_1', sentAt: new Date(now), event: JSON.parse(text), body: new TextEncoder().encode(text) },
    ]);
  });

  test.each([
    ['missing_header', 'header', 400, {}, text],
    ['malformed_header', 'header', 400, { ...signed(), 'webhook-signature': 'x' }, text],
    ['timestamp_too_old', 'clock', 400, signed(secret, text, now - 301_000), text],
    ['timestamp_too_new', 'clock', 400, signed(secret, text, now + 301_000), text],
    ['signature_invalid', 'signature', 400, signed(other), text],
    ['body_too_large', 'raw_body', 413, signed(), 'x'.repeat(2000)],
    ['invalid_body', 'content', 400, signed(secret, 'no'), 'no'],
  ])('%s names the step %s in its answer and to the hook', async (code, step, status, headers, body) => {
    const { receiver, handled, rejections } = make({ maxBodyBytes: 1000 });
    const answer = await post(receiver, headers, body);
    expect(answer).toMatchObject({ status, body: { type: 'about:blank', status, code, step } });
    expect(rejections).toMatchObject([{ error: { code, step } }]);
    expect(handled).toEqual([]);
    expect(receiver.counters()).toEqual({
      received: 1,
      processed: 0,
      duplicates: 0,
      failed: 0,
      rejected: { [code]: 1 },
    });
  });

  test('what is not signed is rejected before its body is read', async () => {
    const { receiver } = make();
    const read = (): never => {
      throw new Error('read');
    };
    expect(await receiver.receive({ headers: {}, read })).toMatchObject({ code: 'missing_header' });
    expect(await receiver.receive({ headers: signed(secret, text, 0), read })).toMatchObject({
      code: 'timestamp_too_old',
    });
  });

  test('a body without a length is bounded too', async () => {
    const { receiver } = make({ maxBodyBytes: 1000 });
    let sent = 0;
    const body = new ReadableStream({
      pull: (controller) => {
        controller.enqueue(new Uint8Array(400));
        sent++;
      },
    });
    const request = new Request('http://x', {
      method: 'POST',
      headers: signed(),
      body,
      duplex: 'half',
    } as object);
    expect((await webHandler(receiver)(request)).status).toBe(413);
    expect(sent).toBeLessThan(10);
  });

  test('a handler that throws is a 500 that says nothing of it, and the hook learns of it', async () => {
    const error = new Error('password=hunter2');
    const { receiver, failures } = make({
      handle: () => {
        throw error;
      },
    });
    const answer = await post(receiver);
    expect(answer).toMatchObject({ status: 500, body: { code: 'handler_failed' } });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
    expect(failures).toEqual([{ webhookId: 'evt_1', error }]);
    expect(receiver.counters()).toMatchObject({ failed: 1, processed: 0 });
  });

  test('a hook that throws changes nothing', async () => {
    const onRejected = (): never => {
      throw new Error('no');
    };
    expect((await post(make({ onRejected }).receiver, {})).body).toMatchObject({ code: 'missing_header' });
  });

  test('keys may depend on the webhook; without one it is rejected', async () => {
    const { receiver } = make({
      keys: async ({ headers }) => ((headers as Headers).get('tenant') === 'b' ? [other] : []),
    });
    expect((await post(receiver, { ...signed(other), tenant: 'b' })).status).toBe(200);
    expect((await post(receiver, signed())).body).toMatchObject({ code: 'unknown_key', step: 'settings' });
  });

  test('only POST is a webhook', async () => {
    const response = await webHandler(make().receiver)(new Request('http://x/hook'));
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test('a secret that is not set is a fault of the receiver', async () => {
    expect(await post(make({ keys: undefined as unknown as string }).receiver)).toMatchObject({
      status: 500,
      body: { code: 'invalid_secret', step: 'settings' },
    });
  });
});
