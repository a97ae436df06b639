import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { createReceiver } from '../../packages/client/src/receiver/index.ts';
import { aReceiver, until } from '../support.ts';
import type { WireClient } from '../wire-client.ts';

const fixtures = join(import.meta.dirname, '../data/upgrades');

/** Data of earlier versions (make.ts), by their names. */
export const earlierVersions = (ending: 'db' | 'sql'): readonly string[] =>
  globSync(`*.${ending}.gz`, { cwd: fixtures })
    .map((file) => basename(file, `.${ending}.gz`))
    .toSorted();

export const dataOf = (version: string, ending: 'db' | 'sql'): Buffer =>
  gunzipSync(readFileSync(join(fixtures, `${version}.${ending}.gz`)));

/** History is kept however old the data is. */
export const keepsAll = { retentionDays: 36_500, deadRetentionDays: 36_500 };

export interface Upgraded {
  readonly counts: Readonly<Record<string, number>>;
  readonly data: unknown;
  readonly publishedAgain: { readonly duplicate: boolean };
  /** Data of what a receiver gets by a redrive of what was suppressed, its signature verified. */
  readonly redriven: number;
}

const event = (n: number): object => ({
  id: `pay_${n}`,
  type: 'payment.succeeded',
  data: { amount: 1000 + n, currency: 'EUR', text: 'é ☃ "\\u0007"' },
  ordering_key: `customer_${n % 3}`,
});

/** Uses what make.ts has left, through the API of now. */
export async function useUpgraded(client: WireClient): Promise<Upgraded> {
  const { accepted, delivered, suppressed, unaccounted, pending, dead, cancelled } = await client.request<
    Record<string, number>
  >('GET', '/v1/accounting');
  const counts = { accepted, delivered, suppressed, unaccounted, other: pending! + dead! + cancelled! };
  const { data } = await client.request<{ data: unknown }>('GET', '/v1/events/pay_7');
  const publishedAgain = await client.request<{ duplicate: boolean }>('POST', '/v1/events', event(7));
  const { items } = await client.request<{ items: readonly { id: string; paused_reason: string | null }[] }>(
    'GET',
    '/v1/endpoints',
  );
  const paused = items.find(({ paused_reason: reason }) => reason !== null)!;
  const receiver = await aReceiver();
  await client.request('PATCH', `/v1/endpoints/${paused.id}`, { url: receiver.url });
  const { secret } = await client.request<{ secret: string }>(
    'POST',
    `/v1/endpoints/${paused.id}/rotate-secret`,
    {},
  );
  await client.request('POST', `/v1/endpoints/${paused.id}/resume`, {});
  const filter = { endpoint_id: paused.id, state: 'suppressed' };
  await client.request('POST', '/v1/redrives', { filter });
  await until('all of them have arrived', () => receiver.requests.length >= 20);
  const verifying = createReceiver({ keys: secret, handle: () => {} });
  let redriven = 0;
  for (const { headers, body } of receiver.requests)
    if ((await verifying.receive({ headers, read: () => body })).outcome === 'processed') redriven++;
  await receiver.close();
  return { counts: counts as Record<string, number>, data, publishedAgain, redriven };
}

export const expectedUse: Upgraded = {
  counts: { accepted: 120, delivered: 40, suppressed: 20, unaccounted: 0, other: 60 },
  data: { amount: 1007, currency: 'EUR', text: 'é ☃ "\\u0007"' },
  publishedAgain: expect.objectContaining({ duplicate: true }) as Upgraded['publishedAgain'],
  redriven: 20,
};
