import { SMTPServer } from 'smtp-server';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Posthorn } from '../../packages/posthorn/src/posthorn.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { createNode, listening, requestTo } from './library-http.ts';
import { runHere } from './run-here.ts';
import { apiKey } from './serving.ts';

type WireAlert = {
  readonly id: string;
  readonly rule: string;
  readonly acknowledged_at: string | null;
  readonly notified: readonly Record<string, unknown>[];
};

describe('alerts say who is on it, and channels can be tried', () => {
  let posthorn: Posthorn;
  let ops: Awaited<ReturnType<typeof aReceiver>>;
  let failing: Awaited<ReturnType<typeof aReceiver>>;
  const call = async (
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body?: unknown,
    // oxlint-disable-next-line no-explicit-any -- answers of many shapes, each matched where it is used
  ): Promise<{ status: number; body: any }> => await requestTo(posthorn, method, path, body);
  const alerts = async (query: string): Promise<WireAlert[]> => {
    const { status, body } = await call('GET', `/v1/alerts?${query}`);
    expect(status).toBe(200);
    return body.items;
  };

  beforeAll(async () => {
    ops = await aReceiver();
    failing = await aReceiver((_, response) => {
      response.statusCode = 500;
      response.end('no');
    });
    posthorn = await createNode({
      database: tempDir(),
      allowPrivateNetworks: true,
      evaluateEveryS: 0.2,
      reconcileEveryS: 1,
    });
    await posthorn.start();
    await call('PUT', '/v1/channels/ops', { kind: 'webhook', url: ops.url });
    await call('PUT', '/v1/channels/everybody', { kind: 'webhook', url: failing.url });
    for (const team of ['payments', 'shop']) await call('PUT', `/v1/teams/${team}`, { channels: ['ops'] });
    await call('PUT', '/v1/slos/in-time', {
      target: 0.99,
      event_types: ['payment.*'],
      producer: 'payments',
      consumer: 'shop',
    });
    await call('POST', '/v1/endpoints', {
      url: failing.url,
      owner: 'shop',
      event_types: ['payment.*'],
      retry: { schedule_s: [] },
      deliver_within_s: 1,
    });
    await call('POST', '/v1/events/batch', {
      events: Array.from({ length: 30 }, () => ({ type: 'payment.done', data: {} })),
    });
    await until('dead letters are an alert', async () => (await alerts('owner=shop')).length > 0, 60_000);
  });
  afterAll(async () => {
    await posthorn.stop();
    await ops.close();
    await failing.close();
  });

  test('by owner and time; an acknowledgement keeps who, why and until when', async () => {
    const [alert] = await alerts('owner=shop');
    expect(alert).toMatchObject({ rule: 'dead_letters', acknowledged_by: null, note: null, notified: [] });
    expect(await alerts('owner=payments')).toEqual([]);
    expect(await alerts('slo=in-time&owner=platform')).toEqual([]);
    const soon = new Date(Date.now() + 60_000).toISOString();
    expect(await alerts(`since=${soon}&owner=shop`)).toHaveLength(1);
    const path = `/v1/alerts/${alert!.id}/acknowledge`;
    for (const [body, at] of [
      [{ until: new Date(Date.now() - 1000).toISOString() }, '/until'],
      [{ until: new Date(Date.now() + 31 * 86_400_000).toISOString() }, '/until'],
      [{ note: '' }, '/note'],
    ] as const)
      expect((await call('POST', path, body)).body).toMatchObject({ errors: [{ path: at }] });
    const acknowledged = (await call('POST', path, { note: 'disk full', until: soon })).body;
    expect(acknowledged).toMatchObject({
      acknowledged_at: expect.any(String),
      acknowledged_by: 'admin key',
      acknowledged_until: soon,
      note: 'disk full',
    });
    // Again with nothing to say changes nothing; with something, it does.
    expect((await call('POST', path)).body).toMatchObject({ note: 'disk full', acknowledged_until: soon });
    expect((await call('POST', path, { note: 'ordered' })).body).toMatchObject({
      note: 'ordered',
      acknowledged_until: null,
    });
    await until('the evaluator has stepped past it', async () => {
      const { body } = await call('GET', '/v1/audit-log?action=alerts.acknowledge');
      return body.items.length === 2;
    });
    // Withdrawn, it is as before; once more, nothing is left to withdraw.
    const undo = `/v1/alerts/${alert!.id}/unacknowledge`;
    const withdrawn = { acknowledged_at: null, acknowledged_by: null, acknowledged_until: null, note: null };
    for (let time = 0; time < 2; time++) expect((await call('POST', undo)).body).toMatchObject(withdrawn);
    const { body: log } = await call('GET', '/v1/audit-log?action=alerts.unacknowledge');
    expect(log.items).toMatchObject([{ before: { note: 'ordered' }, after: { acknowledged_at: null } }]);
    expect((await call('POST', '/v1/alerts/alr_none/unacknowledge')).status).toBe(404);
  });

  test("a channel's test answers what the channel answered, and is not repeated", async () => {
    const fine = await call('POST', '/v1/channels/ops/test');
    expect(fine).toMatchObject({
      status: 200,
      body: {
        channel: 'ops',
        kind: 'webhook',
        result: 'delivered',
        status_code: 200,
        response_excerpt: 'ok',
      },
    });
    expect(JSON.parse(ops.requests.at(-1)!.body.toString())).toMatchObject({
      alert: { rule: 'channel_test', state: 'firing' },
    });
    const { body: bad } = await call('POST', '/v1/channels/everybody/test');
    expect(bad).toMatchObject({
      result: 'failed',
      status_code: 500,
      error_class: 'http_5xx',
      response_excerpt: 'no',
    });
    expect((await call('GET', `/v1/deliveries/${bad.delivery_id}`)).body).toMatchObject({
      state: 'cancelled',
      attempt_count: 1,
    });
    expect((await call('POST', '/v1/channels/none/test')).status).toBe(404);
  });

  test('the command line acknowledges with a note, and tests channels', async () => {
    const environment = { POSTHORN_URL: await listening(posthorn), POSTHORN_API_KEY: apiKey };
    Object.assign(process.env, environment);
    try {
      const [alert] = await alerts('owner=shop');
      const wrong = await runHere('alerts', 'ack', alert!.id, '--until', 'noon');
      expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('--until takes a time')]);
      const until1 = new Date(Date.now() + 3_600_000).toISOString();
      expect((await runHere('alerts', 'ack', alert!.id, '--note', 'by hand', '--until', until1)).code).toBe(
        0,
      );
      expect((await alerts('owner=shop'))[0]).toMatchObject({ note: 'by hand', acknowledged_until: until1 });
      const both = await runHere('alerts', 'ack', alert!.id, '--undo', '--note', 'x');
      expect([both.code, both.err]).toEqual([2, expect.stringContaining('neither --note nor --until')]);
      const undone = await runHere('alerts', 'ack', alert!.id, '--undo');
      expect([undone.code, undone.out]).toEqual([0, expect.stringMatching(/^no longer acknowledged: /)]);
      expect((await alerts('owner=shop'))[0]).toMatchObject({ acknowledged_at: null, note: null });
      const fine = await runHere('channels', 'test', 'ops');
      expect([fine.code, fine.out]).toEqual([
        0,
        expect.stringMatching(/^ops \(webhook\) accepted the test after \d+ ms: status 200/),
      ]);
      const bad = await runHere('channels', 'test', 'everybody');
      expect([bad.code, bad.out]).toEqual([
        1,
        expect.stringMatching(/did not accept the test: status 500, http_5xx.*"no"/),
      ]);
      const list = await runHere('channels', '--json');
      expect(JSON.parse(list.out).items.map(({ name }: { name: string }) => name)).toEqual([
        'everybody',
        'ops',
      ]);
    } finally {
      for (const name in environment) delete process.env[name];
    }
  });

  test('every kind of channel can be tested; an incident that it opens is resolved', async () => {
    const mails: string[] = [];
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      logger: false,
      onRcptTo: ({ address }, _, done) =>
        done(
          address.startsWith('no') ? Object.assign(new Error('no such box'), { responseCode: 550 }) : null,
        ),
      onData: (stream, _, done) => {
        let text = '';
        stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
        stream.on('end', () => {
          mails.push(text);
          done();
        });
      },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.server.address() as AddressInfo;
    const email = { kind: 'email', server: `smtp://127.0.0.1:${port}`, from: 'posthorn@example.com' };
    const url = ops.url;
    for (const [name, body] of [
      ['slack', { kind: 'slack', url }],
      ['pager', { kind: 'pagerduty', url, routing_key: 'R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY12' }],
      ['manager', { kind: 'alertmanager', url }],
      ['mail', { ...email, to: ['ops@example.com'] }],
    ] as const) {
      expect((await call('PUT', `/v1/channels/${name}`, body)).status).toBe(200);
      const before = ops.requests.length;
      const { body: result } = await call('POST', `/v1/channels/${name}/test`);
      expect(result, name).toMatchObject({ channel: name, result: 'delivered', error_class: null });
      if (name === 'mail') continue;
      const expected = name === 'slack' ? 1 : 2;
      await until('what it opened is resolved', () => ops.requests.length === before + expected);
      const last = ops.requests.at(-1)!.body.toString();
      expect(last).toMatch(
        { slack: 'A test of the channel', pager: '"resolve"', manager: '"resolved"' }[name],
      );
    }
    expect(mails).toHaveLength(1);
    expect(mails[0]).toContain('Subject: [Posthorn] Ticket: channel_test');
    await call('PUT', '/v1/channels/none', { ...email, to: ['no-mailbox@example.com'] });
    expect((await call('POST', '/v1/channels/none/test')).body).toMatchObject({
      result: 'failed',
      status_code: 550,
    });
    await new Promise<void>((resolve) => server.close(resolve));
  });
});
