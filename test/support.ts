import { mkdtempSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditActor, engineActor } from '../packages/posthorn/src/domain/audit-entry.ts';
import type { Ages } from '../packages/posthorn/src/domain/clock-record.ts';
import { type Endpoint, freshEndpoint } from '../packages/posthorn/src/domain/endpoint.ts';
import { makeEvent, type NewEvent } from '../packages/posthorn/src/domain/event.ts';
import { newEventId } from '../packages/posthorn/src/domain/ids.ts';
import { hashShard, shardCount } from '../packages/posthorn/src/domain/shard.ts';
import { systemRandom } from '../packages/posthorn/src/runtime/random.ts';
import { newSecret } from '../packages/posthorn/src/signing/standard-webhooks.ts';
import type { Store } from '../packages/posthorn/src/store/store.ts';

/** Secrets of the tests' PostgreSQL are encrypted with it. */
export const secretKey = 'phsk_r71eD9buoij4wQ-XuhPXJnHNpBrHKQtkZLXBO_Ho7sA';

export const start = Date.UTC(2026, 0, 1);

/** Ages by a clock that was never wrong. */
export function agesAt(now: number): Ages {
  return { now, lived: now, disputed: [] };
}

export function tempDir(): string {
  return mkdtempSync(join(tmpdir(), 'posthorn-test-'));
}

export function anEndpoint({
  id = `ep_${Buffer.from(systemRandom.bytes(10)).toString('hex')}`,
  tenant = 'default',
  url = 'http://127.0.0.1:1/',
  createdAt = start,
  ...fields
}: Partial<Omit<Endpoint, 'secrets'>> = {}): Endpoint {
  const required = { id, tenant, url, createdAt, secret: newSecret(systemRandom) };
  return freshEndpoint(required, fields);
}

export function anEvent(fields: Partial<NewEvent> = {}): NewEvent {
  const { tenant = 'default', orderingKey: key = null } = fields;
  const shard = key === null ? systemRandom.bytes(1)[0]! % shardCount : hashShard(tenant, key);
  const made = makeEvent({
    id: newEventId(start, systemRandom.bytes(14), shard),
    callerId: fields.id !== undefined,
    tenant,
    type: 'payment.succeeded',
    data: '{"amount":1099}',
    ...fields,
  });
  return { ...made, ...fields };
}

/** Waits for a condition, never for a length of time; the bound catches hangs, also on an overloaded machine. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  maxMs = 120_000,
): Promise<void> {
  const end = Date.now() + maxMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`gave up waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Settings with which a server evaluates its alerts once, after its start: what a test writes stays. */
export const evaluatedOnce = { evaluateEveryS: 3600, reconcileEveryS: 3600 } as const;

/** Waits for that one evaluation. */
export async function evaluated(store: { readonly read: Pick<Store['read'], 'setting'> }): Promise<void> {
  await until(
    'the alerts have been evaluated',
    async () => (await store.read.setting('alerts_evaluated_at')) !== null,
  );
}

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A real receiver on a free port that records every request and responds as scripted. */
export async function aReceiver(
  answer: (request: Received, response: ServerResponse) => void = (_, r) => r.end('ok'),
): Promise<{
  url: string;
  requests: Received[];
  close(): Promise<void>;
}> {
  const requests: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const received = { path: request.url!, headers: request.headers, body: Buffer.concat(chunks) };
      requests.push(received);
      answer(received, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The other fields of a bulk redrive besides id, filter and rate. */
export const aRedrive: {
  readonly kind: 'redrive';
  readonly name: null;
  readonly target: null;
  readonly by: AuditActor;
} = { kind: 'redrive', name: null, target: null, by: engineActor };
