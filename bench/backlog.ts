import { anEndpoint, anEvent } from '../test/support.ts';
import type { Store } from '../src/store/store.ts';
import { payments } from './payments.ts';

/** Fills a store with `count` deliveries that are due now, to one endpoint. */
export async function fillBacklog(
  store: Store,
  url: string,
  count: number,
  maxInFlight: number,
): Promise<void> {
  const now = Date.now();
  await store.createEndpoint(
    anEndpoint({ url, maxInFlight, timeoutMs: 15_000, createdAt: now, updatedAt: now }),
  );
  for (let at = 0; at < count; at += 500) {
    const events = Array.from({ length: Math.min(500, count - at) }, (_, n) =>
      anEvent(payments[(at + n) % payments.length]!),
    );
    await store.accept([events], { now, node: 'filler', leaseMs: 0, defaultRoom: 0, room: new Map() });
  }
}
