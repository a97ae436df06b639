import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseDeliveryId } from '../../packages/posthorn/src/domain/ids.ts';
import { aReceiver, until } from '../support.ts';
import { asName, payloads } from './payloads.ts';
import type { Serving } from './support.ts';

// A server on which everything that others write is hostile: what they publish, how receivers answer, how things are named.

/** What no receiver may see. */
export const secretNames = { team: 'internal-team', template: 'internal-template' } as const;

interface Id {
  readonly id: string;
}
interface Items<T> {
  readonly items: readonly T[];
}

export interface HostileWorld {
  /** For each parameter of a page's path one that is there. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Its attempts were answered with every payload in turn. */
  readonly delivery: string;
  close(): Promise<void>;
}

/** Gives a delivery an attempt for each payload, which answered with it in its body, its headers and its message. */
function answerWithAll(dataDir: string, delivery: number): void {
  const db = new DatabaseSync(join(dataDir, 'posthorn.db'), { timeout: 60_000 });
  db.prepare('DELETE FROM attempts WHERE delivery = ?').run(delivery);
  const insert = db.prepare(
    `INSERT INTO attempts (delivery, n, started_at, duration_ms, status_code, outcome, error_class, message, response_excerpt,
       trigger, node, lease_until, wire) VALUES (?, ?, ?, 100, 500, 'retry', 'http_5xx', ?, ?, 0, 'node', NULL, ?)`,
  );
  for (const [index, payload] of payloads.entries()) {
    const text = payload.toWellFormed();
    const phasesMs = { lookup: null, connect: null, proxy: null, tls: null, firstByte: 1 };
    const wire = { address: text.slice(0, 100), phasesMs, headers: [[text.slice(0, 60), text]] };
    const at = Date.now() - (payloads.length - index) * 1000;
    insert.run(delivery, index + 1, at, text.slice(0, 300), text.slice(0, 4096), JSON.stringify(wire));
  }
  db.prepare('UPDATE deliveries SET claim = ?, attempts = ?, message = ? WHERE number = ?').run(
    payloads.length,
    payloads.length,
    payloads[0]!,
    delivery,
  );
  db.close();
}

export async function aHostileWorld({ client, dataDir }: Serving): Promise<HostileWorld> {
  const request = <T = unknown>(method: string, path: string, body?: unknown): Promise<T> =>
    client.request<T>(method, path, body);
  const put = (path: string, body: unknown): Promise<unknown> => request('PUT', path, body);
  const name = (index: number, max = 120): string => asName(payloads[index % payloads.length]!, max);
  let answered = 0;
  const receiver = await aReceiver((_, response) => {
    const payload = payloads[answered++ % payloads.length]!;
    const header = Buffer.from(payload.toWellFormed().slice(0, 200))
      .toString('latin1')
      .replaceAll(/[^\x20-\x7e\x80-\xff]/g, '');
    response.writeHead(503, { 'x-from': header, 'content-type': 'text/html' });
    response.end(payload);
  });
  const origin = new URL(receiver.url).origin;

  await put('/v1/channels/ops', { kind: 'webhook', url: `${origin}/channel` });
  await put(`/v1/teams/${secretNames.team}`, { description: name(0), channels: ['ops'] });
  await put('/v1/teams/payments', { channels: [] });
  await put(`/v1/templates/${secretNames.template}`, { description: name(2), retry: { schedule_s: [5] } });
  await put('/v1/event-types/payment.succeeded', {
    description: name(4),
    owner: 'payments',
    template: secretNames.template,
  });
  await put('/v1/slos/in-time', {
    description: name(8),
    objective: 'delivered_within',
    target: 0.9,
    window_days: 7,
    event_types: ['payment.*'],
    producer: 'payments',
    consumer: secretNames.team,
  });
  const endpoint = async (fields: object): Promise<string> =>
    (await request<Id>('POST', '/v1/endpoints', { url: receiver.url, owner: secretNames.team, ...fields }))
      .id;
  const failing = await endpoint({
    description: name(0),
    url: `${origin}/${encodeURIComponent(name(3))}?q=${encodeURIComponent(name(39))}`,
    event_types: ['payment.succeeded'],
    retry: { schedule_s: [] },
    metadata: { note: payloads[5]! },
  });
  const dying = await endpoint({
    description: name(12),
    event_types: ['refund.updated'],
    retry: { schedule_s: [] },
  });
  const paused = await endpoint({ description: name(3), event_types: ['payout.paid'] });
  await request('POST', `/v1/endpoints/${paused}/pause`, { reason: name(2) });

  await request('POST', '/v1/events', {
    id: 'first',
    type: 'payment.succeeded',
    ordering_key: name(4),
    data: { payloads: payloads.map((text) => text.toWellFormed()) },
    value: { amount_minor: 1, currency: 'EUR' },
  });
  await request('POST', '/v1/events/batch', {
    events: payloads.map((payload, index) => ({
      id: asName(`${index} ${payload}`, 255),
      type: index % 7 === 0 ? 'payout.paid' : 'refund.updated',
      ordering_key: asName(payload, 200),
      data: { text: payload.toWellFormed(), [asName(payload, 200)]: index },
      value: { amount_minor: 100 + index, currency: index % 2 === 0 ? 'EUR' : 'KWD' },
    })),
  });
  await request('POST', '/v1/events', {
    id: 'large',
    type: 'refund.updated',
    data: { text: '<b>'.repeat(60_000) },
  });
  for (const index of [0, 2, 39, 48]) {
    await request('POST', '/v1/markers', {
      label: name(index),
      kind: 'change',
      at: new Date(Date.now() - (index + 3) * 3_600_000).toISOString(),
    });
    await request('POST', '/v1/keys', { name: name(index, 100), scopes: ['read'] });
  }
  const redrives: string[] = [];
  await until('all have failed', async () => {
    const { items } = await request<Items<{ state: string }>>('GET', '/v1/deliveries?limit=200');
    return items.every(({ state }) => state === 'dead' || state === 'suppressed');
  });
  for (const index of [1, 39]) {
    const { id } = await request<Id>('POST', '/v1/redrives', {
      filter: { endpoint_id: dying },
      name: name(index, 100),
      rate_per_s: 0.001,
    });
    redrives.push(id);
  }
  const { id: replay } = await request<Id>('POST', '/v1/replays', {
    filter: { endpoint_id: dying, state: 'dead' },
    name: name(2, 100),
    rate_per_s: 0.001,
  });
  const { items } = await request<Items<Id>>('GET', '/v1/deliveries?event_id=first');
  const delivery = items[0]!.id;
  answerWithAll(dataDir, parseDeliveryId(delivery)!);
  return {
    delivery,
    parameters: {
      $delivery: delivery,
      $tenant: 'default',
      $id: 'first',
      $endpoint: failing,
      $objective: 'in-time',
      $team: secretNames.team,
      $redrive: redrives[0]!,
      $replay: replay,
    },
    close: () => receiver.close(),
  };
}
